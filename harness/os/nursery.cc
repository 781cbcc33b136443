#include <array>
#include <csignal>

#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "harness/os/init.h"
#include "harness/os/init_loop.h"
#include "harness/os/wire.h"

namespace faultline {
namespace {

/// Makes one init and answers with its pid, its channel and its pidfd.
Status spawn(int channel) {
  auto ends = wire::make_channel();
  if (!ends) return ends.error();
  if (const Status passed = wire::receive_credentials(ends->first.get()); !passed) return passed;

  int pidfd = -1;
  clone_args arguments{};
  arguments.flags =
      CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<std::uint64_t>(&pidfd);
  arguments.exit_signal = SIGCHLD;
  const long pid = ::syscall(SYS_clone3, &arguments, sizeof arguments);
  if (pid < 0) return os_error("clone3 with new network, PID and mount namespaces");
  if (pid == 0) ::_exit(run_init(ends->second.release()));
  const Fd process(pidfd);
  const std::array fds = {ends->first.get(), process.get()};
  return wire::send(channel, wire::Writer(wire::Kind::spawned).number(pid).text(""), fds);
}

}  // namespace

int run_nursery(int channel) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NAME, "fl-nursery");
  ::setsid();                  // A Ctrl-C on the terminal is the controller's to handle.
  ::signal(SIGCHLD, SIG_IGN);  // Inits are reaped by the kernel.
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (;;) {
    auto request = wire::receive(channel);
    if (!request || !*request) return 0;
    FAULTLINE_CHECK((*request)->kind == wire::Kind::spawn);
    for (std::int64_t left = (*request)->number(); left > 0; --left) {
      const Status done = spawn(channel);
      if (done) continue;
      const auto answer = wire::Writer(wire::Kind::spawned).number(-1).text(done.error().what);
      if (!wire::send(channel, answer)) return 1;
    }
  }
}

}  // namespace faultline
