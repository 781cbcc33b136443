// Spoils histories of transactions: one answer, fate, session or interval at a time.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "tests/oracle/txn_generate.h"

namespace faultline::oracle::txn {

/// Moments from 0, with none left out.
inline void number_moments(Transactions& history) {
  std::vector<int*> moments;
  for (Transaction& t : history) moments.push_back(&t.begin), moments.push_back(&t.end);
  std::ranges::sort(moments, {}, [](const int* at) { return *at; });
  int next = 0;
  for (int* const at : moments) *at = next++;
}

/// Now and then it changes nothing.
class Mutator {
 public:
  explicit Mutator(Rng rng) : rng_(rng) {}

  void spoil(Transactions& history) {
    history_ = &history;
    const int kind = below(14);
    if (kind < 7)
      spoil_read(kind);
    else if (kind < 9)
      change_fate();
    else if (kind < 12)
      shift_moments();
    else if (kind == 12)
      change_session();
    else
      swap_micros();
    FAULTLINE_CHECK(well_formed(history));
  }

 private:
  int below(std::size_t n) { return static_cast<int>(rng_.below(n)); }
  template <typename T>
  T& any(std::vector<T>& items) {
    return items[static_cast<std::size_t>(rng_.below(items.size()))];
  }
  Transaction& any_transaction() { return any(*history_); }

  Micro* any_read() {
    std::vector<Micro*> reads;
    for (Transaction& t : *history_)
      for (Micro& m : t.micros)
        if (!m.append && t.fate == Fate::ok) reads.push_back(&m);
    return reads.empty() ? nullptr : any(reads);
  }

  void spoil_read(int kind) {
    Micro* found = any_read();
    if (found == nullptr) return;
    Elements& list = found->list;
    Elements candidates;
    for (const Transaction& t : *history_)
      for (const int e : appended(t, found->key))
        if (kind != 6 || t.fate != Fate::ok) candidates.push_back(e);
    switch (kind) {
      case 0:  // the last one
        if (!list.empty()) list.pop_back();
        break;
      case 1:  // some of the last
        list.resize(static_cast<std::size_t>(below(list.size() + 1)));
        break;
      case 2:
        if (list.size() > 1) std::swap(any(list), any(list));
        break;
      case 3: {  // what another read saw
        const Micro* other = any_read();
        if (other->key == found->key) list = other->list;
        break;
      }
      case 4: {  // one of the middle
        if (!list.empty()) list.erase(list.begin() + below(list.size()));
        if (below(8) == 0) list.insert(list.begin() + below(list.size() + 1), 99);
        break;
      }
      default:  // one that is not there, or that is; of any transaction, or of a failed one
        if (candidates.empty()) break;
        const int e = any(candidates);
        if (below(8) > 0 && std::count(list.begin(), list.end(), e) > 0) break;
        list.insert(below(3) == 0 ? list.begin() + below(list.size() + 1) : list.end(), e);
    }
  }

  void change_fate() {
    Transaction& t = any_transaction();
    const Fate fates[] = {Fate::ok, Fate::info, Fate::fail};
    t.fate = fates[below(3)];
    if (t.fate == Fate::info) renew_session(t);
  }

  /// The later transactions of its process become another's.
  void renew_session(const Transaction& t) {
    const std::uint32_t fresh = unused_process();
    for (Transaction& later : *history_)
      if (session_precedes(t, later)) later.process = fresh;
  }

  std::uint32_t unused_process() const {
    std::uint32_t fresh = 0;
    for (const Transaction& t : *history_) fresh = std::max(fresh, t.process + 1);
    return fresh;
  }

  void change_session() {
    Transaction& t = any_transaction();
    const std::uint32_t old = t.process;
    t.process = below(2) == 0 ? unused_process() : any_transaction().process;
    if (!well_formed(*history_)) t.process = old;
  }

  /// Moves an event past its neighbours, as far as its session lets it.
  void shift_moments() {
    const int moments = 2 * static_cast<int>(history_->size());
    int at = below(static_cast<std::size_t>(moments));
    const int step = below(2) == 0 ? 1 : -1;
    for (int left = 1 + below(6); left > 0 && at + step >= 0 && at + step < moments; --left) {
      auto [a, of_a] = event(at);
      auto [b, of_b] = event(at + step);
      if (of_a->process == of_b->process) return;
      std::swap(*a, *b);
      at += step;
    }
  }

  std::pair<int*, Transaction*> event(int at) {
    for (Transaction& t : *history_) {
      if (t.begin == at) return {&t.begin, &t};
      if (t.end == at) return {&t.end, &t};
    }
    FAULTLINE_CHECK(false);
    return {};
  }

  void swap_micros() {
    Transaction& t = any_transaction();
    std::swap(any(t.micros), any(t.micros));
  }

  Rng rng_;
  Transactions* history_ = nullptr;
};

/// Two of three are spoilt once or twice.
class Histories {
 public:
  explicit Histories(Rng rng) : generator_(rng.fork("history")), mutator_(rng.fork("mutation")) {}

  Transactions next() {
    Transactions history = generator_.history();
    for (int m = generator_.below(3); m > 0; --m) mutator_.spoil(history);
    FAULTLINE_CHECK(well_formed(history));
    return history;
  }
  Spelling spelling() {
    return {generator_.percent(50), generator_.percent(50), generator_.percent(50),
            generator_.percent(30)};
  }

 private:
  Generator generator_;
  Mutator mutator_;
};

}  // namespace faultline::oracle::txn
