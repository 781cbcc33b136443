// Random histories of transactions for the transactional oracle: answered by a tiny database that
// keeps what some model promises, or by lists cut at random; then spoilt now and then.
#pragma once

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/core/rng.h"
#include "tests/oracle/txn.h"

namespace faultline::oracle::txn {

struct Shape {
  /// In which order transactions commit: as their intervals allow, as sessions do, or any.
  enum class Order { real_time, session, any };
  /// What a transaction reads: all earlier commits, a snapshot, commits closed under visibility, a
  /// snapshot per read, or a prefix of lists that nobody answers for.
  enum class View { serial, snapshot, parallel, committed, random };

  int transactions = 4, keys = 2, micros = 3;
  int slots = 3;  ///< Clients: a process each, until its first info.
  int info_percent = 10, fail_percent = 10, append_percent = 50;
  int theme = 0;          ///< Which patterns.
  bool patterns = false;  ///< Transactions read or append to all keys, or append to one.
  Order order = Order::real_time;
  View view = View::serial;
};

class Generator {
 public:
  explicit Generator(Rng rng) : rng_(rng) {}

  Transactions history() {
    shape_ = shape();
    skeleton();
    if (shape_.view == Shape::View::random)
      answer_at_random();
    else
      answer_by_database();
    return std::move(history_);
  }

  int below(int n) { return static_cast<int>(rng_.below(static_cast<unsigned>(n))); }
  bool percent(int share) { return below(100) < share; }
  Rng& rng() { return rng_; }

 private:
  Shape shape() {
    Shape s;
    s.transactions = 6 - (below(5) * below(5) + 2) / 4;
    s.patterns = percent(60);
    s.theme = below(4);
    s.keys = s.patterns ? 1 + (below(6) + 3) / 4 : 1 + below(keys_max);
    s.micros = 1 + below(3);
    s.slots = 1 + std::max(below(4), below(4));
    s.info_percent = 12 * below(3);
    s.fail_percent = 12 * below(3);
    s.append_percent = 30 + 10 * below(4);
    s.order = static_cast<Shape::Order>(below(3));
    s.view = static_cast<Shape::View>(std::min(below(6), 4));  // more at random
    return s;
  }

  /// Clients that begin and end at random, and what they ask.
  void skeleton() {
    history_.clear();
    std::vector<std::optional<std::size_t>> open(static_cast<std::size_t>(shape_.slots));
    std::vector<std::uint32_t> process(open.size());
    std::iota(process.begin(), process.end(), 0u);
    auto fresh = static_cast<std::uint32_t>(shape_.slots);
    int now = 0, ended = 0;
    while (ended < shape_.transactions) {
      const auto slot = static_cast<std::size_t>(below(shape_.slots));
      if (open[slot]) {
        Transaction& t = history_[*open[slot]];
        t.end = now++;
        if (t.fate == Fate::info) process[slot] = fresh++;
        open[slot].reset();
        ++ended;
      } else if (static_cast<int>(history_.size()) < shape_.transactions) {
        open[slot] = history_.size();
        Transaction& t = history_.emplace_back();
        t.process = process[slot];
        t.begin = now++;
        const int fate = below(100);
        if (fate < shape_.info_percent + shape_.fail_percent)
          t.fate = fate < shape_.info_percent ? Fate::info : Fate::fail;
      }
    }
    elements_ = 0;
    for (Transaction& t : history_)
      if (shape_.patterns)
        pattern(t);
      else
        for (int m = 1 + below(shape_.micros); m > 0; --m)
          add(t, below(shape_.keys), percent(shape_.append_percent));
  }

  void add(Transaction& t, int key, bool appends) {
    t.micros.push_back(appends ? append(key, ++elements_) : read(key, {}));
  }

  /// Anomalies need readers and writers of several keys, which come together too seldom by chance:
  /// forks one append (0) and readers of all (4), skews appends after reading all (3), dirty writes
  /// appends to all (1).
  void pattern(Transaction& t) {
    const std::string_view kinds = std::array<std::string_view, 4>{
        "01234", "04", "334", "14"}[static_cast<std::size_t>(shape_.theme)];
    const int from = below(shape_.keys), kind = kinds[rng_.below(kinds.size())] - '0';
    if (kind == 0) return add(t, from, true);
    for (int i = 0; i < std::max(2, shape_.keys); ++i) {
      const int key = (from + i) % shape_.keys;
      add(t, key, kind == 1 || (kind == 2 && percent(50)));
    }
    if (kind == 3) add(t, from, true);
  }

