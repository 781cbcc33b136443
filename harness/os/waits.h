// Waits until a time of day, which the kernel keeps by its own clock whatever a process is told:
// found in what its threads wait for. Private to harness/os.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace faultline {

/// "futex", "clock_nanosleep" …, if a line of /proc/PID/task/TID/syscall says that the thread waits
/// until a time of day; else empty. x86-64 numbers.
std::string_view absolute_wait(std::string_view syscall_line);

/// True if /proc/PID/fdinfo/N is that of a timer which is armed for a time of day.
bool is_absolute_timer(std::string_view fdinfo);

/// The waits of all threads of a process now; with `timers`, also of its timer descriptors.
void find_absolute_waits(int pid, bool timers, std::set<std::string>& found);

/// The clock of a timer by its number, from /proc/PID/timers; nothing if it is not there.
std::optional<int> timer_clock(std::string_view timers, int number);

/// Timers of timer_create() that were armed for a time of day. Nothing in /proc tells for when one
/// is armed, so whoever hears of timer_settime() with TIMER_ABSTIME says so here.
class ArmedTimers {
 public:
  /// The thread is about to arm its process's timer `number` as the itimerspec at `where` says.
  /// Returns the process's name, empty if that is no wait until a time of day.
  std::string note(int thread, int number, std::uint64_t where);
  /// Adds "COMMAND: timer_settime" of those that are still to expire. One that was disarmed or
  /// armed anew for so long counts as it was armed before.
  void find(std::int64_t now_ns, std::set<std::string>& found) const;

  static constexpr std::size_t timers_max = 64;  ///< Then the oldest are forgotten.

 private:
  struct Timer {
    int process = 0, number = 0;
    std::uint64_t start = 0;  ///< Of the process.
    std::int64_t expires_ns = 0;
  };
  std::deque<Timer> timers_;
};

}  // namespace faultline
