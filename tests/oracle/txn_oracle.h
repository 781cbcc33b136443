// A deliberately simple judge of transactional models: for each it tries what the definition says
// there must be (an order of the transactions, of their starts and commits, of the versions).
// Shares nothing with the engine. Exponential; for tests.
//
// An info happened or did not. If it did, it is a committed transaction whose reads are unknown and
// that ends never. A fail did not happen.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/oracle/txn.h"

namespace faultline::oracle::txn {

enum class Model {
  read_uncommitted,
  read_committed,
  parallel_snapshot_isolation,
  snapshot_isolation,
  strong_session_snapshot_isolation,
  strong_snapshot_isolation,
  serializable,
  strong_session_serializable,
  strict_serializable,
  cursor_stability,
};

struct ModelName {
  Model model;
  std::string_view name;
};
inline constexpr std::array<ModelName, 10> all_models = {{
    {Model::read_uncommitted, "read-uncommitted"},
    {Model::read_committed, "read-committed"},
    {Model::parallel_snapshot_isolation, "parallel-snapshot-isolation"},
    {Model::snapshot_isolation, "snapshot-isolation"},
    {Model::strong_session_snapshot_isolation, "strong-session-snapshot-isolation"},
    {Model::strong_snapshot_isolation, "strong-snapshot-isolation"},
    {Model::serializable, "serializable"},
    {Model::strong_session_serializable, "strong-session-serializable"},
    {Model::strict_serializable, "strict-serializable"},
    {Model::cursor_stability, "cursor-stability"},
}};

using Set = std::uint32_t;  ///< Of transactions.
inline constexpr bool has(Set set, std::size_t t) { return (set >> t & 1) != 0; }
inline constexpr Set only(std::size_t t) { return Set{1} << t; }

/// The lists of all keys.
using State = std::array<Elements, keys_max>;

/// What all models need of the answers: elements that somebody appended, each once in a list, and
/// of two lists of a key one a prefix of the other. `longest` becomes the longest of each key.
inline bool sane(const Transactions& history, State& longest) {
  bool good = true;
  longest = {};
  each_read(history, [&](const Transaction&, const Micro& m) {
    for (std::size_t i = 0; i < m.list.size(); ++i) {
      good &= appender(history, m.key, m.list[i]) >= 0;
      good &= std::count(m.list.begin(), m.list.end(), m.list[i]) == 1;
    }
    Elements& list = longest[static_cast<std::size_t>(m.key)];
    good &= is_prefix(m.list, list) || is_prefix(list, m.list);
    if (m.list.size() > list.size()) list = m.list;
  });
  return good;
}

/// What the models by execution have in common. They leave an info out by never running it.
class Executions {
 protected:
  enum class Order { none, session, real_time };

  /// False: no execution has these answers.
  bool prepare(const Transactions& history, Order order) {
    history_ = &history;
    mandatory_ = candidates_ = 0;
    for (std::size_t t = 0; t < history.size(); ++t) {
      if (history[t].fate == Fate::ok) mandatory_ |= only(t);
      if (history[t].fate != Fate::fail) candidates_ |= only(t);
      before_[t] = 0;
      for (std::size_t u = 0; u < history.size(); ++u) {
        const bool first = order == Order::session     ? session_precedes(history[u], history[t])
                           : order == Order::real_time ? precedes(history[u], history[t])
                                                       : false;
        if (first && history[u].fate == Fate::ok) before_[t] |= only(u);
      }
    }
    return sane(history, longest_);
  }

  /// Runs the transaction. False: it would not have been answered what it was.
  bool run(const Transaction& t, State& state) const {
    for (const Micro& m : t.micros) {
      Elements& list = state[static_cast<std::size_t>(m.key)];
      if (m.append) list.push_back(m.element);
      if (!m.append && t.fate == Fate::ok && m.list != list) return false;
    }
    return true;
  }

  /// Can the committed lists still become what was read, or have they been? Only saves time: lists
  /// only grow, and what was read is committed before it is read or by the transaction that reads.
  bool promising(const State& state) const {
    for (std::size_t k = 0; k < state.size(); ++k)
      if (!is_prefix(state[k], longest_[k]) && !is_prefix(longest_[k], state[k])) return false;
    return true;
  }

