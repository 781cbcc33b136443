// Small databases whose single reads may each be of an older version than the one before:
//
//   read-committed    each read asks some replica, which has any of the last versions
//   monotonic-atomic-view
//                     as that, but who saw something of a transaction asks only replicas that have
//                     heard of all of it (Bailis et al., VLDB 2013, §5.1.2: `required`)
//   cursor-stability  as read committed, but who reads a key that it will write locks it, and reads
//                     the newest, until it commits (Berenson et al. 1995, §4.1: the cursor's lock
//                     is held where the row is updated; Adya's PL-CS)
//   causal            two sites, each of which executes its clients' transactions on a snapshot of
//                     its own and those of the other one when it hears of them, in its order. What
//                     both write is never settled, so that it is a database of registers alone
//                     (Ahamad et al. 1995; the CC of Bouajjani et al. 2017, which is not CCv).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <utility>
#include <vector>

#include "tests/oracle/txn_clients.h"

namespace faultline::oracle::txn {

class Replicas final : public Clients {
 public:
  enum class Level { read_committed, monotonic_atomic_view, cursor_stability };

  Replicas(Level level, Rng rng, Shape shape)
      : Clients(std::move(rng), shape), level_(level), at_(shape.processes) {
    versions_.assign(shape.keys, {{}});
    locked_by_.assign(shape.keys, -1);
  }

 private:
  struct Version {
    Elements list{};
    std::vector<std::size_t> siblings{};  ///< By key, which version its transaction made; 0: none.
  };
  struct Base {
    int key;
    std::size_t version;
  };
  struct At {
    std::vector<std::size_t> required{};  ///< By key, the oldest version that may be read.
    std::vector<Base> bases{};            ///< Read behind own appends.
  };

  void start(std::size_t p) override {
    at_[p] = {std::vector<std::size_t>(static_cast<std::size_t>(shape_.keys)), {}};
  }

  bool lock(std::size_t p, int key) {
    if (level_ != Level::cursor_stability) return true;
    int& by = locked_by_[key];
    if (by >= 0 && by != static_cast<int>(p)) return false;
    by = static_cast<int>(p);
    return true;
  }

  bool accept(std::size_t p, const Micro& m) override { return lock(p, m.key); }

  std::optional<Elements> answer(std::size_t p, int key) override {
    At& at = at_[p];
    const std::size_t newest = versions_[key].size() - 1;
    std::size_t which = newest - std::min<std::size_t>(rng_.below(4), newest);
    if (level_ == Level::cursor_stability && writes(open_[p].of, key)) {
      if (!lock(p, key)) return std::nullopt;
      which = newest;
    }
    if (level_ == Level::monotonic_atomic_view) {
      which = std::max(which, at.required[key]);
      const auto& siblings = versions_[key][which].siblings;
      for (std::size_t k = 0; k < siblings.size(); ++k)
        at.required[k] = std::max(at.required[k], siblings[k]);
    }
    Elements list = versions_[key][which].list;
    const Elements mine = own(p, key);
    if (!mine.empty()) at.bases.push_back({key, which});
    list.insert(list.end(), mine.begin(), mine.end());
    return list;
  }

  /// What was read behind own appends comes to be: they come right behind what was read there.
  bool may_commit(std::size_t p) override {
    return std::ranges::all_of(at_[p].bases, [&](const Base& base) {
      return base.version + 1 == versions_[base.key].size();
    });
  }

  void apply(std::size_t p) override {
    const Transaction& t = open_[p].of;
    std::vector<std::size_t> siblings(static_cast<std::size_t>(shape_.keys));
    for (int key = 0; key < shape_.keys; ++key)
      if (writes(t, key)) siblings[key] = versions_[key].size();
    for (int key = 0; key < shape_.keys; ++key) {
      if (!writes(t, key)) continue;
      Version next{left_behind(key), siblings};
      for (const int e : appended(t, key)) next.list.push_back(e);
      versions_[key].push_back(std::move(next));
    }
  }

  void over(std::size_t p, bool) override {
    std::ranges::replace(locked_by_, static_cast<int>(p), -1);
  }
  Elements left_behind(int key) override { return versions_[key].back().list; }

  const Level level_;
  std::vector<std::vector<Version>> versions_;  ///< By key.
  std::vector<At> at_;
  std::vector<int> locked_by_;
};

class UnsettledSites final : public Clients {
 public:
  UnsettledSites(Rng rng, Shape shape)
      : Clients(std::move(rng), shape), snapshots_(shape.processes) {
    for (Site& site : sites_) site.now.resize(shape.keys);
  }

 private:
  using State = std::vector<Elements>;
  struct Site {
    State now;
    std::deque<Transaction> arriving{};
  };

  Site& site(std::size_t p) { return sites_[p % sites_.size()]; }

  void start(std::size_t p) override { snapshots_[p] = site(p).now; }
  std::optional<Elements> answer(std::size_t p, int key) override {
    Elements list = snapshots_[p][key];
    for (const int e : own(p, key)) list.push_back(e);
    return list;
  }
  bool accept(std::size_t, const Micro&) override { return true; }
  bool may_commit(std::size_t) override { return true; }
  void apply(std::size_t p) override {
    execute(open_[p].of, site(p));
    site(p + 1).arriving.push_back(open_[p].of);
  }
  void idle() override { deliver(sites_[rng_.below(sites_.size())]); }
  void settle() override {
    while (!sites_[0].arriving.empty()) deliver(sites_[0]);
  }
  Elements left_behind(int key) override { return sites_[0].now[key]; }

  static void execute(const Transaction& t, Site& at) {
    for (const Micro& m : t.micros)
      if (m.append) at.now[m.key].push_back(m.element);
  }
  static void deliver(Site& to) {
    if (to.arriving.empty()) return;
    execute(to.arriving.front(), to);
    to.arriving.pop_front();
  }

  std::array<Site, 2> sites_;
  std::vector<State> snapshots_;
};

}  // namespace faultline::oracle::txn
