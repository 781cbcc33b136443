#include "harness/os/time_calls.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <optional>
#include <utility>

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "harness/os/clock_patch.h"
#include "harness/os/proc_list.h"

namespace faultline {

void TimeCallTally::note_caller(int thread, const char* what) {
  if (callers.size() == callers_max) return;
  if (const auto stat = proc_stat(thread)) callers.insert(stat->process.command + what);
}

#if defined(__x86_64__)
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

std::int64_t clock_ns(int clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return now.tv_sec * second_ns + now.tv_nsec;
}

Error filter_error() {
  const int number = errno;
  std::string remedy = "Linux 5.5 or later with CONFIG_SECCOMP_FILTER";
  if (number == EPERM || number == EACCES)
    remedy = "in a container run it with --security-opt seccomp=unconfined";
  else if (number == EBUSY)
    remedy = "this container's own supervisor listens to system calls already, and only one can";
  return {"hear of programs' system calls (seccomp): " + error_text(number) + "; " + remedy,
          ErrorKind::capability};
}

/// Whether the call comes from the vDSO of its process. That of another has the same size.
bool is_from_vdso(const seccomp_notif& call) {
  static const std::uint64_t bytes = [] {
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the kernel tells addresses as numbers
    const auto* own = reinterpret_cast<const std::uint8_t*>(::getauxval(AT_SYSINFO_EHDR));
    const auto size = own ? vdso_size({own, 4096}) : Result<std::size_t>(std::size_t{0});
    return std::uint64_t{size ? *size : 0};
  }();
  const auto base = vdso_base(static_cast<int>(call.pid));
  return base && *base != 0 && call.data.instruction_pointer - *base < bytes;
}

/// Puts `bytes` where the program wants them: 0 or -EFAULT; nothing if we may not.
/// The number cannot be another thread's by now: the kernel gives out all others before it again.
std::optional<int> deliver(const seccomp_notif& call, std::uint64_t where, void* bytes,
                           std::size_t size) {
  // NOLINTNEXTLINE(performance-no-int-to-ptr): of another address space
  iovec from{bytes, size}, to{reinterpret_cast<void*>(where), size};
  if (::process_vm_writev(static_cast<pid_t>(call.pid), &from, 1, &to, 1, 0) ==
      static_cast<ssize_t>(size))
    return 0;
  if (errno == EFAULT) return -EFAULT;
  return std::nullopt;
}

/// Answers the call as a kernel would whose clock is shifted; false if that cannot be done.
bool answer(const seccomp_notif& call, const HookSlot& slot, seccomp_notif_resp& response) {
  const auto& arguments = call.data.args;
  std::optional<int> error = 0;
  if (call.data.nr == SYS_clock_gettime) {
    const std::int64_t now = shifted_now(static_cast<int>(arguments[0]), slot);
    timespec told{now / second_ns, now % second_ns};
    error = deliver(call, arguments[1], &told, sizeof told);
  } else if (call.data.nr == SYS_gettimeofday) {
    const std::int64_t now = shifted_now(CLOCK_REALTIME, slot);
    timeval told{now / second_ns, now % second_ns / 1000};
    struct timezone zone{};  // The kernel's own, which nobody sets.
    if (arguments[0] != 0) error = deliver(call, arguments[0], &told, sizeof told);
    if (error == 0 && arguments[1] != 0) error = deliver(call, arguments[1], &zone, sizeof zone);
  } else {  // time(), which goes by the coarse clock
    std::int64_t told = shifted_now(CLOCK_REALTIME_COARSE, slot) / second_ns;
    if (arguments[0] != 0) error = deliver(call, arguments[0], &told, sizeof told);
    if (error == 0) response.val = told;
  }
  if (error) response.error = *error;
  return error.has_value();
}

}  // namespace

std::int64_t shifted_now(int clock, const HookSlot& slot) {
  const std::int64_t real = clock_ns(clock);
  const std::int64_t day = clock == CLOCK_TAI ? clock_ns(CLOCK_REALTIME) : real;
  return std::max<std::int64_t>(0, real + (slot.clocks == 0 ? 0 : slot.shift.at(day)));
}

Result<Fd> TimeCalls::filter() {
  constexpr auto argument = [](std::size_t i) {
    return static_cast<std::uint32_t>(offsetof(seccomp_data, args) + 8 * i);
  };
  // clang-format off
  constexpr auto is = [](std::uint32_t value, std::uint8_t then, std::uint8_t otherwise) {
    return sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, then, otherwise);
  };
  std::array program = {
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, arch)),
      is(AUDIT_ARCH_X86_64, 0, 15),
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      is(SYS_gettimeofday, 14, 0),
      is(SYS_time, 13, 0),
      is(SYS_execve, 12, 0),
      is(SYS_execveat, 11, 0),
      is(SYS_timer_settime, 7, 0),
      is(SYS_clock_gettime, 0, 8),
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument(2)),
      is(hook_call_mark, 6, 0),
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument(0)),
      is(CLOCK_REALTIME, 5, 0),
      is(CLOCK_REALTIME_COARSE, 4, 0),
      is(CLOCK_TAI, 3, 2),
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS, argument(1)),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, TIMER_ABSTIME, 1, 0),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
      sock_filter BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)};
  // clang-format on
  sock_fprog filter{program.size(), program.data()};
  // A signal that comes while a call is being answered must not end it with EINTR (since 5.19).
  constexpr unsigned long basic = SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW;
  constexpr unsigned long wait_killable = 1ul << 5;
  for (const unsigned long flags : {basic | wait_killable, basic}) {
    Fd listener(static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter)));
    if (listener) return listener;
    if (errno != EINVAL) break;
  }
  return filter_error();
}

bool TimeCalls::serve(const HookSlot& slot, TimeCallTally& tally, CallWatch* watch) {
  seccomp_notif call{};
  if (::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_RECV, &call) != 0) {
    pollfd listener{listener_.get(), POLLIN, 0};
    ::poll(&listener, 1, 0);
    return (listener.revents & (POLLHUP | POLLERR)) == 0;  // Else a signal took the call away.
  }
  const bool shifted = slot.clocks != 0;
  const int thread = static_cast<int>(call.pid);
  seccomp_notif_resp response{};
  response.id = call.id;
  bool answered = false;
  if (call.data.nr == SYS_execve || call.data.nr == SYS_execveat) {
    if (watch && !watch->execs.begins(thread, shifted)) {
      ++tally.missed;
      tally.note_caller(thread, ": executes a program that cannot be followed");
    }
  } else if (call.data.nr == SYS_timer_settime) {
    std::string name;
    if (watch)
      name = watch->timers.note(thread, static_cast<int>(call.data.args[0]), call.data.args[2]);
    if (shifted && !name.empty() && tally.timers.size() < TimeCallTally::callers_max)
      tally.timers.insert(name + ": timer_settime");
  } else if (shifted && !is_from_vdso(call)) {
    answered = answer(call, slot, response);
    ++(answered ? tally.answered : tally.missed);
    if (std::exchange(last_, call.pid) != call.pid) tally.note_caller(thread, "");
  }
  if (!answered) response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  ::ioctl(listener_.get(), SECCOMP_IOCTL_NOTIF_SEND, &response);  // ENOENT: it was killed.
  return true;
}
#else
Result<Fd> TimeCalls::filter() { return Error{"x86-64 only", ErrorKind::capability}; }
bool TimeCalls::serve(const HookSlot&, TimeCallTally&, CallWatch*) { return false; }
std::int64_t shifted_now(int, const HookSlot&) { return 0; }
#endif

}  // namespace faultline