  const Transactions* history_ = nullptr;
  Set mandatory_ = 0, candidates_ = 0;
  std::array<Set, transactions_max> before_{};  ///< Those that certainly happened, and earlier.
  State longest_;
};

/// Some total order of the transactions, run one after another in it, gives all answers. It keeps
/// the order of each session (strong session) or of real time (strict).
class Serializable : Executions {
 public:
  bool allows(const Transactions& history, Model model) {
    const Order order = model == Model::strict_serializable           ? Order::real_time
                        : model == Model::strong_session_serializable ? Order::session
                                                                      : Order::none;
    return prepare(history, order) && explore(0, {});
  }

 private:
  bool explore(Set done, const State& state) const {
    if ((mandatory_ & ~done) == 0) return true;
    for (std::size_t t = 0; t < history_->size(); ++t) {
      if (!has(candidates_, t) || has(done, t) || (before_[t] & ~done) != 0) continue;
      State next = state;
      if (run((*history_)[t], next) && promising(next) && explore(done | only(t), next))
        return true;
    }
    return false;
  }
};

/// Some order of the starts and commits: a transaction reads the state of the commits before its
/// start, and its own appends; no two that append to the same key overlap (first committer wins).
/// Strong: whoever is earlier in the session, or in real time, commits before the other starts.
class SnapshotIsolation : Executions {
 public:
  bool allows(const Transactions& history, Model model) {
    const Order order = model == Model::strong_snapshot_isolation           ? Order::real_time
                        : model == Model::strong_session_snapshot_isolation ? Order::session
                                                                            : Order::none;
    if (!prepare(history, order)) return false;
    for (std::size_t t = 0; t < history.size(); ++t) {
      conflicts_[t] = 0;
      for (std::size_t u = 0; u < history.size(); ++u)
        for (int key = 0; key < keys_max; ++key)
          if (u != t && !appended(history[t], key).empty() && !appended(history[u], key).empty())
            conflicts_[t] |= only(u);
    }
    seen_.clear();
    return explore(0, 0, {});
  }

 private:
  bool explore(Set started, Set committed, const State& state) {
    if ((mandatory_ & ~committed) == 0) return true;
    if (!seen_.emplace(started << 16 | committed, state).second) return false;
    for (std::size_t t = 0; t < history_->size(); ++t) {
      if (!has(candidates_, t) || has(committed, t)) continue;
      const Transaction& transaction = (*history_)[t];
      if (has(started, t)) {
        State next = state;
        for (const Micro& m : transaction.micros)
          if (m.append) next[static_cast<std::size_t>(m.key)].push_back(m.element);
        if (promising(next) && explore(started, committed | only(t), next)) return true;
        continue;
      }
      State snapshot = state;
      if ((before_[t] & ~committed) != 0 || (conflicts_[t] & started & ~committed) != 0 ||
          !run(transaction, snapshot))
        continue;
      if (explore(started | only(t), committed, state)) return true;
    }
    return false;
  }

  std::array<Set, transactions_max> conflicts_{};
  std::set<std::pair<Set, State>> seen_;
};

/// The axioms of Cerone, Bernardi & Gotsman (CONCUR 2015) for parallel snapshot isolation, without
/// sessions: a relation VIS, transitive and without cycles, that orders any two transactions that
/// append to the same key; who reads a key sees the appends of exactly those visible to it, in
/// their order by VIS, then its own.
/// The order of each key's appenders is tried in every way. It, and what the answers show, is in
/// VIS; the least transitive VIS with them is enough, since a larger one only shows more.
class ParallelSnapshotIsolation {
 public:
  bool allows(const Transactions& history) {
    history_ = &history;
    State longest;
    if (!sane(history, longest)) return false;
    Set oks = 0, infos = 0;
    for (std::size_t t = 0; t < history.size(); ++t) {
      if (history[t].fate == Fate::ok) oks |= only(t);
      if (history[t].fate == Fate::info) infos |= only(t);
    }
    for (Set happened = infos;; happened = (happened - 1) & infos) {
      committed_ = oks | happened;
      if (explore(0, {})) return true;
      if (happened == 0) return false;
    }
  }

 private:
  using Visible = std::array<Set, transactions_max>;  ///< To each transaction.

  bool explore(int key, const Visible& visible) {
    if (key == keys_max) return true;
    std::vector<std::size_t> order;
    for (std::size_t t = 0; t < history_->size(); ++t)
      if (has(committed_, t) && !appended((*history_)[t], key).empty()) order.push_back(t);
    do {
      const auto next = with(key, order, visible);
      if (next && explore(key + 1, *next)) return true;
    } while (std::next_permutation(order.begin(), order.end()));
    return false;
  }

