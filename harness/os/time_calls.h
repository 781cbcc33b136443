// The system calls that tell the time of day, answered in the kernel's place: for programs that
// make them themselves and never look at the vDSO, where the hook is (clock_hook.h). A seccomp
// filter (seccomp_unotify(2)) hands those calls, and no others, to the node's init. Private to
// harness/os; x86-64.
//
// Of two more it only hears, and leaves them to the kernel: execve(), because a new program has a
// new vDSO (clock_exec.h), and timer_settime() until an absolute time (waits.h).
//
// Which: clock_gettime() of a shifted clock, gettimeofday(), time(). A call that is made inside the
// vDSO (by a machine whose clock source it cannot read) is left to the kernel: the hook, which has
// called it, adds the shift. The hook's own system calls carry a mark and pass the filter.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "harness/core/result.h"
#include "harness/os/clock_exec.h"
#include "harness/os/clock_hook.h"
#include "harness/os/fd.h"
#include "harness/os/waits.h"

namespace faultline {

/// What has become of calls while a shift was in force.
struct TimeCallTally {
  std::int64_t answered = 0;
  /// Which were told the true time, for want of access; and which executed a program that could not
  /// be followed, and so may have told it to that program.
  std::int64_t missed = 0;
  std::set<std::string> callers;  ///< /proc/PID/comm; callers_max at most.
  std::set<std::string> timers;   ///< "COMMAND: timer_settime" until a time of day.
  static constexpr std::size_t callers_max = 16;
  /// "COMMAND" and `what` of it, while there is room.
  void note_caller(int thread, const char* what);
};

/// What hears of calls besides those for the time.
struct CallWatch {
  ExecFollower execs;
  ArmedTimers timers;
};

/// The calls of one program that was started, and of all that descends from it. One thread only.
class TimeCalls {
 public:
  /// In a child, before it executes the program: the calling thread's own calls wait for a
  /// TimeCalls from now on. Needs CAP_SYS_ADMIN in the user namespace, so that no_new_privs, which
  /// would change what set-user-ID programs do, is not. Returns the descriptor to make a TimeCalls
  /// of; the error's text is "WHAT; REMEDY".
  static Result<Fd> filter();

  explicit TimeCalls(Fd listener) : listener_(std::move(listener)) {}
  /// To be polled for POLLIN.
  int fd() const { return listener_.get(); }
  /// Answers one call that waits, by this slot. False if nobody is left who could make one.
  bool serve(const HookSlot& slot, TimeCallTally& tally, CallWatch* watch = nullptr);

 private:
  Fd listener_;
  std::uint32_t last_ = 0;  ///< Who called last.
};

/// What the call would tell now if the clock were shifted by the slot: nanoseconds after 1970,
/// as the hook computes it.
std::int64_t shifted_now(int clock, const HookSlot& slot);

}  // namespace faultline
