// Tries out on a child what shifting a clock takes: the same calls, and the child's own word.
#include <array>
#include <csignal>
#include <cstring>
#include <fstream>
#include <memory>
#include <optional>
#include <span>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "harness/os/clock_patch.h"
#include "harness/os/node_clocks.h"
#include "harness/os/time_calls.h"
#include "harness/os/wire.h"

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
  std::int64_t kernel_ns = 0;  ///< The time of day by a system call.
};

/// A child that tells its clocks whenever it is asked, and whose system calls for the time are
/// heard; killed with this object.
class Witness {
 public:
  static Result<std::unique_ptr<Witness>> make() {
    std::array<int, 2> ask{}, tell{};
    if (::pipe2(ask.data(), O_CLOEXEC) != 0) return os_error("pipe");
    Fd ask_read(ask[0]), ask_write(ask[1]);
    if (::pipe2(tell.data(), O_CLOEXEC) != 0) return os_error("pipe");
    Fd tell_read(tell[0]), tell_write(tell[1]);
    auto channel = wire::make_channel();
    if (!channel) return channel.error();
    const pid_t pid = ::fork();
    if (pid < 0) return os_error("fork");
    if (pid == 0) answer(ask_read.get(), tell_write.get(), channel->second.get());
    auto witness = std::make_unique<Witness>();
    witness->pid_ = pid;
    witness->ask_ = std::move(ask_write);
    witness->tell_ = std::move(tell_read);
    channel->second.reset();
    auto heard = wire::receive(channel->first.get());
    if (!heard) return heard.error();
    if (!*heard) return Error{"the child to be shifted has died"};
    if ((*heard)->fds.empty()) return Error{(*heard)->text(), ErrorKind::capability};
    witness->calls_.emplace(std::move((*heard)->fds.front()));
    return witness;
  }
  ~Witness() {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  int pid() const { return pid_; }
  Result<Told> ask(const HookSlot& slot) {
    Told told;
    const bool asked = ::write(ask_.get(), "?", 1) == 1;
    std::array<pollfd, 2> polled = {{{tell_.get(), POLLIN, 0}, {calls_->fd(), POLLIN, 0}}};
    while (asked && ::poll(polled.data(), polled.size(), -1) >= 0 && polled[0].revents == 0)
      if (!calls_->serve(slot, tally_)) break;
    if (!asked || ::read(tell_.get(), &told, sizeof told) != static_cast<ssize_t>(sizeof told))
      return Error{"the child that was shifted has died"};
    return told;
  }

 private:
  [[noreturn]] static void answer(int ask, int tell, int channel) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const auto listener = TimeCalls::filter();
    const std::array fds = {listener ? listener->get() : -1};
    (void)wire::send(channel,
                     wire::Writer(wire::Kind::start).text(listener ? "" : listener.error().what),
                     std::span(fds).first(listener ? 1 : 0));
    for (char question = 0; ::read(ask, &question, 1) == 1;) {
      timespec now{};
      ::clock_gettime(CLOCK_MONOTONIC, &now);
      Told told{wall_ns(), std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec, 0};
      ::syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
      told.kernel_ns = std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
      if (::write(tell, &told, sizeof told) != static_cast<ssize_t>(sizeof told)) break;
    }
    ::_exit(0);
  }

  int pid_ = 0;
  Fd ask_, tell_;
  std::optional<TimeCalls> calls_;
  TimeCallTally tally_;
};

Status try_once() {
  const auto witness = Witness::make();
  if (!witness)
    return witness.error().kind == ErrorKind::capability
               ? Error{"shift a process's clock: " + witness.error().what, ErrorKind::capability}
               : witness.error();
  auto patch = ClockPatch::open((*witness)->pid());
  if (!patch) return cannot_shift(patch.error().what, tracing_remedy());
  if (const Status hooked = patch->hook(false); !hooked) {
    const bool written = hooked.error().what.find("write") == std::string::npos;
    return cannot_shift(hooked.error().what,
                        written ? tracing_remedy()
                                : "the kernel must let a tracer write to code: boot with "
                                  "proc_mem.force_override=always");
  }
  // Its monotonic clock may be ahead of this one's from its start (time_namespace.h).
  const auto first = (*witness)->ask({});
  if (!first) return first.error();
  const std::int64_t hour = 3'600'000'000'000;
  for (const std::int64_t by : {hour, -hour, std::int64_t{0}}) {
    HookSlot slot;
    slot.clocks = by == 0 ? 0 : shifted_clocks;
    slot.shift.offset_ns = by;
    if (const Status set = patch->set(slot); !set) return set;
    const std::int64_t before = wall_ns();
    const auto told = (*witness)->ask(slot);
    if (!told) return told.error();
    const std::int64_t after = wall_ns();
    const auto wrong = [&](std::int64_t ns) { return ns < before + by || ns > after + by; };
    if (wrong(told->wall_ns) || wrong(told->kernel_ns) ||
        told->monotonic_ns < first->monotonic_ns ||
        told->monotonic_ns - first->monotonic_ns > hour / 60)
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
