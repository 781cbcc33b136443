// The judge of transactions that write registers and read them, as simple as that of lists
// (txn_oracle.h): what a read saw is the last element of its list, or nil.
//
// An info happened or did not. If it did, it is a committed transaction whose reads are unknown and
// that ends never. A fail did not happen.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/oracle/txn.h"

namespace faultline::oracle::registers {

using txn::keys_max;
using txn::Micro;
using txn::Transaction;
using txn::Transactions;
using txn::transactions_max;

enum class Kind { uncommitted, committed, consistent, parallel, snapshot, serializable };
enum class Order { none, session, real_time };

struct Model {
  std::string_view name;
  Kind kind;
  Order order;
};
inline constexpr std::array<Model, 16> models = {{
    {"read-uncommitted", Kind::uncommitted, Order::none},
    {"strong-session-read-uncommitted", Kind::uncommitted, Order::session},
    {"strong-read-uncommitted", Kind::uncommitted, Order::real_time},
    {"read-committed", Kind::committed, Order::none},
    {"strong-session-read-committed", Kind::committed, Order::session},
    {"strong-read-committed", Kind::committed, Order::real_time},
    {"consistent-view", Kind::consistent, Order::none},
    {"strong-session-consistent-view", Kind::consistent, Order::session},
    {"strong-consistent-view", Kind::consistent, Order::real_time},
    {"parallel-snapshot-isolation", Kind::parallel, Order::none},
    {"snapshot-isolation", Kind::snapshot, Order::none},
    {"strong-session-snapshot-isolation", Kind::snapshot, Order::session},
    {"strong-snapshot-isolation", Kind::snapshot, Order::real_time},
    {"serializable", Kind::serializable, Order::none},
    {"strong-session-serializable", Kind::serializable, Order::session},
    {"strict-serializable", Kind::serializable, Order::real_time},
}};

using Set = std::uint32_t;  ///< Of transactions.
inline constexpr bool has(Set set, std::size_t t) { return (set >> t & 1) != 0; }
inline constexpr Set only(std::size_t t) { return Set{1} << t; }

/// What it read, or wrote; 0: nil.
inline int value_of(const Micro& m) {
  return m.append ? m.element : m.list.empty() ? 0 : m.list.back();
}

/// The last value that the transaction writes to the key; 0: none.
inline int last_write(const Transaction& t, int key) {
  int last = 0;
  for (const Micro& m : t.micros)
    if (m.append && m.key == key) last = m.element;
  return last;
}

/// Every model needs values that somebody wrote.
inline bool sane(const Transactions& history) {
  bool good = true;
  txn::each_read(history, [&](const Transaction&, const Micro& m) {
    good &= value_of(m) == 0 || txn::appender(history, m.key, value_of(m)) >= 0;
  });
  return good;
}

class Oracle {
 public:
  bool allows(const Transactions& history, const Model& model) {
    FAULTLINE_CHECK(history.size() <= transactions_max && txn::well_formed(history));
    if (!sane(history)) return false;
    // Reads are free, and a version order like real time has no cycle with it.
    if (model.kind == Kind::uncommitted) return true;
    history_ = &history;
    model_ = model;
    Set oks = 0, infos = 0;
    for (std::size_t t = 0; t < history.size(); ++t) {
      if (history[t].fate == Fate::ok) oks |= only(t);
      if (history[t].fate == Fate::info) infos |= only(t);
    }
    for (Set happened = infos;; happened = (happened - 1) & infos) {
      committed_ = oks | happened;
      for (std::size_t t = 0; t < history.size(); ++t) {
        before_[t] = 0;
        for (std::size_t u = 0; u < history.size(); ++u)
          if (u != t && has(committed_, u) && has(committed_, t) && must_precede(u, t))
            before_[t] |= only(u);
      }
      if (holds()) return true;
      if (happened == 0) return false;
    }
  }

 private:
  using State = std::array<int, keys_max>;
  using Versions = std::array<std::vector<std::size_t>, keys_max>;  ///< Writers, in order.
  using Relation = std::array<Set, transactions_max>;               ///< Who comes before each.

  bool must_precede(std::size_t u, std::size_t t) const {
    const Transaction &a = (*history_)[u], &b = (*history_)[t];
    if (model_.order == Order::session) return txn::session_precedes(a, b);
    return model_.order == Order::real_time && txn::precedes(a, b);
  }

  bool holds() {
    seen_.clear();
    if (model_.kind == Kind::serializable) return serial(0, {});
    if (model_.kind == Kind::snapshot) return snapshot(0, 0, {});
    Versions versions;
    return any_versions(0, versions);
  }

  // --- By execution ---

  bool run(const Transaction& t, State& state) const {
    for (const Micro& m : t.micros) {
      int& here = state[static_cast<std::size_t>(m.key)];
      if (m.append) here = m.element;
      if (!m.append && t.fate == Fate::ok && value_of(m) != here) return false;
    }
    return true;
  }

  bool serial(Set done, const State& state) {
    if (done == committed_) return true;
    if (!seen_.emplace(0, done, state).second) return false;
    for (std::size_t t = 0; t < history_->size(); ++t) {
      if (!has(committed_, t) || has(done, t) || (before_[t] & ~done) != 0) continue;
      State next = state;
      if (run((*history_)[t], next) && serial(done | only(t), next)) return true;
    }
    return false;
  }

  bool conflict(std::size_t t, std::size_t u) const {
    for (int key = 0; key < keys_max; ++key)
      if (last_write((*history_)[t], key) != 0 && last_write((*history_)[u], key) != 0) return true;
    return false;
  }

