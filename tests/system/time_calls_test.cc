// Programs that ask the kernel itself for the time of day, past the vDSO: under a shift they are
// told the same time as everybody else. They say so themselves.
#include "harness/os/time_calls.h"

#include <array>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <thread>

#include <sys/auxv.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/system/clock_bed.h"

#if defined(__x86_64__)
namespace faultline::system_test {
namespace {

/// Seconds, and -1 after an error.
long kernel_seconds(clockid_t clock) {
  timespec now{};
  return ::syscall(SYS_clock_gettime, clock, &now) == 0 ? now.tv_sec : -1;
}

/// Hours, rounded: a shift by an hour is told as such however slow this machine is.
long hours(long seconds, std::int64_t since_ns) {
  return (seconds - since_ns / one_second + 1800 + 1000 * 3600) / 3600 - 1000;
}

std::string kernel_line(long off) {
  const std::string n = std::to_string(off);
  return "kernel: real " + n + " coarse " + n + " tai " + n + " day " + n + " time " + n + "\n";
}

void tell_kernel_clocks() {
  const std::int64_t now = true_ns();
  timeval day{};
  struct timezone zone{};
  const long got = ::syscall(SYS_gettimeofday, &day, &zone);
  long stored = 0;
  const long returned = ::syscall(SYS_time, &stored);
  const bool same = got == 0 && returned == stored && day.tv_usec < 1'000'000;
  std::printf("kernel: real %ld coarse %ld tai %ld day %ld time %ld%s\n",
              hours(kernel_seconds(CLOCK_REALTIME), now),
              hours(kernel_seconds(CLOCK_REALTIME_COARSE), now),
              hours(kernel_seconds(CLOCK_TAI), now), hours(day.tv_sec, now), hours(stored, now),
              same ? "" : " inconsistent");
  std::fflush(stdout);
}

TEST_CASE("helper: ask the kernel" * doctest::skip()) {
  // A thread and a child make the calls as well, and other clocks are nobody's business.
  std::thread([] {
    for (;; ::usleep(1000)) kernel_seconds(CLOCK_REALTIME);
  }).detach();
  for (;; ::usleep(2000)) {
    timespec before{}, monotonic{}, after{};
    ::clock_gettime(CLOCK_MONOTONIC, &before);
    ::syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &monotonic);
    ::clock_gettime(CLOCK_MONOTONIC, &after);
    if (monotonic.tv_sec < before.tv_sec || monotonic.tv_sec > after.tv_sec) std::abort();
    // What a kernel refuses is refused; nothing to fill in is no error.
    const auto bad = [](long call, long argument) {
      return ::syscall(call, argument, 8, 0) == -1 && errno == EFAULT;
    };
    if (!bad(SYS_clock_gettime, CLOCK_REALTIME) || !bad(SYS_time, 8) || !bad(SYS_gettimeofday, 8) ||
        ::syscall(SYS_gettimeofday, nullptr, nullptr) != 0 || ::syscall(SYS_time, nullptr) < 0)
      std::abort();
    tell_kernel_clocks();
  }
}

TEST_CASE("time calls: a program that asks the kernel is told the shifted time") {
  ClockBed bed("helper: ask the kernel");
  bed.start();
  CHECK(bed.says(kernel_line(0)));
  CHECK(bed.read().kernel_calls == 0);
  for (const std::int64_t by : {one_hour, -one_hour}) {
    bed.jump(by);
    CHECK(bed.says(kernel_line(by / one_hour)));
  }
  const ClockReading reading = bed.read();
  CHECK(reading.kernel_calls > 0);
  CHECK(reading.kernel_calls_missed == 0);
  CHECK_FALSE(reading.kernel_callers.empty());
  bed.heal();
  CHECK(bed.says(kernel_line(0)));
  CHECK(bed.output().find("inconsistent") == std::string::npos);
  CHECK(bed.shells.cluster->take_deaths().empty());
}

TEST_CASE("time calls: what starts under a shift never sees another time, nor what it executes") {
  ClockBed bed("helper: ask the kernel");
  bed.jump(one_hour);
  for (int life = 0; life < 3; ++life) {
    bed.start();
    CHECK(bed.says(kernel_line(1)));
    require_ok(bed.shells.cluster->signal(0, SIGKILL));
  }
  CHECK(bed.output().find(kernel_line(0)) == std::string::npos);
  bed.shells.argv = {"/bin/sh", "-c", "echo executed; exec \"$@\"", "sh"};
  for (const std::string& word : helper("helper: ask the kernel")) bed.shells.argv.push_back(word);
  // Of a shell, /proc/self is another program.
  bed.shells.argv[4] = std::filesystem::read_symlink("/proc/self/exe");
  bed.start();
  CHECK(bed.said("executed"));
  CHECK(bed.says(kernel_line(1)));
  CHECK(bed.output().find(kernel_line(0)) == std::string::npos);
}

TEST_CASE("time calls: one that waits is stopped, goes on and is killed as ever") {
  ClockBed bed("helper: ask the kernel");
  bed.start();
  bed.jump(one_hour);
  for (int i = 0; i < 20; ++i) {
    CHECK(bed.says(kernel_line(1)));
    require_ok(bed.shells.cluster->signal(0, SIGSTOP));
    require_ok(bed.shells.cluster->signal(0, SIGCONT));
  }
  require_ok(bed.shells.cluster->signal(0, SIGKILL));
  const auto processes = bed.shells.cluster->processes(0);
  REQUIRE(processes);
  CHECK(processes->empty());
  bed.heal();
  bed.start();
  CHECK(bed.says(kernel_line(0)));
}

/// The address of a system call instruction in this process's vDSO; 0 if there is none.
std::uint64_t vdso_call() {
  const auto* base = reinterpret_cast<const std::uint8_t*>(::getauxval(AT_SYSINFO_EHDR));
  for (std::size_t i = 0; base && i < 4096; ++i)
    if (base[i] == 0x0f && base[i + 1] == 0x05) return reinterpret_cast<std::uint64_t>(base + i);
  return 0;
}

/// What the process `pid`, which is traced and stopped, is told by the system call at `at`.
long seconds_told_at(pid_t pid, std::uint64_t at) {
  user_regs_struct saved{};
  ::ptrace(PTRACE_GETREGS, pid, nullptr, &saved);
  user_regs_struct call = saved;
  call.rsp = (saved.rsp - 1024) & ~0xfull;  // Below the red zone.
  call.rip = at;
  call.rax = SYS_clock_gettime;
  call.orig_rax = ~0ull;
  call.rdi = CLOCK_REALTIME;
  call.rsi = call.rsp;
  call.rdx = 0;
  ::ptrace(PTRACE_SETREGS, pid, nullptr, &call);
  ::ptrace(PTRACE_SINGLESTEP, pid, nullptr, nullptr);
  ::waitpid(pid, nullptr, __WALL);
  const long seconds = ::ptrace(PTRACE_PEEKDATA, pid, call.rsp, nullptr);
  ::ptrace(PTRACE_SETREGS, pid, nullptr, &saved);
  return seconds;
}

TEST_CASE("helper: call inside the vDSO" * doctest::skip()) {
  const pid_t child = ::fork();
  if (child == 0)
    for (;;) ::usleep(1000);
  while (std::abs(own_ns(CLOCK_REALTIME) - true_ns()) < one_minute) ::usleep(1000);
  ::usleep(100'000);  // The child was found too, or has inherited it.
  if (vdso_call() == 0) {
    std::printf("none\n");
  } else {
    ::ptrace(PTRACE_SEIZE, child, nullptr, nullptr);
    ::ptrace(PTRACE_INTERRUPT, child, nullptr, nullptr);
    ::waitpid(child, nullptr, __WALL);
    std::printf("inside %ld outside %ld\n", hours(seconds_told_at(child, vdso_call()), true_ns()),
                hours(kernel_seconds(CLOCK_REALTIME), true_ns()));
  }
  std::fflush(stdout);
  for (;;) ::usleep(1000);
}

TEST_CASE(
    "time calls: the vDSO's own system calls are left to the kernel, as the hook shifts them") {
  ClockBed bed("helper: call inside the vDSO");
  bed.start();
  bed.jump(one_hour);
  std::string said;
  CHECK(eventually([&] {
    return !(said = bed.output()).empty() && said.back() == '\n' &&
           said.find("side") != std::string::npos;
  }));
  CHECK(said.find("inside 0 outside 1\n") != std::string::npos);
}

}  // namespace
}  // namespace faultline::system_test
#endif
