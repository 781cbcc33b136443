#include "harness/os/waits.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <climits>
#include <cstdint>

#include <fcntl.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "harness/os/clock_exec.h"
#include "harness/os/fd.h"
#include "harness/os/proc_list.h"

namespace faultline {
namespace {

/// "202 0x7f… 0x109 0x0 0x7f… 0x0 0xffffffff SP PC": a number and six arguments.
struct Call {
  long number = -1;
  std::array<std::uint64_t, 6> arguments{};
};

Call parse_call(std::string_view line) {
  Call call;
  const char* at = line.data();
  const char* const end = at + line.size();
  const auto [rest, error] = std::from_chars(at, end, call.number);
  if (error != std::errc()) return {};  // "running"
  at = rest;
  for (std::uint64_t& argument : call.arguments) {
    if (end - at < 4 || at[0] != ' ' || at[1] != '0' || at[2] != 'x') return {};
    const auto parsed = std::from_chars(at + 3, end, argument, 16);
    if (parsed.ec != std::errc()) return {};
    at = parsed.ptr;
  }
  return call;
}

bool is_time_of_day(std::uint64_t clock) { return clock == CLOCK_REALTIME || clock == CLOCK_TAI; }

bool waits_absolutely(std::uint64_t futex_operation) {
  const bool by_real_clock = (futex_operation & FUTEX_CLOCK_REALTIME) != 0;
  switch (futex_operation & static_cast<std::uint64_t>(FUTEX_CMD_MASK)) {
    case FUTEX_LOCK_PI:  // It knows no other clock.
      return true;
    case FUTEX_WAIT_BITSET:
    case FUTEX_WAIT_REQUEUE_PI:
    case 13:  // FUTEX_LOCK_PI2, of Linux 5.14
      return by_real_clock;
    default:  // FUTEX_WAIT waits for so long, not until.
      return false;
  }
}

std::string slurp(const std::string& path) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> text;
  const ssize_t got = file ? ::read(file.get(), text.data(), text.size()) : -1;
  return {text.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

std::uint64_t start_of(int process) {
  const auto stat = proc_stat(process);
  return stat ? stat->start : 0;
}

}  // namespace

std::string_view absolute_wait(std::string_view syscall_line) {
#if defined(__x86_64__)
  const Call call = parse_call(syscall_line);
  const auto& a = call.arguments;
  switch (call.number) {
    case SYS_futex:
      return a[3] != 0 && waits_absolutely(a[1]) ? "futex" : "";
    case 449:  // futex_waitv, of Linux 5.16
      return a[3] != 0 && a[4] == CLOCK_REALTIME ? "futex_waitv" : "";
    case SYS_clock_nanosleep:
      return is_time_of_day(a[0]) && (a[1] & TIMER_ABSTIME) != 0 ? "clock_nanosleep" : "";
    case SYS_mq_timedsend:
    case SYS_mq_timedreceive:
      return a[4] != 0 ? "message queue" : "";
    default:
      return {};
  }
#else
  (void)syscall_line;
  return {};
#endif
}

bool is_absolute_timer(std::string_view fdinfo) {
  const auto value = [&](std::string_view name) {
    const std::size_t at = fdinfo.find(name);
    long number = -1;
    if (at == std::string_view::npos) return number;
    std::size_t from = at + name.size();
    while (from < fdinfo.size() && fdinfo[from] == ' ') ++from;
    std::from_chars(fdinfo.data() + from, fdinfo.data() + fdinfo.size(), number);
    return number;
  };
  const long clock = value("clockid:"), flags = value("settime flags:");
  constexpr long real_alarm = 8;
  const bool armed = fdinfo.find("it_value: (0, 0)") == std::string_view::npos;
  return (clock == CLOCK_REALTIME || clock == real_alarm) && flags > 0 && (flags & 1) != 0 && armed;
}

void find_absolute_waits(int pid, bool timers, std::set<std::string>& found) {
  const std::string directory = "/proc/" + std::to_string(pid);
  for (const int thread : numbers_in(directory + "/task")) {
    const std::string line = slurp(directory + "/task/" + std::to_string(thread) + "/syscall");
    if (const std::string_view wait = absolute_wait(line); !wait.empty()) found.emplace(wait);
  }
  if (!timers) return;
  for (const int fd : numbers_in(directory + "/fdinfo")) {
    std::array<char, 32> link{};
    const std::string path = directory + "/fd/" + std::to_string(fd);
    const ssize_t size = ::readlink(path.c_str(), link.data(), link.size());
    if (size <= 0 ||
        std::string_view(link.data(), static_cast<std::size_t>(size)) != "anon_inode:[timerfd]")
      continue;
    if (is_absolute_timer(slurp(directory + "/fdinfo/" + std::to_string(fd))))
      found.emplace("timerfd");
  }
}

std::optional<int> timer_clock(std::string_view timers, int number) {
  const std::string id = "ID: " + std::to_string(number) + "\n", clock = "ClockID: ";
  std::size_t at = 0;
  // A block of lines each, "ID: 0" the first of them.
  while ((at = timers.find(id, at)) != std::string_view::npos && at != 0 && timers[at - 1] != '\n')
    ++at;
  if (at == std::string_view::npos) return std::nullopt;
  at = timers.find(clock, at);
  if (at == std::string_view::npos) return std::nullopt;
  int value = 0;
  const auto parsed =
      std::from_chars(timers.data() + at + clock.size(), timers.data() + timers.size(), value);
  return parsed.ec == std::errc() ? std::optional(value) : std::nullopt;
}

std::string ArmedTimers::note(int thread, int number, std::uint64_t where) {
  const auto stat = proc_stat(thread);
  const int process = process_of(thread);
  if (!stat || process == 0) return {};
  // Without CONFIG_CHECKPOINT_RESTORE nothing tells its clock: then it is told as well.
  constexpr int real_alarm = 8;
  const auto clock = timer_clock(slurp("/proc/" + std::to_string(process) + "/timers"), number);
  if (clock && *clock != CLOCK_REALTIME && *clock != CLOCK_TAI && *clock != real_alarm) return {};
  itimerspec spec{};
  // NOLINTNEXTLINE(performance-no-int-to-ptr): of another address space
  iovec into{&spec, sizeof spec}, from{reinterpret_cast<void*>(where), sizeof spec};
  if (::process_vm_readv(thread, &into, 1, &from, 1, 0) != sizeof spec) return {};
  std::erase_if(timers_, [&](const Timer& timer) {
    return timer.process == process && timer.number == number;
  });
  if (spec.it_value.tv_sec == 0 && spec.it_value.tv_nsec == 0) return {};  // It is disarmed.
  constexpr std::int64_t per_second = 1'000'000'000;
  const bool repeats = spec.it_interval.tv_sec != 0 || spec.it_interval.tv_nsec != 0;
  const bool far = spec.it_value.tv_sec > INT64_MAX / per_second - 1;
  if (timers_.size() == timers_max) timers_.pop_front();
  timers_.push_back(
      {process, number, start_of(process),
       repeats || far ? INT64_MAX : spec.it_value.tv_sec * per_second + spec.it_value.tv_nsec});
  return stat->process.command;
}

void ArmedTimers::find(std::int64_t now_ns, std::set<std::string>& found) const {
  for (const Timer& timer : timers_) {
    if (timer.expires_ns <= now_ns) continue;
    const auto stat = proc_stat(timer.process);
    if (stat && stat->start == timer.start) found.insert(stat->process.command + ": timer_settime");
  }
}

}  // namespace faultline
