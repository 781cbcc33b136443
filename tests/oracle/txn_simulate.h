// Small databases of one level of isolation each, whose clients' histories must never violate it:
// versions of everything, snapshots, locks that nobody waits for, two sites. They are as simple as
// can be, and share nothing with a checker.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/core/rng.h"
#include "tests/oracle/txn.h"

namespace faultline::oracle::txn {

enum class Level {
  read_uncommitted,  ///< Writes in place, seen at once; long write locks. An abort takes them back.
  read_committed,    ///< Each read sees what is committed by then; long write locks.
  parallel_snapshot,  ///< Two sites, of which one hears later what the other committed.
  snapshot,           ///< Reads an old snapshot; who commits a key first wins.
  session_snapshot,   ///< No older than what its session saw.
  strong_snapshot,    ///< The newest.
  serializable,       ///< As snapshot, but what an update read must still be so when it commits.
  session_serializable,
  strict_serializable,
};

struct LevelModel {
  Level level;
  std::string_view model, next;  ///< What it promises, and one that it does not.
};
inline constexpr std::array<LevelModel, 9> all_levels = {{
    {Level::read_uncommitted, "read-uncommitted", "read-committed"},
    {Level::read_committed, "read-committed", "parallel-snapshot-isolation"},
    {Level::parallel_snapshot, "parallel-snapshot-isolation", "snapshot-isolation"},
    {Level::snapshot, "snapshot-isolation", "strong-session-snapshot-isolation"},
    {Level::session_snapshot, "strong-session-snapshot-isolation", "strong-snapshot-isolation"},
    {Level::strong_snapshot, "strong-snapshot-isolation", "serializable"},
    {Level::serializable, "serializable", "strong-session-serializable"},
    {Level::session_serializable, "strong-session-serializable", "strict-serializable"},
    {Level::strict_serializable, "strict-serializable", ""},
}};

/// Makes one history.
class Simulation {
 public:
  struct Shape {
    int transactions = 30, processes = 5, keys = 3;
  };
  Simulation(Level level, Rng rng, Shape shape)
      : level_(level), rng_(std::move(rng)), shape_(shape), open_(shape.processes) {
    const std::vector<Elements> nothing(shape.keys);
    sites_.assign(level == Level::parallel_snapshot ? 2 : 1, {{nothing}, {}});
    written_ = dirty_ = nothing;
    locked_by_.assign(shape.keys, -1);
    for (int p = 0; p < shape.processes; ++p) open_[p].process = static_cast<std::uint32_t>(p);
    next_process_ = static_cast<std::uint32_t>(shape.processes);
  }

  /// In the end, everything is read once.
  Transactions run() {
    int begun = 0;
    const auto is_busy = [](const Open& o) { return o.is_open; };
    while (begun < shape_.transactions || std::ranges::any_of(open_, is_busy)) {
      if (rng_.below(15) == 0) deliver(sites_[rng_.below(sites_.size())]);
      const auto p = rng_.below(open_.size());
      if (open_[p].is_open)
        step(p);
      else if (begun++ < shape_.transactions)
        begin(p);
    }
    while (deliver(sites_[0])) {
    }
    Transaction last{next_process_, ++now_, ++now_, Fate::ok, {}};
    const State& end = level_ == Level::read_uncommitted ? dirty_ : sites_[0].log.back();
    for (int k = 0; k < shape_.keys; ++k) last.micros.push_back(read(k, end[k]));
    history_.push_back(last);
    return history_;
  }

 private:
  using State = std::vector<Elements>;
  /// Where transactions are carried out.
  struct Site {
    std::vector<State> log;                     ///< After each commit.
    std::deque<const Transaction*> arriving{};  ///< What the other committed, in its order.
  };
  struct Open {
    bool is_open = false;
    std::uint32_t process = 0;
    Transaction of;
    std::size_t next = 0;      ///< Of its micro-operations.
    std::size_t snapshot = 0;  ///< Index into the log.
    std::size_t seen = 0;      ///< By its session: the oldest snapshot that it may read.
  };

  bool is_old() const {
    return level_ == Level::snapshot || level_ == Level::serializable || is_of_session();
  }
  bool is_of_session() const {
    return level_ == Level::session_snapshot || level_ == Level::session_serializable;
  }
  bool has_snapshot() const { return level_ >= Level::parallel_snapshot; }
  bool validates_reads() const { return level_ >= Level::serializable; }

  Site& site(std::size_t p) { return sites_[p % sites_.size()]; }

