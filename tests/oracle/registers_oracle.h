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
#include <tuple>
#include <utility>
#include <vector>

#include "tests/oracle/registers_models.h"

namespace faultline::oracle::registers {

class Oracle {
 public:
  bool allows(const Transactions& history, const Model& model) {
    FAULTLINE_CHECK(history.size() <= transactions_max && txn::well_formed(history));
    if (!sane(history)) return false;
    // Reads are free, and a version order like real time has no cycle with it.
    if (model.kind == Kind::uncommitted) return true;
    if (reads_own_future(history)) return false;
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
    if (model_.kind == Kind::causal) return own_orders();
    if (model_.kind == Kind::monotonic_atomic || model_.kind == Kind::atomic ||
        model_.kind == Kind::convergent) {
      std::vector<std::size_t> order;
      return any_order(order, {});
    }
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

  // --- By an order of all transactions: every one is tried ---

  /// What it read of each key before it wrote it; none: nothing. Nothing at all if it contradicts
  /// itself.
  static constexpr int none = -1;
  static std::optional<State> first_reads(const Transaction& t) {
    State first{}, known{};
    first.fill(none);
    known.fill(none);
    for (const Micro& m : t.micros) {
      const auto k = static_cast<std::size_t>(m.key);
      if (!m.append && known[k] != none && known[k] != value_of(m)) return std::nullopt;
      if (!m.append && known[k] == none) first[k] = value_of(m);
      known[k] = value_of(m);
    }
    return first;
  }

  /// Who wrote what it read: itself, or one that is committed and left it behind. -1: nil, -2: no
  /// such transaction.
  int source(std::size_t reader, const Micro& m) const {
    if (value_of(m) == 0) return -1;
    const int t = txn::appender(*history_, m.key, value_of(m));
    const auto from = static_cast<std::size_t>(t);
    if (from == reader) return t;
    return has(committed_, from) && last_write((*history_)[from], m.key) == value_of(m) ? t : -2;
  }

  /// Of whom it read, or nothing if it read what read committed forbids.
  std::optional<Set> sources(std::size_t reader) const {
    Set all = 0;
    for (const Micro& m : (*history_)[reader].micros) {
      const int from = m.append ? -1 : source(reader, m);
      if (from == -2) return std::nullopt;
      if (from >= 0) all |= only(static_cast<std::size_t>(from));
    }
    return all & ~only(reader);
  }

  /// What was read is, of those that are visible, what the last in the order wrote.
  bool fits(const State& reads, Set visible, const std::vector<std::size_t>& order) const {
    for (int key = 0; key < keys_max; ++key) {
      const int value = reads[static_cast<std::size_t>(key)];
      if (value == none) continue;
      int last = 0;
      for (const std::size_t u : order)
        if (has(visible, u) && last_write((*history_)[u], key) != 0)
          last = last_write((*history_)[u], key);
      if (last != value) return false;
    }
    return true;
  }

  /// `order` and then t; `visible`: to each of them.
  bool may_follow(const std::vector<std::size_t>& order, std::size_t t, Relation& visible) const {
    Set done = 0;
    for (const std::size_t u : order) done |= only(u);
    if ((before_[t] & ~done) != 0) return false;
    // The least that is transitive: more of it only adds what should not have been missed.
    const bool is_ok = (*history_)[t].fate == Fate::ok;
    const auto read_of = is_ok ? sources(t) : Set{0};
    if (!read_of || (*read_of & ~done) != 0) return false;
    visible[t] = before_[t] | *read_of;
    for (const std::size_t u : order)
      if (has(visible[t], u)) visible[t] |= visible[u];
    if (!is_ok) return true;
    if (model_.kind == Kind::monotonic_atomic) return goes_forward(t, order);
    const auto reads = first_reads((*history_)[t]);
    if (!reads) return false;
    if (model_.kind == Kind::atomic) {
      for (Set seen = done;; seen = (seen - 1) & done) {
        if ((before_[t] & ~seen) == 0 && fits(*reads, seen, order)) return true;
        if (seen == 0) return false;
      }
    }
    return fits(*reads, visible[t], order);
  }

  /// A later read of a key that somebody wrote of whom it read before is of that one, or of a later
  /// one.
  bool goes_forward(std::size_t t, const std::vector<std::size_t>& order) const {
    const auto place = [&](int of) {
      return std::find(order.begin(), order.end(), static_cast<std::size_t>(of));
    };
    const auto& micros = (*history_)[t].micros;
    for (std::size_t i = 0; i < micros.size(); ++i)
      for (std::size_t j = i + 1; j < micros.size(); ++j) {
        if (micros[i].append || micros[j].append) continue;
        const int earlier = source(t, micros[i]), later = source(t, micros[j]);
        const int self = static_cast<int>(t);
        if (earlier < 0 || earlier == self || later == self) continue;
        if (last_write((*history_)[static_cast<std::size_t>(earlier)], micros[j].key) == 0)
          continue;
        if (later < 0 || place(later) < place(earlier)) return false;
      }
    return true;
  }

  bool any_order(std::vector<std::size_t>& order, const Relation& visible) {
    Set done = 0;
    for (const std::size_t u : order) done |= only(u);
    if (done == committed_) return true;
    for (std::size_t t = 0; t < history_->size(); ++t) {
      if (!has(committed_, t) || has(done, t)) continue;
      Relation next = visible;
      if (!may_follow(order, t, next)) continue;
      order.push_back(t);
      if (any_order(order, next)) return true;
      order.pop_back();
    }
    return false;
  }

  // --- By an order for each of what it depends on: every one is tried ---

  bool own_orders() const {
    Relation earlier = before_;
    for (std::size_t t = 0; t < history_->size(); ++t) {
      if ((*history_)[t].fate != Fate::ok) continue;
      const auto read_of = sources(t);
      if (!read_of) return false;
      earlier[t] |= *read_of;
    }
    close(earlier);
    if (!irreflexive(earlier)) return false;
    for (std::size_t t = 0; t < history_->size(); ++t) {
      if ((*history_)[t].fate != Fate::ok) continue;
      const auto reads = first_reads((*history_)[t]);
      std::vector<std::size_t> order;
      if (!reads || !has_own_order(*reads, earlier, earlier[t], order)) return false;
    }
    return true;
  }

  bool has_own_order(const State& reads, const Relation& earlier, Set left,
                     std::vector<std::size_t>& order) const {
    if (left == 0) return fits(reads, ~Set{0}, order);
    for (std::size_t t = 0; t < history_->size(); ++t) {
      if (!has(left, t) || (earlier[t] & left) != 0) continue;
      order.push_back(t);
      if (has_own_order(reads, earlier, left & ~only(t), order)) return true;
      order.pop_back();
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
    if (model_.kind == Kind::monotonic) return never_goes_back(versions, earlier);
    if (model_.kind == Kind::cursor) return no_cursor_is_lost(versions);
    for (std::size_t t = 0; t < history_->size(); ++t)
      for (std::size_t reader = 0; reader < history_->size(); ++reader)
        if (has(missed[t], reader) && has(earlier[reader], t)) return false;
    return true;
  }

  /// Adya's G-cursor: whoever read a version of a key before writing it itself has written the next
  /// one, if his is behind it.
  bool no_cursor_is_lost(const Versions& versions) const {
    for (std::size_t t = 0; t < history_->size(); ++t) {
      if ((*history_)[t].fate != Fate::ok) continue;
      Set written = 0;  // keys
      for (const Micro& m : (*history_)[t].micros) {
        const auto k = static_cast<std::size_t>(m.key);
        if (m.append) written |= only(k);
        const auto& order = versions[k];
        const auto own = std::find(order.begin(), order.end(), t);
        if (m.append || has(written, k) || own == order.end()) continue;
        const int from = source(t, m);
        const auto next =
            from < 0 ? order.begin()
                     : std::find(order.begin(), order.end(), static_cast<std::size_t>(from)) + 1;
        if (next < own) return false;
      }
    }
    return true;
  }

  /// Adya's G-monotonic: what a read missed is not among what an earlier operation of its
  /// transaction, or itself, depends on.
  bool never_goes_back(const Versions& versions, const Relation& earlier) const {
    for (std::size_t t = 0; t < history_->size(); ++t) {
      if ((*history_)[t].fate != Fate::ok) continue;
      Set known = 0;
      for (const Micro& m : (*history_)[t].micros) {
        const auto& order = versions[static_cast<std::size_t>(m.key)];
        const int from = m.append ? static_cast<int>(t) : source(t, m);
        const auto at =
            from < 0 ? order.begin()
                     : std::find(order.begin(), order.end(), static_cast<std::size_t>(from)) + 1;
        const bool installs = m.append && last_write((*history_)[t], m.key) == m.element;
        if (installs || (!m.append && from != static_cast<int>(t)))
          for (auto u = order.begin(); u != at; ++u)
            if (*u != t) known |= only(*u) | earlier[*u];
        if (m.append || from == static_cast<int>(t)) continue;
        for (auto u = at; u != order.end(); ++u)
          if (*u != t && has(known, *u)) return false;
      }
    }
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
      const auto reads = first_reads((*history_)[t]);
      if (!reads) return false;
      for (int key = 0; key < keys_max; ++key) {
        const auto k = static_cast<std::size_t>(key);
        const int first = (*reads)[k];
        if (first == none) continue;
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
