// A lease: a lock whose hold ends by itself, its time to live after it was granted.
//
// An acquire takes effect at an instant between its invocation and its answer, and not while
// another process holds; it holds from then on for its time to live. The holder's next acquire
// renews: it holds for its own time to live from its own instant on. A release ends the hold of who
// released, and does nothing if there is none (any more). Instants are real time: in the order in
// which operations take effect they never go back.
//
// So an order of the operations is right if instants can be found for it. It suffices to try the
// earliest: for each operation in turn the instant before, its invocation, or, for an acquire, the
// end of another's hold, whichever is last. Proof: let T be the last instant, F the end of the hold
// (nothing if none), x the earliest choice and y any other for the same order. Then Tx <= Ty and
// max(Tx, Fx) <= max(Ty, Fy) throughout, by induction:
//  - the last one who acquired, and whether it released since, are the same in both: they depend on
//    the order only (who released an expired hold has no hold either way).
//  - acquire, or renewal: its instant is max(Tx, invocation, and Fx if another's), not later than
//    y's by the hypothesis, and the new F is the instant plus the same time to live in both.
//  - release: T is max(Tx, invocation), not later than y's. It takes F away in both, or in neither.
// What must be, that an instant is no later than the answer, holds for x if it does for y.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <unordered_map>
#include <vector>

#include "checkers/linearizable/model.h"

namespace faultline::linearizable {

/// Each a part of what a lease is. Tests break single ones and must notice.
struct LeaseRules {
  static constexpr bool holds_end = true;  ///< By themselves.
  static constexpr bool releases_end_holds = true;
  static constexpr bool own_holds_only = true;    ///< Are released by a release.
  static constexpr bool earliest_instant = true;  ///< Not the answer.
  static constexpr bool not_before_invocation = true;
  static constexpr bool not_after_answer = true;
  static constexpr bool instants_in_order = true;
  static constexpr bool holders_renew = true;
  static constexpr bool renewals_may_shorten = true;
  static constexpr bool infos_may_shorten = true;  ///< Infos that are renewals.
  static constexpr bool infos_may_release = true;  ///< For as long as the hold may last.
};

/// Nanoseconds from the argument, milliseconds; at most what a time can be.
inline std::int64_t time_to_live(const Operation& acquire, const Operations& all) {
  constexpr std::int64_t ns_per_ms = 1'000'000;
  const std::int64_t ms = all.pool->as_integer(argument_of(acquire, all));
  return ms > std::numeric_limits<std::int64_t>::max() / ns_per_ms
             ? std::numeric_limits<std::int64_t>::max()
             : ms * ns_per_ms;
}
/// A moment so much later, the end of time at the latest.
inline std::int64_t later_by(std::int64_t moment, std::int64_t duration) {
  constexpr std::int64_t latest = std::numeric_limits<std::int64_t>::max();
  return duration > latest - moment ? latest : moment + duration;
}
inline std::int64_t asked_at(const Operation& o, const Operations& all) {
  return all.begin_times[o.id];
}
/// Not of infos.
inline std::int64_t answered_at(const Operation& o, const Operations& all) {
  return all.end_times[o.id];
}

template <typename Rules = LeaseRules>
class Lease final : public Model {
 public:
  explicit Lease(const Operations& all) : all_(all) {
    for (const Operation& o : all.list) {
      if (o.is_info() || o.refused) continue;
      done_.push_back({asked_at(o, all), o.end});
      if (o.function != Function::acquire) continue;
      Holds& holds = holds_[o.process];
      const std::int64_t ttl = time_to_live(o, all);
      holds.longest = std::max(holds.longest, ttl);
      holds.over = std::max(holds.over, later_by(answered_at(o, all), ttl));
    }
    std::ranges::sort(done_, {}, &Done::asked);
    for (std::size_t i = done_.size(); i-- > 1;)
      done_[i - 1].end = std::min(done_[i - 1].end, done_[i].end);
  }

  void begin(State& state) override { Held{}.append_to(state); }

  bool step(StateView state, const Operation& o, State& next) override {
    if (o.refused) {
      next.assign(state.begin(), state.end());
      return true;
    }
    Held held = Held::from(state);
    const bool acquires = o.function == Function::acquire;
    const bool own = held.holder == o.process;
    if (!Rules::instants_in_order) held.now = 0;
    if (Rules::not_before_invocation) held.now = std::max(held.now, asked_at(o, all_));
    if (acquires && held.holder != nobody && !(own && Rules::holders_renew))
      held.now = std::max(held.now, held.end);
    if (Rules::not_after_answer && !o.is_info() && held.now > answered_at(o, all_)) return false;
    if (acquires) {
      acquire(held, o);
    } else if (Rules::releases_end_holds && (own || !Rules::own_holds_only)) {
      held.holder = nobody;
    }
    held.append_to(next);
    return true;
  }

  bool observes(const Operation& o) const override { return o.refused; }

  /// An acquire only ever stands in the way, but for a renewal that ends earlier than what it
  /// renews. A release is in vain once every hold of its process has ended by itself: certainly so
  /// after an operation that was invoked later than that. (A hold that only infos prolonged till
  /// then can be left out together with them.)
  Position useful_until(const Operation& info) const override {
    const auto known = holds_.find(info.process);
    const Holds holds = known == holds_.end() ? Holds{} : known->second;
    if (info.function == Function::acquire)
      return Rules::infos_may_shorten && holds.longest > time_to_live(info, all_) ? never : 0;
    if (holds.over < 0 || !Rules::infos_may_release) return 0;
    const auto after = std::ranges::lower_bound(done_, holds.over, {}, &Done::asked);
    return after == done_.end() ? never : after->end + 1;
  }

 private:
  static constexpr std::uint32_t nobody = 0xffffffffu;

  /// Who holds until when, if nothing happens; and the instant of the last operation.
  struct Held {
    std::uint32_t holder = nobody;
    std::int64_t now = 0, end = 0;

    static Held from(StateView s) {
      const auto whole = [&](std::size_t at) {
        return static_cast<std::int64_t>(std::uint64_t{s[at]} << 32 | s[at + 1]);
      };
      return {s[0], whole(1), whole(3)};
    }
    /// A hold that has ended is none.
    void append_to(State& state) {
      if (Rules::holds_end && end <= now) holder = nobody;
      if (holder == nobody) end = 0;
      state.push_back(holder);
      for (const std::int64_t moment : {now, end}) {
        state.push_back(static_cast<std::uint32_t>(static_cast<std::uint64_t>(moment) >> 32));
        state.push_back(static_cast<std::uint32_t>(static_cast<std::uint64_t>(moment)));
      }
    }
  };

  void acquire(Held& held, const Operation& o) const {
    const bool renews = held.holder == o.process;
    const std::int64_t from =
        Rules::earliest_instant || o.is_info() ? held.now : answered_at(o, all_);
    const std::int64_t end = Rules::holds_end ? later_by(from, time_to_live(o, all_))
                                              : std::numeric_limits<std::int64_t>::max();
    held.end = renews && !Rules::renewals_may_shorten ? std::max(held.end, end) : end;
    held.holder = o.process;
  }

  /// Of one process, the acquires that were answered.
  struct Holds {
    std::int64_t longest = 0;  ///< Time to live.
    std::int64_t over = -1;    ///< All have certainly ended by themselves.
  };
  /// The first end of all operations that were asked for then, or later.
  struct Done {
    std::int64_t asked = 0;
    Position end = 0;
  };

  const Operations all_;
  std::unordered_map<std::uint32_t, Holds> holds_;
  std::vector<Done> done_;  ///< By `asked`.
};

}  // namespace faultline::linearizable
