// The judge of the levels between read committed and snapshot isolation, of lists: it tries every
// order of the transactions, and asks of each read what the definition says (Biswas & Enea, OOPSLA
// 2019; Cerone, Bernardi & Gotsman, CONCUR 2015).
//
// What was read tells of one transaction: whose append came last in it. The order of the lists is
// that of the transactions.
#pragma once

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <vector>

#include "tests/oracle/txn_oracle.h"

namespace faultline::oracle::txn {

enum class CommitLevel { monotonic, atomic, causal, prefix };

struct CommitLevelName {
  CommitLevel level;
  bool sessions;
  std::string_view name;
};
/// Since the order of a list is everybody's, so is that of the transactions, and there is no
/// difference between the two causal ones that know sessions.
inline constexpr std::array<CommitLevelName, 7> commit_levels = {{
    {CommitLevel::monotonic, false, "monotonic-atomic-view"},
    {CommitLevel::atomic, false, "read-atomic"},
    {CommitLevel::atomic, true, "strong-session-read-atomic"},
    {CommitLevel::causal, false, "causal-cerone"},
    {CommitLevel::causal, true, "strong-session-causal"},
    {CommitLevel::causal, true, "causal"},
    {CommitLevel::prefix, false, "prefix"},
}};

class LevelsOracle {
 public:
  bool allows(const Transactions& history, const CommitLevelName& level) {
    history_ = &history;
    level_ = level;
    if (!sane(history, longest_) || reads_future(history)) return false;
    Set oks = 0, infos = 0;
    for (std::size_t t = 0; t < history.size(); ++t) {
      if (history[t].fate == Fate::ok) oks |= only(t);
      if (history[t].fate == Fate::info) infos |= only(t);
    }
    for (Set happened = infos;; happened = (happened - 1) & infos) {
      committed_ = oks | happened;
      std::vector<std::size_t> order;
      for (std::size_t t = 0; t < history.size(); ++t)
        if (has(committed_, t)) order.push_back(t);
      if (knows_whom() && agrees_with_itself()) do {
          if (fits(order)) return true;
        } while (std::next_permutation(order.begin(), order.end()));
      if (happened == 0) return false;
    }
  }

 private:
  static constexpr int nil = -1;

  const Transaction& at(std::size_t t) const { return (*history_)[t]; }
  int by(int key, int element) const { return appender(*history_, key, element); }

  /// A read, unless it ends with an own append.
  struct Read {
    int key = 0;
    int from = nil;
    Set before = 0;  ///< Of whom the transaction had read before.
  };

  /// Collects the reads. False: something was read that never came to be, or was not finished.
  bool knows_whom() {
    for (std::size_t t = 0; t < history_->size(); ++t) {
      reads_[t].clear();
      sources_[t] = 0;
      if (at(t).fate != Fate::ok) continue;
      for (const Micro& m : at(t).micros) {
        if (m.append) continue;
        for (const int e : m.list)
          if (!has(committed_, static_cast<std::size_t>(by(m.key, e)))) return false;
        const int from = m.list.empty() ? nil : by(m.key, m.list.back());
        if (from == static_cast<int>(t)) continue;
        if (from != nil) {
          const auto f = static_cast<std::size_t>(from);
          if (appended(at(f), m.key).back() != m.list.back()) return false;
        }
        reads_[t].push_back({m.key, from, sources_[t]});
        if (from != nil) sources_[t] |= only(static_cast<std::size_t>(from));
      }
    }
    return true;
  }

  /// What a transaction reads is what it read before, and what it appended since; and its appends
  /// to a key come in its own order.
  bool agrees_with_itself() const {
    if (level_.level == CommitLevel::monotonic) return true;
    for (std::size_t t = 0; t < history_->size(); ++t) {
      if (!has(committed_, t)) continue;
      for (int key = 0; key < keys_max; ++key) {
        if (!in_own_order(t, key)) return false;
        if (at(t).fate == Fate::ok && !reads_itself(at(t), key)) return false;
      }
    }
    return true;
  }

  bool in_own_order(std::size_t t, int key) const {
    const Elements& list = longest_[static_cast<std::size_t>(key)];
    std::vector<std::ptrdiff_t> places;
    for (const int e : appended(at(t), key))
      places.push_back(std::find(list.begin(), list.end(), e) - list.begin());
    return std::is_sorted(places.begin(), places.end());
  }

