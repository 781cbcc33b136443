// Waits until a time of day, which the kernel keeps by its own clock whatever a process is told:
// found in what its threads wait for. Private to harness/os.
#pragma once

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

}  // namespace faultline