  /// VIS with that order of the appenders of the key. Nothing: it contradicts an answer or itself.
  std::optional<Visible> with(int key, const std::vector<std::size_t>& order, Visible visible) {
    Set earlier = 0;
    for (const std::size_t t : order) {
      visible[t] |= earlier;
      earlier |= only(t);
    }
    const auto k = static_cast<std::size_t>(key);
    for (std::size_t t = 0; t < history_->size(); ++t) {
      seen_[k][t] = {};
      if (!has(committed_, t) || !reads((*history_)[t], key)) continue;
      seen_[k][t] = shown((*history_)[t], key, order);
      if (!seen_[k][t]) return std::nullopt;
      visible[t] |= *seen_[k][t];
    }
    appenders_[k] = earlier;
    close(visible);
    for (std::size_t t = 0; t < history_->size(); ++t) {
      if (has(visible[t], t)) return std::nullopt;
      for (std::size_t other = 0; other <= k; ++other)
        if (seen_[other][t] && *seen_[other][t] != (visible[t] & appenders_[other]))
          return std::nullopt;
    }
    return visible;
  }

  static bool reads(const Transaction& t, int key) {
    return t.fate == Fate::ok && std::any_of(t.micros.begin(), t.micros.end(), [&](const Micro& m) {
             return !m.append && m.key == key;
           });
  }

  /// The first few appenders, other than itself, whose appends explain all its reads of the key.
  std::optional<Set> shown(const Transaction& t, int key,
                           const std::vector<std::size_t>& order) const {
    Elements base;
    Set first = 0;
    for (std::size_t next = 0;; ++next) {
      if (explains(t, key, base)) return first;
      if (next == order.size() || &(*history_)[order[next]] == &t) return std::nullopt;
      for (const int e : appended((*history_)[order[next]], key)) base.push_back(e);
      first |= only(order[next]);
    }
  }

  static bool explains(const Transaction& t, int key, Elements list) {
    for (const Micro& m : t.micros) {
      if (m.key != key) continue;
      if (m.append) list.push_back(m.element);
      if (!m.append && m.list != list) return false;
    }
    return true;
  }

  void close(Visible& visible) const {
    for (std::size_t via = 0; via < history_->size(); ++via)
      for (std::size_t t = 0; t < history_->size(); ++t)
        if (has(visible[t], via)) visible[t] |= visible[via];
  }

  const Transactions* history_ = nullptr;
  Set committed_ = 0;
  std::array<Set, keys_max> appenders_{};
  std::array<std::array<std::optional<Set>, transactions_max>, keys_max> seen_{};
};

/// Adya's phenomena, for some fates of the infos and some version order: for each key a total order
/// of the committed appends, of which what was read, without the elements of who did not commit, is
/// a prefix.
///   read uncommitted: no cycle of write dependencies (G0), which lead from the transaction of an
///     append to that of each later one of the key.
///   read committed: moreover no element of a transaction that did not commit is read (G1a), no
///     read ends with another transaction's append that is not its last to the key (G1b), and no
///     cycle has write and read dependencies (G1c).
///   cursor stability: moreover nobody's append to a key comes behind another one's that is right
///     behind what its transaction had read of the key, before it appended to it (G-cursor).
/// Nor does any that knows of reads let a transaction read what it only appends later. What else it
/// reads of its own appends is not restricted, and neither is the order of the appends of one
/// transaction, which no edge speaks of.
class Adya {
 public:
  bool allows(const Transactions& history, Model model) {
    history_ = &history;
    reads_too_ = model != Model::read_uncommitted;
    cursors_too_ = model == Model::cursor_stability;
    if (!sane(history, longest_) || (reads_too_ && reads_future(history))) return false;
    Set oks = 0, infos = 0;
    for (std::size_t t = 0; t < history.size(); ++t) {
      if (history[t].fate == Fate::ok) oks |= only(t);
      if (history[t].fate == Fate::info) infos |= only(t);
    }
    for (Set happened = infos;; happened = (happened - 1) & infos) {
      committed_ = oks | happened;
      if ((!reads_too_ || (!aborted_read() && !intermediate_read())) && acyclic()) return true;
      if (happened == 0) return false;
    }
  }

