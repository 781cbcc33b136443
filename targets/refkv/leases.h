// Read leases of mode leader with --reads lease: a follower answers a read by itself as long as it
// holds a lease, and the leader commits nothing that a follower with a lease has not got.
//   grant    with an append: `Message::lease`. The leader notes until when that holds.
//   commit   of an entry waits until every follower has it on its disk, or its lease is over by the
//            leader's clock, of which the next message from another follower reminds it. A leader
//            that starts may have granted leases in an earlier life.
//   read     at a follower: its lease holds by its own clock, it has all that was committed when
//            the lease was granted, and all of its log that concerns the key is applied.
// Why that is linearizable: when a write is committed, a follower either has it in its log, and
// then it answers no read of the key before it has applied it, or its lease is over, and the next
// one comes with word of a commit that it has not got.
//
// It hangs on the two clocks. Correct: each only measures how long, by a clock that nobody sets. A
// follower says what its clock shows, the leader says that back with the grant, and the lease holds
// for `lease_time` from then; the leader, who granted it later, waits for a tenth longer, for
// clocks that do not run alike. With the bug leader-lease-by-clock the leader says until what time
// of day.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>

#include "targets/refkv/engine.h"

namespace refkv {

class Leases {
 public:
  /// Beside three round trips: when a grant is there its stamp is one old already, or two if the
  /// grant waited for an exchange to end, and the next one comes one later.
  static constexpr std::chrono::milliseconds near_lease{500};

  Leases(const Options& options, Runtime& runtime)
      : on_(options.leases),
        by_time_of_day_(options.bug == Bug::leader_lease_by_clock),
        lease_time_(near_lease + 3 * options.round_trip),
        runtime_(runtime) {}

  /// Of one follower, at the leader.
  struct Promise {
    std::uint64_t until = 0;
    std::uint64_t stamp = 0;           ///< What that one's clock showed; 0: nothing new was heard.
    Clock::time_point last_current{};  ///< When it last had more than before, or all there is.
  };
  /// The leader starts: somebody may hold what it cannot know of.
  void begin(Promise& promise) const {
    if (on_) promise.until = clock() + wait_time();
  }
  /// `current`: it has more than before, or all there is.
  void heard(Promise& promise, const Message& reply, bool current) const {
    promise.stamp = std::max(promise.stamp, reply.lease);
    if (current) promise.last_current = runtime_.now();
  }
  /// What an append is to say; 0: no lease. One only for each sign of life, and none for a follower
  /// that stores nothing more, or nobody could ever commit without it.
  std::uint64_t grant(Promise& promise) const {
    if (promise.stamp == 0 || runtime_.now() - promise.last_current > lease_time_) return 0;
    const std::uint64_t stamp = std::exchange(promise.stamp, 0);
    promise.until = clock() + wait_time();
    return by_time_of_day_ ? promise.until : stamp;
  }
  bool holds(const Promise& promise) const { return on_ && clock() < promise.until; }

  /// At a follower: what a reply is to say.
  std::uint64_t stamp() const { return on_ ? clock() : 0; }
  void granted(std::uint64_t lease) {
    if (lease == 0) return;
    const auto length = static_cast<std::uint64_t>(lease_time_.count());
    mine_until_ = std::max(mine_until_, by_time_of_day_ ? lease : lease + length);
  }
  bool mine_holds() const { return on_ && clock() < mine_until_; }

 private:
  std::uint64_t clock() const {
    if (by_time_of_day_) return runtime_.wall_clock_ns();
    const std::chrono::nanoseconds now = runtime_.now().time_since_epoch();
    return static_cast<std::uint64_t>(now.count());
  }
  std::uint64_t wait_time() const {
    const auto length = by_time_of_day_ ? lease_time_ : lease_time_ + lease_time_ / 10;
    return static_cast<std::uint64_t>(length.count());
  }

  bool on_, by_time_of_day_;
  std::chrono::nanoseconds lease_time_;
  Runtime& runtime_;
  std::uint64_t mine_until_ = 0;
};

}  // namespace refkv