  /// Per key some order of the appends, of each read some of its beginning.
  void answer_at_random() {
    const bool whole = percent(40), scum = percent(40);
    std::vector<std::size_t> order(history_.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    shuffle(order);
    for (int key = 0; key < shape_.keys; ++key) {
      Elements list;
      for (const std::size_t t : order)
        if (history_[t].fate != Fate::fail || scum)
          for (const int e : appended(history_[t], key)) list.push_back(e);
      if (!whole) shuffle(list);
      for (Transaction& t : history_)
        for (Micro& m : t.micros)
          if (!m.append && m.key == key)
            m.list.assign(
                list.begin(),
                percent(30) ? list.end() : list.begin() + below(static_cast<int>(list.size()) + 1));
    }
  }

  /// The transactions in the order of their commits.
  void commit_order() {
    order_.resize(history_.size());
    std::iota(order_.begin(), order_.end(), std::size_t{0});
    shuffle(order_);
    const double until = 2 * static_cast<double>(history_.size());
    commit_.clear();
    for (const Transaction& t : history_)
      commit_.push_back(t.begin +
                        ((t.fate == Fate::info ? until : t.end) - t.begin) * rng_.uniform());
    if (shape_.order == Shape::Order::real_time)
      std::sort(order_.begin(), order_.end(),
                [&](std::size_t a, std::size_t b) { return commit_[a] < commit_[b]; });
    if (shape_.order == Shape::Order::session)
      for (std::size_t& a : order_)
        for (std::size_t* b = &a + 1; b != order_.data() + order_.size(); ++b)
          if (session_precedes(history_[*b], history_[a])) std::swap(a, *b);
  }

  /// The n-th to commit reads its snapshot; the first `n` bits of a set are those before it.
  void answer_by_database() {
    commit_order();
    happened_ = 0;
    visible_.assign(order_.size(), 0);
    for (std::size_t n = 0; n < order_.size(); ++n) {
      Transaction& t = history_[order_[n]];
      visible_[n] = closed(view(n) & happened_) & happened_;
      State own;
      for (Micro& m : t.micros) {
        auto& mine = own[static_cast<std::size_t>(m.key)];
        if (m.append) mine.push_back(m.element);
        if (m.append) continue;
        std::uint32_t seen = visible_[n];
        if (shape_.view == Shape::View::committed)
          seen = first(static_cast<std::size_t>(below(static_cast<int>(n) + 1))) & happened_;
        m.list = list_of(m.key, seen);
        if ((conflicts(n, m.key) & ~seen) == 0)
          m.list.insert(m.list.end(), mine.begin(), mine.end());
      }
      if (t.fate == Fate::ok || (t.fate == Fate::info && percent(60))) happened_ |= 1u << n;
    }
  }

  using State = std::array<Elements, keys_max>;
  static std::uint32_t first(std::size_t n) { return (1u << n) - 1; }

  /// The earlier commits that append to the key, if it does.
  std::uint32_t conflicts(std::size_t n, int key) const {
    std::uint32_t out = 0;
    if (appended(history_[order_[n]], key).empty()) return 0;
    for (std::size_t i = 0; i < n; ++i)
      if (!appended(history_[order_[i]], key).empty()) out |= 1u << i;
    return out & happened_;
  }

  std::uint32_t view(std::size_t n) {
    if (shape_.view == Shape::View::serial || shape_.view == Shape::View::committed)
      return first(n);
    std::uint32_t wanted = 0;  // what first committer wins demands
    for (int key = 0; key < shape_.keys; ++key) wanted |= conflicts(n, key);
    if (shape_.view == Shape::View::parallel)
      return wanted | (static_cast<std::uint32_t>(rng_.next()) & first(n));
    const Transaction& t = history_[order_[n]];
    const double start = t.begin + (commit_[order_[n]] - t.begin) * rng_.uniform();
    for (std::size_t i = 0; i < n; ++i) {
      const Transaction& earlier = history_[order_[i]];
      if ((shape_.order == Shape::Order::real_time && commit_[order_[i]] < start) ||
          (shape_.order != Shape::Order::any && session_precedes(earlier, t)))
        wanted |= 1u << i;
    }
    std::size_t least = 0;
    while ((wanted & ~first(least)) != 0) ++least;
    if (shape_.order == Shape::Order::real_time) return first(least);
    return first(least + static_cast<std::size_t>(below(static_cast<int>(n - least) + 1)));
  }

  std::uint32_t closed(std::uint32_t set) const {
    std::uint32_t out = set;
    for (std::size_t i = 0; i < order_.size(); ++i)
      if ((set >> i & 1) != 0) out |= visible_[i];
    return out;
  }

  Elements list_of(int key, std::uint32_t seen) const {
    Elements list;
    for (std::size_t i = 0; i < order_.size(); ++i)
      if ((seen >> i & 1) != 0)
        for (const int e : appended(history_[order_[i]], key)) list.push_back(e);
    return list;
  }

  template <typename T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i)
      std::swap(items[i - 1], items[static_cast<std::size_t>(rng_.below(i))]);
  }

  Rng rng_;
  Shape shape_;
  int elements_ = 0;
  Transactions history_;
  std::vector<std::size_t> order_;
  std::vector<double>
      commit_;  ///< By transaction; meaningful where the order is that of real time.
  std::uint32_t happened_ = 0;  ///< By place in the order, as all sets here.
  std::vector<std::uint32_t> visible_;
};

}  // namespace faultline::oracle::txn
