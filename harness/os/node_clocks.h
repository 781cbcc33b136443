// The clocks of all processes of one PID namespace: what a node's init does of core/clocks.h. It
// patches what runs, looks for what was started since, steps walks, and measures. Private to
// harness/os.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/core/clocks.h"
#include "harness/os/clock_patch.h"
#include "harness/os/time_calls.h"
#include "harness/os/wire.h"

namespace faultline {

/// The true wall clock. A process never shifts its own.
std::int64_t wall_ns();

/// One thread only, which must not wait for children while a call is under way; afterwards it may
/// find threads stopped that let_go() lets go on (thread_stop.h).
class NodeClocks {
 public:
  using Clock = std::chrono::steady_clock;

  /// An error if they cannot be summed up; then what holds is as before.
  Status set(std::vector<Skew> skews);
  bool active() const { return !skews_.empty(); }
  /// `pid` is stopped before the first instruction of a program: shifts it as the others.
  void adopt_held(int pid);

  /// When tick() is due; nothing if nobody's clock was ever shifted.
  std::optional<Clock::time_point> due() const { return due_; }
  void tick();

  /// Answers one system call for the time of day; see TimeCalls::serve().
  bool answer(TimeCalls& calls) { return calls.serve(slot_, tally_, &watch_); }
  /// What answers the calls that wait now: a process that is to be stopped may wait for a child
  /// that waits for us.
  void set_meanwhile(std::function<void()> meanwhile) { meanwhile_ = std::move(meanwhile); }

  /// To be called with what waitpid() said of any process that is stopped. One that has just
  /// executed a program is shifted as the others; all go on.
  void stopped(int pid, int wait_status);
  void ended(int pid) { watch_.execs.ended(pid); }
  /// Whether the process is being followed into a program: it will stop, or end.
  bool follows(int pid) const { return watch_.execs.follows(pid); }

  /// Reads every process's clock now. `pid`s are those of this namespace.
  ClockReading read();

  /// While a shift is in force, a process that was executed since is found within this time.
  static constexpr std::chrono::milliseconds scan_every{10};
  /// Afterwards: a child whose fork began before the shift ended may come to light after it.
  static constexpr std::chrono::milliseconds scan_idle_every{100};
  static constexpr std::chrono::milliseconds sample_every{100};
  /// A process that could not be patched is tried again after this time: the trial stops it.
  static constexpr std::chrono::seconds retry_every{1};

 private:
  struct Tracked {
    std::optional<ClockPatch> patch;
    std::string problem;
    HookSlot slot;  ///< As written last.
    std::uint64_t start = 0;
    Clock::time_point next_try{};  ///< Of one with a problem.
  };

  HookSlot wanted(std::int64_t now) const;
  /// Finds processes that are new, drops those that ended, and brings all to `slot`. True if one
  /// was new.
  bool scan(const HookSlot& slot);
  void adopt(int pid, std::uint64_t start, bool held, const HookSlot& slot);
  void apply(Tracked& tracked, bool held, const HookSlot& slot);
  void sample(bool timers);
  /// Until programs whose execution began before the shift are there for scan() to find.
  void settle();
  /// Whether a thread of the process has been executing a program since before the shift: to seize
  /// it would wait until that is over, and answer nobody meanwhile.
  bool is_stuck(int pid);

  std::vector<Skew> skews_;
  HookSlot slot_;  ///< In force.
  TimeCallTally tally_;
  CallWatch watch_;
  std::function<void()> meanwhile_;
  std::map<int, Tracked> tracked_;
  std::set<int> stuck_;  ///< Threads that settle() gave up on.
  std::optional<Clock::time_point> due_;
  Clock::time_point next_sample_{};
  std::vector<ClockReading::Sample> series_;
  std::uint64_t samples_ = 0, keep_every_ = 1;  ///< Every so many-th sample is kept.
  std::set<std::string> waits_;
};

/// Whether clocks can be shifted by the calling process: forks a child, shifts its clock, and asks
/// the child what time it is. Else of kind capability, with the reason and the remedy.
Status try_clock_shift();

// On the wire.
void put_skews(wire::Writer& message, std::span<const Skew> skews);
std::vector<Skew> take_skews(wire::Message& message);
/// What belongs to the node as a whole; processes are messages of their own.
void put_reading(wire::Writer& message, const ClockReading& reading);
void take_reading(wire::Message& message, ClockReading& reading);
void put_process(wire::Writer& message, const ClockReading::Process& process);
ClockReading::Process take_process(wire::Message& message);

}  // namespace faultline