 private:
  std::size_t by(int key, int element) const {
    return static_cast<std::size_t>(appender(*history_, key, element));
  }

  bool aborted_read() const {
    bool found = false;
    each_read(*history_, [&](const Transaction&, const Micro& m) {
      for (const int e : m.list) found |= !has(committed_, by(m.key, e));
    });
    return found;
  }

  bool intermediate_read() const {
    bool found = false;
    each_read(*history_, [&](const Transaction& t, const Micro& m) {
      if (m.list.empty()) return;
      const Transaction& other = (*history_)[by(m.key, m.list.back())];
      found |= &other != &t && appended(other, m.key).back() != m.list.back();
    });
    return found;
  }

  /// A graph has no cycle if its nodes have an order in which all edges lead forward. In such an
  /// order, each transaction's appends to a key come in one piece. So it is tried to lay them one
  /// after another over what was read; beyond that, they may come as they will.
  bool acyclic() {
    for (int key = 0; key < keys_max; ++key) {
      const auto k = static_cast<std::size_t>(key);
      writers_[k].clear();
      for (const int e : longest_[k])
        if (has(committed_, by(key, e))) writers_[k].push_back(by(key, e));
    }
    hopeless_.clear();
    return explore(0, {});
  }

  /// `laid` are the appends of those `done`, by key.
  bool explore(Set done, const std::array<std::size_t, keys_max>& laid) {
    if (done == committed_) return true;
    if (!hopeless_.insert(done).second) return false;
    for (std::size_t t = 0; t < history_->size(); ++t) {
      if (!has(committed_, t) || has(done, t) || (reads_too_ && reads_ahead(t, done))) continue;
      if (cursors_too_ && loses_cursor((*history_)[t], laid)) continue;
      std::array<std::size_t, keys_max> next = laid;
      bool fits = true;
      for (int key = 0; key < keys_max; ++key) {
        const auto k = static_cast<std::size_t>(key);
        next[k] += appended((*history_)[t], key).size();
        for (std::size_t i = laid[k]; i < std::min(next[k], writers_[k].size()); ++i)
          fits &= writers_[k][i] == t;
      }
      if (fits && explore(done | only(t), next)) return true;
    }
    return false;
  }

  /// Does it read what a transaction not yet done appended?
  bool reads_ahead(std::size_t t, Set done) const {
    const Transaction& transaction = (*history_)[t];
    if (transaction.fate != Fate::ok) return false;
    for (const Micro& m : transaction.micros) {
      if (m.append || m.list.empty()) continue;
      const std::size_t other = by(m.key, m.list.back());
      if (other != t && !has(done, other)) return true;
    }
    return false;
  }

  /// Has it read less of a key than is laid, where its own appends come now?
  static bool loses_cursor(const Transaction& t, const std::array<std::size_t, keys_max>& laid) {
    Set changed = 0;  // keys
    for (const Micro& m : t.micros) {
      const auto k = static_cast<std::size_t>(m.key);
      if (m.append) changed |= only(k);
      if (t.fate == Fate::ok && !m.append && !has(changed, k) && !appended(t, m.key).empty() &&
          m.list.size() < laid[k])
        return true;
    }
    return false;
  }

  const Transactions* history_ = nullptr;
  bool reads_too_ = false, cursors_too_ = false;
  Set committed_ = 0;
  State longest_;
  std::array<std::vector<std::size_t>, keys_max> writers_;  ///< Of the elements read.
  std::set<Set> hopeless_;
};

/// All of them.
class TxnOracle {
 public:
  bool allows(const Transactions& history, Model model) {
    FAULTLINE_CHECK(history.size() <= transactions_max && well_formed(history));
    switch (model) {
      case Model::read_uncommitted:
      case Model::read_committed:
      case Model::cursor_stability:
        return adya_.allows(history, model);
      case Model::parallel_snapshot_isolation:
        return parallel_.allows(history);
      case Model::snapshot_isolation:
      case Model::strong_session_snapshot_isolation:
      case Model::strong_snapshot_isolation:
        return snapshot_.allows(history, model);
      case Model::serializable:
      case Model::strong_session_serializable:
      case Model::strict_serializable:
        return serializable_.allows(history, model);
    }
    return false;
  }

 private:
  Adya adya_;
  ParallelSnapshotIsolation parallel_;
  SnapshotIsolation snapshot_;
  Serializable serializable_;
};

}  // namespace faultline::oracle::txn
