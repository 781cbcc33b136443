#include "harness/os/waits.h"

#include <doctest/doctest.h>

namespace faultline {
namespace {

TEST_CASE("waits: until a time of day, by what a thread's system call says") {
#if defined(__x86_64__)
  // Number, six arguments, stack pointer, program counter.
  CHECK(absolute_wait("202 0x7f 0x189 0x0 0x7ffe 0x0 0xffffffff 0x7f 0x7f\n") == "futex");
  CHECK(absolute_wait("202 0x7f 0x109 0x0 0x7ffe 0x0 0xffffffff 0x7f 0x7f\n") == "futex");
  CHECK(absolute_wait("202 0x7f 0x86 0x0 0x7ffe 0x0 0x0 0x7f 0x7f\n") == "futex");      // LOCK_PI
  CHECK(absolute_wait("202 0x7f 0x189 0x0 0x0 0x0 0xffffffff 0x7f 0x7f\n").empty());    // no limit
  CHECK(absolute_wait("202 0x7f 0x89 0x0 0x7ffe 0x0 0xffffffff 0x7f 0x7f\n").empty());  // monotonic
  CHECK(absolute_wait("202 0x7f 0x80 0x0 0x7ffe 0x0 0x0 0x7f 0x7f\n").empty());  // for so long
  CHECK(absolute_wait("230 0x0 0x1 0x7ffe 0x0 0x0 0x0 0x7f 0x7f\n") == "clock_nanosleep");
  CHECK(absolute_wait("230 0x0 0x0 0x7ffe 0x0 0x0 0x0 0x7f 0x7f\n").empty());
  CHECK(absolute_wait("230 0x1 0x1 0x7ffe 0x0 0x0 0x0 0x7f 0x7f\n").empty());
  CHECK(absolute_wait("232 0x4 0x7ffe 0x1 0xffffffff 0x0 0x8 0x7f 0x7f\n").empty());  // epoll_wait
  CHECK(absolute_wait("running\n").empty());
  CHECK(absolute_wait("-1 0x7ffe 0x7f\n").empty());
  CHECK(absolute_wait("202 0x7f\n").empty());
  CHECK(absolute_wait("").empty());
#endif
}

TEST_CASE("waits: a timer that is armed for a time of day") {
  const std::string absolute =
      "pos:\t0\nflags:\t02\nmnt_id:\t15\nino:\t2078\nclockid: 0\nticks: 0\n"
      "settime flags: 01\nit_value: (11, 936)\nit_interval: (0, 0)\n";
  CHECK(is_absolute_timer(absolute));
  std::string relative = absolute, monotonic = absolute, unarmed = absolute;
  relative.replace(relative.find("flags: 01"), 9, "flags: 00");
  monotonic.replace(monotonic.find("clockid: 0"), 10, "clockid: 1");
  unarmed.replace(unarmed.find("(11, 936)"), 9, "(0, 0)");
  CHECK_FALSE(is_absolute_timer(relative));
  CHECK_FALSE(is_absolute_timer(monotonic));
  CHECK_FALSE(is_absolute_timer(unarmed));
  CHECK_FALSE(is_absolute_timer(""));
}

TEST_CASE("waits: the clock of a timer, by its number") {
  const std::string timers =
      "ID: 1\nsignal: 0/00000000\nnotify: none/pid.7\nClockID: 1\n"
      "ID: 11\nsignal: 0/00000000\nnotify: signal/pid.7\nClockID: 0\n"
      "ID: 2\nsignal: 0/00000000\nnotify: signal/pid.7\nClockID: 11\n";
  CHECK(timer_clock(timers, 1) == 1);
  CHECK(timer_clock(timers, 11) == 0);
  CHECK(timer_clock(timers, 2) == 11);
  CHECK_FALSE(timer_clock(timers, 3));
  CHECK_FALSE(timer_clock("", 0));
  CHECK_FALSE(timer_clock("ID: 4\n", 4));
}

}  // namespace
}  // namespace faultline