  void begin(std::size_t p) {
    Open& o = open_[p];
    o.is_open = true;
    o.next = 0;
    o.of = {o.process, ++now_, 0, Fate::ok, {}};
    for (auto n = 1 + rng_.below(4); n > 0; --n) {
      const int key = static_cast<int>(rng_.below(static_cast<std::uint64_t>(shape_.keys)));
      o.of.micros.push_back(rng_.below(2) == 0 ? append(key, ++element_) : read(key, {}));
    }
    const std::size_t newest = site(p).log.size() - 1;
    const std::size_t age = is_old() ? std::min<std::size_t>(rng_.below(6), newest) : 0;
    o.snapshot = std::max(newest - age, is_of_session() ? o.seen : 0);
  }

  void step(std::size_t p) {
    Open& o = open_[p];
    if (o.next == o.of.micros.size()) return commit(p);
    Micro& m = o.of.micros[o.next++];
    if (!m.append) {
      m.list = seen_by(p, m.key);
      return;
    }
    if (has_snapshot()) return;
    if (locked_by_[m.key] >= 0 && locked_by_[m.key] != static_cast<int>(p)) return abort(p);
    locked_by_[m.key] = static_cast<int>(p);
    if (level_ == Level::read_uncommitted) dirty_[m.key].push_back(m.element);
  }

  Elements seen_by(std::size_t p, int key) {
    const Open& o = open_[p];
    if (level_ == Level::read_uncommitted) return dirty_[key];
    const auto& log = site(p).log;
    Elements list = (has_snapshot() ? log[o.snapshot] : log.back())[key];
    for (std::size_t i = 0; i < o.next; ++i)
      if (o.of.micros[i].append && o.of.micros[i].key == key)
        list.push_back(o.of.micros[i].element);
    return list;
  }

  bool may_commit(std::size_t p) {
    const Open& o = open_[p];
    if (!has_snapshot()) return true;
    const auto& log = site(p).log;
    const bool writes = std::ranges::any_of(o.of.micros, [](const Micro& m) { return m.append; });
    return std::ranges::all_of(o.of.micros, [&](const Micro& m) {
      if (!writes || (!m.append && !validates_reads())) return true;
      // At both sites: what the other one committed may not have arrived.
      return log[o.snapshot][m.key] == written_[m.key];
    });
  }

  void commit(std::size_t p) {
    if (!may_commit(p)) return abort(p);
    Open& o = open_[p];
    const bool is_lost = rng_.below(20) == 0;
    if (is_lost && rng_.below(2) == 0) {
      abort(p, Fate::info);
      return;
    }
    bool writes = false;
    State after = site(p).log.back();
    for (const Micro& m : o.of.micros) {
      if (!m.append) continue;
      writes = true;
      after[m.key].push_back(m.element);
      written_[m.key].push_back(m.element);
    }
    if (writes) site(p).log.push_back(std::move(after));
    o.seen = writes ? site(p).log.size() - 1 : std::max(o.seen, o.snapshot);
    if (writes && sites_.size() > 1) {
      committed_.push_back(o.of);
      site(p + 1).arriving.push_back(&committed_.back());
    }
    end(p, is_lost ? Fate::info : Fate::ok);
  }

  void abort(std::size_t p, Fate fate = Fate::fail) {
    const Open& o = open_[p];
    if (level_ == Level::read_uncommitted)
      for (std::size_t i = 0; i < o.next; ++i)
        if (o.of.micros[i].append) std::erase(dirty_[o.of.micros[i].key], o.of.micros[i].element);
    end(p, fate);
  }

  void end(std::size_t p, Fate fate) {
    for (int& by : locked_by_)
      if (by == static_cast<int>(p)) by = -1;
    Open& o = open_[p];
    o.is_open = false;
    o.of.end = ++now_;
    o.of.fate = fate;
    history_.push_back(o.of);
    if (fate != Fate::info) return;
    o.process = next_process_++;
    o.seen = 0;
  }

  /// The next of what the other site committed.
  static bool deliver(Site& to) {
    if (to.arriving.empty()) return false;
    State after = to.log.back();
    for (const Micro& m : to.arriving.front()->micros)
      if (m.append) after[m.key].push_back(m.element);
    to.log.push_back(std::move(after));
    to.arriving.pop_front();
    return true;
  }

  const Level level_;
  Rng rng_;
  const Shape shape_;
  std::vector<Open> open_;
  std::vector<Site> sites_;
  std::deque<Transaction> committed_;
  State written_;  ///< By all that committed, at whatever site.
  State dirty_;    ///< With what is not committed.
  std::vector<int> locked_by_;
  Transactions history_;
  int now_ = 0, element_ = 0;
  std::uint32_t next_process_ = 0;
};

}  // namespace faultline::oracle::txn
