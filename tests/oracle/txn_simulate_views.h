// Small databases in which a transaction sees some of those that are committed, as the axioms of
// Cerone, Bernardi & Gotsman (CONCUR 2015) say it: commits are in one order (AR), and a transaction
// reads of a key what the last of those that it sees (VIS) left there, and its own appends behind
// it (EXT, INT). A level is what a view must be:
//
//   read-atomic        anything, but one for the whole transaction (RA)
//   causal-cerone      with whom one sees one sees all whom he saw (TransVis)
//   prefix             the first so many of all commits (Prefix)
//   update-atomic      as read-atomic, and whose key one writes one sees (NoConflict)
//   consistent-view    TransVis and NoConflict, which leave no cycle with one rw: who is missed was
//                      seen by nobody whom one sees. What was not read yet may join the view later:
//                      PL-2+ (Adya 1999) is about dependencies, not about begins.
//   forward-consistent-view
//                      as that, and all is seen that was committed when one began; only of what
//                      came since is there a choice (Adya's PL-FCV).
//   update-serializable
//                      those that write are executed at their commit; readers see any set of them
//                      that lacks nothing which conflicts with a part of it and came before it
//                      (Adya's PL-3U; Hansdah & Patnaik 1986).
//
// With sessions, one also sees what one's process did before; if views are transitive, also what it
// saw (SO in VIS: Cerone & Gotsman, PODC 2016).
#pragma once

#include <algorithm>
#include <bitset>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "harness/core/check.h"
#include "tests/oracle/txn_clients.h"

namespace faultline::oracle::txn {

/// What a view must be.
struct ViewLevel {
  bool sessions = false;
  bool transitive = false;
  bool prefix = false;
  bool no_conflict = false;
  bool grows = false;      ///< While the transaction runs.
  bool real_time = false;  ///< Everything that is committed when it begins.
  bool serial_updates = false;
};

class Views final : public Clients {
 public:
  using Level = ViewLevel;
  static constexpr Level read_atomic{};
  static constexpr Level session_read_atomic{.sessions = true};
  static constexpr Level update_atomic{.no_conflict = true};
  static constexpr Level causal{.transitive = true};
  static constexpr Level session_causal{.sessions = true, .transitive = true};
  static constexpr Level consistent_prefix{.prefix = true};
  static constexpr Level consistent_view{.transitive = true, .no_conflict = true, .grows = true};
  static constexpr Level forward_consistent_view{
      .transitive = true, .no_conflict = true, .grows = true, .real_time = true};
  static constexpr Level update_serializable{.transitive = true, .serial_updates = true};

  Views(Level level, Rng rng, Shape shape)
      : Clients(std::move(rng), shape), level_(level), at_(shape.processes) {
    FAULTLINE_CHECK(shape.transactions <= static_cast<int>(Seen().size()));
  }

 private:
  using Seen = std::bitset<64>;  ///< Of the commits.
  struct Commit {
    Transaction of;
    Seen sees;
  };
  /// What was read behind an own append, which must come right behind it.
  struct Base {
    int key;
    std::size_t length;
  };
  struct At {
    Seen view;
    Seen before;  ///< By its session.
    std::vector<Base> bases{};
  };

  Seen everything() const {
    Seen all;
    for (std::size_t c = 0; c < commits_.size(); ++c) all.set(c);
    return all;
  }
  Seen with_all_it_saw(std::size_t c) const { return commits_[c].sees | Seen().set(c); }

  void start(std::size_t p) override {
    At& at = at_[p];
    at.bases.clear();
    at.view = at.before;
    const std::size_t count = commits_.size();
    const std::size_t first = count - std::min<std::size_t>(rng_.below(6), count);
    for (std::size_t c = 0; c < count; ++c)
      if (level_.prefix ? c < first : c + 8 < count || rng_.below(2) == 0) at.view.set(c);
    if (level_.real_time || (level_.serial_updates && writes(open_[p].of))) at.view = everything();
    if (!level_.transitive) return;
    for (std::size_t c = 0; c < count; ++c)
      if (at.view.test(c)) at.view |= commits_[c].sees;
  }

  /// Somebody joins the view who changed nothing of what was read.
  void grow(std::size_t p) {
    if (!level_.grows || commits_.empty() || rng_.below(2) == 0) return;
    const std::size_t last = rng_.below(std::min<std::size_t>(8, commits_.size()));
    const Seen more = with_all_it_saw(commits_.size() - 1 - last) & ~at_[p].view;
    for (std::size_t c = 0; c < commits_.size(); ++c)
      for (std::size_t i = 0; more.test(c) && i + 1 < open_[p].next; ++i) {
        const Micro& m = open_[p].of.micros[i];
        if (!m.append && writes(commits_[c].of, m.key)) return;
      }
    at_[p].view |= more;
  }

  std::optional<Elements> answer(std::size_t p, int key) override {
    grow(p);
    std::size_t end = commits_.size();
    while (end > 0 && !(at_[p].view.test(end - 1) && writes(commits_[end - 1].of, key))) --end;
    Elements list = left_by(key, end);
    const Elements mine = own(p, key);
    if (!mine.empty()) at_[p].bases.push_back({key, list.size()});
    list.insert(list.end(), mine.begin(), mine.end());
    return list;
  }

  bool accept(std::size_t, const Micro&) override { return true; }

  bool may_commit(std::size_t p) override {
    const Transaction& t = open_[p].of;
    for (const Base& base : at_[p].bases)
      if (base.length != left_behind(base.key).size()) return false;
    if (!writes(t)) return true;
    for (std::size_t c = 0; c < commits_.size(); ++c) {
      if (at_[p].view.test(c)) continue;
      for (int key = 0; key < shape_.keys; ++key) {
        if (!writes(commits_[c].of, key)) continue;
        if (level_.no_conflict && writes(t, key)) return false;
        if (level_.serial_updates && reads(t, key)) return false;
      }
    }
    return true;
  }

  void apply(std::size_t p) override {
    At& at = at_[p];
    if (level_.sessions && level_.transitive) at.before |= at.view;
    const Transaction& t = open_[p].of;
    if (!writes(t)) return;
    Seen sees = at.view;
    if (level_.serial_updates) {
      sees.reset();
      for (std::size_t c = 0; c < commits_.size(); ++c)
        if (conflict(t, commits_[c].of)) sees |= with_all_it_saw(c);
    }
    if (level_.sessions) at.before.set(commits_.size());
    commits_.push_back({t, sees});
  }

  bool conflict(const Transaction& t, const Transaction& u) const {
    for (int key = 0; key < shape_.keys; ++key)
      if ((writes(t, key) && (writes(u, key) || reads(u, key))) ||
          (reads(t, key) && writes(u, key)))
        return true;
    return false;
  }

  void over(std::size_t p, bool is_known) override {
    if (!is_known) at_[p].before.reset();
  }

  /// What the first `end` commits left there.
  Elements left_by(int key, std::size_t end) const {
    Elements list;
    for (std::size_t c = 0; c < end; ++c)
      for (const int e : appended(commits_[c].of, key)) list.push_back(e);
    return list;
  }
  Elements left_behind(int key) override { return left_by(key, commits_.size()); }

  const Level level_;
  std::vector<Commit> commits_;
  std::vector<At> at_;
};

}  // namespace faultline::oracle::txn
