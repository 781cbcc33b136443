// Small databases of one level of isolation each, whose clients' histories must never violate it:
// what is written in place, locks that nobody waits for, snapshots, two sites. They are as simple
// as can be, and share nothing with a checker. Those that are defined by what a transaction sees
// are in txn_simulate_views.h, those whose single reads are stale in txn_simulate_replicas.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "tests/oracle/txn_clients.h"

namespace faultline::oracle::txn {

class Simulation final : public Clients {
 public:
  enum class Level {
    read_uncommitted,  ///< Writes in place, seen at once; long write locks. An abort takes them
                       ///< back.
    /// Each read sees what is committed by then; long write locks: what Adya made PL-2L (monotonic
    /// view) and PL-MSR of, since a commit is seen at once and never unseen.
    locked_writes,
    parallel_snapshot,  ///< Two sites, of which one hears later what the other committed.
    snapshot,           ///< Reads an old snapshot; who commits a key first wins.
    session_snapshot,   ///< No older than what its session saw.
    strong_snapshot,    ///< The newest.
    serializable,       ///< As snapshot, but what an update read must still be so at its commit.
    session_serializable,
    strict_serializable,
  };

  static Level any_level(Rng& rng, Level least = Level::read_uncommitted) {
    const auto first = static_cast<std::uint64_t>(least);
    const auto last = static_cast<std::uint64_t>(Level::strict_serializable);
    return static_cast<Level>(first + rng.below(last + 1 - first));
  }

  Simulation(Level level, Rng rng, Shape shape)
      : Clients(std::move(rng), shape), level_(level), at_(shape.processes) {
    const State nothing(shape.keys);
    sites_.assign(level == Level::parallel_snapshot ? 2 : 1, {{nothing}, {}});
    written_ = dirty_ = nothing;
    locked_by_.assign(shape.keys, -1);
  }

 private:
  using State = std::vector<Elements>;
  /// Where transactions are carried out.
  struct Site {
    std::vector<State> log;                     ///< After each commit.
    std::deque<const Transaction*> arriving{};  ///< What the other committed, in its order.
  };
  struct At {
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

  void start(std::size_t p) override {
    const std::size_t newest = site(p).log.size() - 1;
    const std::size_t age = is_old() ? std::min<std::size_t>(rng_.below(6), newest) : 0;
    at_[p].snapshot = std::max(newest - age, is_of_session() ? at_[p].seen : 0);
  }

  bool accept(std::size_t p, const Micro& m) override {
    if (has_snapshot()) return true;
    int& by = locked_by_[m.key];
    if (by >= 0 && by != static_cast<int>(p)) return false;
    by = static_cast<int>(p);
    if (level_ == Level::read_uncommitted) dirty_[m.key].push_back(m.element);
    return true;
  }

  std::optional<Elements> answer(std::size_t p, int key) override {
    if (level_ == Level::read_uncommitted) return dirty_[key];
    const auto& log = site(p).log;
    Elements list = (has_snapshot() ? log[at_[p].snapshot] : log.back())[key];
    for (const int e : own(p, key)) list.push_back(e);
    return list;
  }

  bool may_commit(std::size_t p) override {
    const Transaction& t = open_[p].of;
    if (!has_snapshot() || !writes(t)) return true;
    const State& snapshot = site(p).log[at_[p].snapshot];
    return std::ranges::all_of(t.micros, [&](const Micro& m) {
      // At both sites: what the other one committed may not have arrived.
      return (!m.append && !validates_reads()) || snapshot[m.key] == written_[m.key];
    });
  }

  void apply(std::size_t p) override {
    const Transaction& t = open_[p].of;
    auto& log = site(p).log;
    at_[p].seen = std::max(at_[p].seen, at_[p].snapshot);
    if (!writes(t)) return;
    log.push_back(log.back());
    for (const Micro& m : t.micros) {
      if (!m.append) continue;
      log.back()[m.key].push_back(m.element);
      written_[m.key].push_back(m.element);
    }
    at_[p].seen = log.size() - 1;
    if (sites_.size() == 1) return;
    committed_.push_back(t);
    site(p + 1).arriving.push_back(&committed_.back());
  }

  void undo(std::size_t p) override {
    if (level_ != Level::read_uncommitted) return;
    for (int key = 0; key < shape_.keys; ++key)
      for (const int e : own(p, key)) std::erase(dirty_[key], e);
  }

  void over(std::size_t p, bool is_known) override {
    std::ranges::replace(locked_by_, static_cast<int>(p), -1);
    if (!is_known) at_[p].seen = 0;
  }

  void idle() override { deliver(sites_[rng_.below(sites_.size())]); }
  void settle() override {
    while (deliver(sites_[0])) {
    }
  }
  Elements left_behind(int key) override {
    return level_ == Level::read_uncommitted ? dirty_[key] : sites_[0].log.back()[key];
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
  std::vector<At> at_;
  std::vector<Site> sites_;
  std::deque<Transaction> committed_;
  State written_;  ///< By all that committed, at whatever site.
  State dirty_;    ///< With what is not committed.
  std::vector<int> locked_by_;
};

}  // namespace faultline::oracle::txn