  static bool reads_itself(const Transaction& t, int key) {
    std::optional<Elements> base;
    Elements own;
    for (const Micro& m : t.micros) {
      if (m.key != key) continue;
      if (m.append) {
        own.push_back(m.element);
        continue;
      }
      if (m.list.size() < own.size() ||
          !std::equal(own.begin(), own.end(),
                      m.list.end() - static_cast<std::ptrdiff_t>(own.size())))
        return false;
      Elements rest(m.list.begin(), m.list.end() - static_cast<std::ptrdiff_t>(own.size()));
      // What it appends only later is not there yet.
      for (const int e : rest)
        if (std::ranges::any_of(t.micros,
                                [&](const Micro& o) { return o.append && o.element == e; }))
          return false;
      if (base && *base != rest) return false;
      base = std::move(rest);
    }
    return true;
  }

  bool fits(const std::vector<std::size_t>& order) {
    for (std::size_t i = 0; i < order.size(); ++i) place_[order[i]] = i;
    if (!keeps_lists() || !keeps_sessions()) return false;
    for (std::size_t t = 0; t < history_->size(); ++t)
      for (const Read& read : reads_[t])
        if (read.from != nil && place_[static_cast<std::size_t>(read.from)] > place_[t])
          return false;
    return std::ranges::all_of(order, [&](std::size_t t) {
      return level_.level == CommitLevel::prefix ? has_prefix(t) : misses_nothing(t, order);
    });
  }

  /// The lists are in that order; what nobody read is behind the rest.
  bool keeps_lists() const {
    for (int key = 0; key < keys_max; ++key) {
      const Elements& list = longest_[static_cast<std::size_t>(key)];
      std::size_t last = 0;
      for (const int e : list) {
        const auto t = static_cast<std::size_t>(by(key, e));
        if (!has(committed_, t)) continue;
        if (place_[t] < last) return false;
        last = place_[t];
      }
      for (std::size_t t = 0; t < history_->size(); ++t)
        if (has(committed_, t))
          for (const int e : appended(at(t), key))
            if (std::ranges::find(list, e) == list.end() && place_[t] < last) return false;
    }
    return true;
  }

  bool keeps_sessions() const {
    if (!level_.sessions) return true;
    for (std::size_t t = 0; t < history_->size(); ++t)
      for (std::size_t u = 0; u < history_->size(); ++u)
        if (has(committed_, t) && has(committed_, u) && session_precedes(at(t), at(u)) &&
            place_[t] > place_[u])
          return false;
    return true;
  }

  /// All that it depends on.
  Set past(std::size_t t, const std::vector<std::size_t>& order) const {
    Set all = only(t);
    for (std::size_t i = place_[t] + 1; i-- > 0;) {
      if (!has(all, order[i])) continue;
      all |= sources_[order[i]];
      if (level_.sessions)
        for (const std::size_t u : order)
          if (session_precedes(at(u), at(order[i]))) all |= only(u);
    }
    return all & ~only(t);
  }

  /// What its process did, where that counts.
  Set did_before(std::size_t t) const {
    Set all = 0;
    for (std::size_t u = 0; level_.sessions && u < history_->size(); ++u)
      if (has(committed_, u) && session_precedes(at(u), at(t))) all |= only(u);
    return all;
  }

  bool misses_nothing(std::size_t t, const std::vector<std::size_t>& order) const {
    for (const Read& read : reads_[t]) {
      const Set known = level_.level == CommitLevel::monotonic ? read.before
                        : level_.level == CommitLevel::atomic  ? sources_[t] | did_before(t)
                                                               : past(t, order);
      for (const std::size_t u : order) {
        if (!has(known, u) || static_cast<int>(u) == read.from || appended(at(u), read.key).empty())
          continue;
        if (read.from == nil || place_[u] > place_[static_cast<std::size_t>(read.from)])
          return false;
      }
    }
    return true;
  }

  /// It read what the first few left behind, all of them before it.
  bool has_prefix(std::size_t t) const {
    for (std::size_t cut = 0; cut <= place_[t]; ++cut)
      if (std::ranges::all_of(reads_[t], [&](const Read& read) {
            int last = nil;
            for (std::size_t u = 0; u < history_->size(); ++u)
              if (has(committed_, u) && place_[u] < cut && !appended(at(u), read.key).empty() &&
                  (last == nil || place_[u] > place_[static_cast<std::size_t>(last)]))
                last = static_cast<int>(u);
            return last == read.from;
          }))
        return true;
    return false;
  }

  const Transactions* history_ = nullptr;
  CommitLevelName level_{};
  Set committed_ = 0;
  State longest_;
  std::array<std::vector<Read>, transactions_max> reads_;
  std::array<Set, transactions_max> sources_{};
  std::array<std::size_t, transactions_max> place_{};
};

}  // namespace faultline::oracle::txn