  /// Starts and commits: who starts sees what is committed, and no two that write the same overlap.
  bool snapshot(Set started, Set done, const State& state) {
    if (done == committed_) return true;
    if (!seen_.emplace(started, done, state).second) return false;
    for (std::size_t t = 0; t < history_->size(); ++t) {
      if (!has(committed_, t) || has(done, t)) continue;
      State next = state;
      if (has(started, t)) {
        for (const Micro& m : (*history_)[t].micros)
          if (m.append) next[static_cast<std::size_t>(m.key)] = m.element;
        if (snapshot(started, done | only(t), next)) return true;
        continue;
      }
      bool may = (before_[t] & ~done) == 0 && run((*history_)[t], next);
      for (std::size_t u = 0; u < history_->size(); ++u)
        may = may && (u == t || !has(started & ~done, u) || !conflict(t, u));
      if (may && snapshot(started | only(t), done, state)) return true;
    }
    return false;
  }

  // --- By version order: every one is tried ---

  bool any_versions(int key, Versions& versions) {
    if (key == keys_max)
      return model_.kind == Kind::parallel ? visible_enough(versions) : no_cycle(versions);
    auto& order = versions[static_cast<std::size_t>(key)];
    order.clear();
    for (std::size_t t = 0; t < history_->size(); ++t)
      if (has(committed_, t) && last_write((*history_)[t], key) != 0) order.push_back(t);
    do {
      if (any_versions(key + 1, versions)) return true;
    } while (std::next_permutation(order.begin(), order.end()));
    return false;
  }

  static void close(Relation& relation) {
    for (std::size_t via = 0; via < relation.size(); ++via)
      for (Set& of : relation)
        if (has(of, via)) of |= relation[via];
  }

  static bool irreflexive(const Relation& relation) {
    for (std::size_t t = 0; t < relation.size(); ++t)
      if (has(relation[t], t)) return false;
    return true;
  }

  /// Adya's phenomena: G1a, G1b and G1c, and for consistent view, cycles with one rw.
  bool no_cycle(const Versions& versions) const {
    Relation earlier = before_, missed{};
    for (const auto& order : versions)
      for (std::size_t i = 0; i < order.size(); ++i)
        for (std::size_t j = 0; j < i; ++j) earlier[order[i]] |= only(order[j]);
    for (std::size_t t = 0; t < history_->size(); ++t) {
      if ((*history_)[t].fate != Fate::ok) continue;
      for (const Micro& m : (*history_)[t].micros) {
        if (m.append) continue;
        const auto& order = versions[static_cast<std::size_t>(m.key)];
        auto next = order.begin();
        if (value_of(m) != 0) {
          const auto from = static_cast<std::size_t>(txn::appender(*history_, m.key, value_of(m)));
          if (from == t) continue;
          if (!has(committed_, from)) return false;
          if (last_write((*history_)[from], m.key) != value_of(m)) return false;
          earlier[t] |= only(from);
          next = std::find(order.begin(), order.end(), from) + 1;
        }
        for (; next != order.end(); ++next)
          if (*next != t) missed[*next] |= only(t);
      }
    }
    close(earlier);
    if (!irreflexive(earlier)) return false;
    if (model_.kind == Kind::committed) return true;
    for (std::size_t t = 0; t < history_->size(); ++t)
      for (std::size_t reader = 0; reader < history_->size(); ++reader)
        if (has(missed[t], reader) && has(earlier[reader], t)) return false;
    return true;
  }

  /// The axioms of parallel snapshot isolation (Cerone, Bernardi & Gotsman 2015): the least VIS
  /// that is transitive, orders the writers of each key, and has what was read.
  bool visible_enough(const Versions& versions) const {
    Relation visible{};
    std::array<Set, keys_max> writers{};
    for (std::size_t k = 0; k < versions.size(); ++k)
      for (std::size_t i = 0; i < versions[k].size(); ++i) {
        writers[k] |= only(versions[k][i]);
        for (std::size_t j = 0; j < i; ++j) visible[versions[k][i]] |= only(versions[k][j]);
      }
    std::array<std::array<std::optional<Set>, transactions_max>, keys_max> must{};
    for (std::size_t t = 0; t < history_->size(); ++t) {
      if (!has(committed_, t) || (*history_)[t].fate != Fate::ok) continue;
      for (int key = 0; key < keys_max; ++key) {
        const auto k = static_cast<std::size_t>(key);
        int first = -1, own = -1;
        for (const Micro& m : (*history_)[t].micros) {
          if (m.key != key) continue;
          if (m.append) own = m.element;
          if (m.append) continue;
          if (own >= 0 ? own != value_of(m) : first >= 0 && first != value_of(m)) return false;
          if (own < 0) first = value_of(m);
        }
        if (first < 0) continue;
        Set seen = 0;
        bool found = first == 0;
        for (const std::size_t w : versions[k]) {
          if (found || w == t) break;
          seen |= only(w);
          found = last_write((*history_)[w], key) == first;
        }
        if (!found) return false;
        must[k][t] = seen;
        visible[t] |= seen;
      }
    }
    close(visible);
    if (!irreflexive(visible)) return false;
    for (std::size_t k = 0; k < versions.size(); ++k)
      for (std::size_t t = 0; t < history_->size(); ++t)
        if (must[k][t] && *must[k][t] != (visible[t] & writers[k])) return false;
    return true;
  }

  const Transactions* history_ = nullptr;
  Model model_{};
  Set committed_ = 0;
  Relation before_{};
  std::set<std::tuple<Set, Set, State>> seen_;
};

}  // namespace faultline::oracle::registers
