// Tries out on a child what shifting a clock takes: the same calls, and the child's own word.
#include <array>
#include <csignal>
#include <cstring>
#include <fstream>
#include <memory>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "harness/os/clock_patch.h"
#include "harness/os/node_clocks.h"

namespace faultline {
namespace {

Error cannot_shift(const std::string& what, const std::string& remedy) {
  return {"shift a process's clock: " + what + "; " + remedy, ErrorKind::capability};
}

std::string tracing_remedy() {
  int scope = 0;
  std::ifstream("/proc/sys/kernel/yama/ptrace_scope") >> scope;
  if (scope >= 3) return "kernel.yama.ptrace_scope is 3, which only a reboot without it undoes";
  if (scope > 0) return "sysctl kernel.yama.ptrace_scope=0";
  return "in a container run it with --cap-add SYS_PTRACE";
}

struct Told {
  std::int64_t wall_ns = 0, monotonic_ns = 0;
};

/// A child that tells its clocks whenever it is asked; killed with this object.
class Witness {
 public:
  static Result<std::unique_ptr<Witness>> make() {
    std::array<int, 2> ask{}, tell{};
    if (::pipe2(ask.data(), O_CLOEXEC) != 0) return os_error("pipe");
    Fd ask_read(ask[0]), ask_write(ask[1]);
    if (::pipe2(tell.data(), O_CLOEXEC) != 0) return os_error("pipe");
    Fd tell_read(tell[0]), tell_write(tell[1]);
    const pid_t pid = ::fork();
    if (pid < 0) return os_error("fork");
    if (pid == 0) answer(ask_read.get(), tell_write.get());
    auto witness = std::make_unique<Witness>();
    witness->pid_ = pid;
    witness->ask_ = std::move(ask_write);
    witness->tell_ = std::move(tell_read);
    return witness;
  }
  ~Witness() {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  int pid() const { return pid_; }
  Result<Told> ask() {
    Told told;
    if (::write(ask_.get(), "?", 1) != 1 ||
        ::read(tell_.get(), &told, sizeof told) != static_cast<ssize_t>(sizeof told))
      return Error{"the child that was shifted has died"};
    return told;
  }

 private:
  [[noreturn]] static void answer(int ask, int tell) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (char question = 0; ::read(ask, &question, 1) == 1;) {
      timespec now{};
      ::clock_gettime(CLOCK_MONOTONIC, &now);
      Told told{wall_ns(), std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec};
      if (::write(tell, &told, sizeof told) != static_cast<ssize_t>(sizeof told)) break;
    }
    ::_exit(0);
  }

  int pid_ = 0;
  Fd ask_, tell_;
};

Status try_once() {
  const auto witness = Witness::make();
  if (!witness) return witness.error();
  auto patch = ClockPatch::open((*witness)->pid());
  if (!patch) return cannot_shift(patch.error().what, tracing_remedy());
  if (const Status hooked = patch->hook(false); !hooked) {
    const bool written = hooked.error().what.find("write") == std::string::npos;
    return cannot_shift(hooked.error().what,
                        written ? tracing_remedy()
                                : "the kernel must let a tracer write to code: boot with "
                                  "proc_mem.force_override=always");
  }
  const std::int64_t hour = 3'600'000'000'000;
  for (const std::int64_t by : {hour, -hour, std::int64_t{0}}) {
    HookSlot slot;
    slot.clocks = by == 0 ? 0 : shifted_clocks;
    slot.shift.offset_ns = by;
    if (const Status set = patch->set(slot); !set) return set;
    timespec monotonic{};
    ::clock_gettime(CLOCK_MONOTONIC, &monotonic);
    const std::int64_t before = wall_ns();
    const auto told = (*witness)->ask();
    if (!told) return told.error();
    const std::int64_t after = wall_ns();
    if (told->wall_ns < before + by || told->wall_ns > after + by ||
        told->monotonic_ns / 1'000'000'000 - monotonic.tv_sec > 60)
      return cannot_shift("a child that was patched does not say what it should",
                          "this kernel's vDSO is not known well enough");
  }
  return Ok{};
}

}  // namespace

Status try_clock_shift() {
#if defined(__x86_64__)
  return try_once();
#else
  return cannot_shift("this is not an x86-64 machine",
                      "harness/os/clock_hook.cc says where another port begins");
#endif
}

}  // namespace faultline
