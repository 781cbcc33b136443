#include "harness/os/init_loop.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <list>
#include <tuple>

#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "harness/os/init.h"
#include "harness/os/log_drain.h"
#include "harness/os/node_clocks.h"
#include "harness/os/node_setup.h"
#include "harness/os/proc_list.h"
#include "harness/os/time_calls.h"
#include "harness/os/time_namespace.h"
#include "harness/os/wire.h"

namespace faultline {
namespace {

using Clock = std::chrono::steady_clock;
using wire::Kind;

/// A kill that takes longer than this has met a process that even SIGKILL cannot end (state D).
constexpr std::chrono::seconds kill_limit{10};
/// Pipes of earlier starts stay open as long as a process that outlived the store holds them.
constexpr std::size_t drains_max = 128;

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

/// Signals by which a process may end.
bool may_end(int number) {
  switch (number) {
    case 0:
    case SIGSTOP:
    case SIGTSTP:
    case SIGCONT:
    case SIGCHLD:
    case SIGURG:
    case SIGWINCH:
      return false;
    default:
      return true;
  }
}

struct StartRequest {
  std::vector<std::string> argv, environment;
  std::string directory, stdout_path, stderr_path;
  Fd input;           ///< Becomes stdin; none: /dev/null.
  bool held = false;  ///< Stops before its first instruction.
  Fd calls_to;        ///< Where to send what its system calls for the time are heard by, if at all.
};

/// Runs in the child of fork(): never returns. The init has one thread, so any call is safe here.
[[noreturn]] void execute(const StartRequest& request, int out, int err, int failure_pipe) {
  ::setsid();
  std::vector<char*> argv, environment;
  for (const std::string& s : request.argv) argv.push_back(const_cast<char*>(s.c_str()));
  for (const std::string& s : request.environment)
    environment.push_back(const_cast<char*>(s.c_str()));
  argv.push_back(nullptr);
  environment.push_back(nullptr);
  ::signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::umask(022);
  const Fd null(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ::dup2(request.input ? request.input.get() : null.get(), 0);
  ::dup2(out, 1);
  ::dup2(err, 2);
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (request.calls_to) {
    const auto listener = TimeCalls::filter();
    const std::array fds = {listener ? listener->get() : -1};
    if (!listener || !wire::send(request.calls_to.get(), wire::Writer(Kind::start), fds))
      ::_exit(127);
  }
  if (request.held) ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
  if (::chdir(request.directory.c_str()) == 0) ::execve(argv[0], argv.data(), environment.data());
  const int number = errno;
  [[maybe_unused]] const auto written = ::write(failure_pipe, &number, sizeof number);
  ::_exit(127);
}

class Init {
 public:
  explicit Init(int channel) : channel_(channel) {
    clocks_.set_meanwhile([this] { answer_waiting_calls(); });
  }

  int run() {
    sigset_t child;
    ::sigemptyset(&child);
    ::sigaddset(&child, SIGCHLD);
    ::sigprocmask(SIG_BLOCK, &child, nullptr);
    signals_ = Fd(::signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK));
    for (;;) {
      std::vector<pollfd> polled = {{channel_, POLLIN, 0}, {signals_.get(), POLLIN, 0}};
      for (const TimeCalls& calls : calls_) polled.push_back({calls.fd(), POLLIN, 0});
      for (const LogDrain& drain : drains_) polled.push_back({drain.fd(), POLLIN, 0});
      if (::poll(polled.data(), polled.size(), time_to_tick()) < 0 && errno != EINTR) return 1;
      std::size_t i = 2;
      for (auto calls = calls_.begin(); calls != calls_.end(); ++i)
        calls = polled[i].revents != 0 && !clocks_.answer(*calls) ? calls_.erase(calls)
                                                                  : std::next(calls);
      for (auto drain = drains_.begin(); drain != drains_.end(); ++i)
        drain = polled[i].revents != 0 && !drain->drain() ? drains_.erase(drain) : std::next(drain);
      if (polled[1].revents != 0) reap();
      if (polled[0].revents != 0 && !serve()) return 0;
      if (const auto due = clocks_.due(); due && Clock::now() >= *due) clocks_.tick();
    }
  }

 private:
  /// For poll(): milliseconds until the clocks want attention, -1 if they do not.
  int time_to_tick() const {
    const auto due = clocks_.due();
    if (!due) return -1;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*due - Clock::now());
    return static_cast<int>(std::max<std::int64_t>(0, left.count()));
  }

  /// Of processes that wait for an answer now. Those whose callers are gone are left to run().
  void answer_waiting_calls() {
    for (TimeCalls& calls : calls_) {
      pollfd waiting{calls.fd(), POLLIN, 0};
      if (::poll(&waiting, 1, 0) > 0 && (waiting.revents & POLLIN) != 0) clocks_.answer(calls);
    }
  }

  /// One request; false if the controller is gone.
  bool serve() {
    auto received = wire::receive(channel_);
    if (!received || !*received) return false;
    wire::Message& message = **received;
    Fds fds;
    wire::Writer answer(Kind::done, message.sequence);
    Result<std::int64_t> result = 0;
    switch (message.kind) {
      case Kind::setup:
        result = set_up(message, fds);
        break;
      case Kind::start:
        result = start(message);
        break;
      case Kind::signal:
        result = signal_all(static_cast<int>(message.number()));
        break;
      case Kind::list:
        result = list();
        break;
      case Kind::clock_set:
        if (const Status set = clocks_.set(take_skews(message)); !set) result = set.error();
        break;
      case Kind::clock_read:
        result = read_clocks();
        break;
      case Kind::clock_trial:
        if (const Status can = try_clock_shift(); !can) result = can.error();
        break;
      case Kind::clock_arm:
        armed_ = true;
        break;
      default:
        FAULTLINE_CHECK(!"known message");
    }
    const bool incapable = !result && result.error().kind == ErrorKind::capability;
    answer.number(result      ? *result
                  : incapable ? wire::failed_incapable
                              : wire::failed)
        .text(result ? "" : result.error().what);
    std::vector<int> numbers;
    for (const Fd& fd : fds) numbers.push_back(fd.get());
    return static_cast<bool>(wire::send(channel_, answer, numbers));
  }

  Result<std::int64_t> set_up(wire::Message& message, Fds& fds) {
    NodeSetup setup;
    setup.name = message.text();
    setup.hosts = message.text();
    setup.keep = message.text();
    setup.address = message.text();
    setup.address6 = message.text();
    setup.machines = static_cast<std::size_t>(message.number());
    setup.monotonic_ns = message.number();
    if (const Status done = set_up_host(setup); !done) return done.error();
    limit_processes(setup);
    if (setup.monotonic_ns != 0)
      if (const Status ahead = offset_monotonic(setup.monotonic_ns); !ahead) return ahead.error();
    auto sockets = set_up_network(setup);
    if (!sockets) return sockets.error();
    fds = std::move(*sockets);
    return 0;
  }

  Result<std::int64_t> start(wire::Message& message) {
    StartRequest request;
    request.argv = message.texts();
    request.environment = message.texts();
    request.directory = message.text();
    request.stdout_path = message.text();
    request.stderr_path = message.text();
    if (!message.fds.empty()) request.input = std::move(message.fds.front());
    request.held = clocks_.active() && !armed_;  // Else its execution is heard of.
    if (drains_.size() + 2 > drains_max)
      return Error{"processes of earlier starts still hold " + std::to_string(drains_.size()) +
                   " log pipes"};
    Fd out, err;
    for (const auto& [path, end] :
         {std::pair{&request.stdout_path, &out}, {&request.stderr_path, &err}}) {
      auto drain = LogDrain::open(*path, log_bytes_max, *end);
      if (!drain) return drain.error();
      drains_.push_back(std::move(*drain));
    }
    Fd calls_from;
    if (armed_) {
      auto channel = wire::make_channel();
      if (!channel) return channel.error();
      std::tie(calls_from, request.calls_to) = *std::move(channel);
    }
    std::array<int, 2> failure{};
    if (::pipe2(failure.data(), O_CLOEXEC) != 0) return os_error("pipe");
    const Fd failure_read(failure[0]);
    Fd failure_write(failure[1]);
    const pid_t pid = ::fork();
    if (pid < 0) return os_error("fork");
    if (pid == 0) execute(request, out.get(), err.get(), failure_write.get());
    failure_write.reset();
    request.calls_to.reset();
    if (calls_from)
      if (const Status heard = hear(calls_from.get()); !heard) return heard.error();
    if (const int number = await_execution(failure_read.get()); number != 0) {
      ::waitpid(pid, nullptr, __WALL);
      clocks_.ended(pid);
      return Error{"execute " + request.argv[0] + ": " + error_text(number)};
    }
    main_ = pid;
    asked_ = 0;
    if (request.held) shift_held(pid);
    while (clocks_.follows(pid)) {
      int status = 0;
      if (::waitpid(pid, &status, __WALL) < 0) continue;
      if (WIFSTOPPED(status))
        clocks_.stopped(pid, status);
      else
        note_end(pid, status);
    }
    return pid;
  }

  /// Until the child has executed its program, for which it may wait for our answer; the errno if
  /// it could not.
  int await_execution(int failure) {
    std::array<pollfd, 2> polled = {
        {{failure, POLLIN, 0}, {armed_ ? calls_.back().fd() : -1, POLLIN, 0}}};
    while (polled[0].revents == 0)
      if (::poll(polled.data(), polled.size(), -1) > 0 && polled[1].revents != 0 &&
          !clocks_.answer(calls_.back()))
        polled[1].fd = -1;
    int number = 0;
    ssize_t got = 0;
    while ((got = ::read(failure, &number, sizeof number)) < 0 && errno == EINTR) {
    }
    return got == sizeof number ? number : 0;
  }

  /// The child has sent what its calls are heard by, or is gone.
  Status hear(int channel) {
    auto message = wire::receive(channel);
    if (!message) return message.error();
    if (!*message || (*message)->fds.empty())
      return Error{"the program's system calls for the time cannot be heard"};
    calls_.emplace_back(std::move((*message)->fds.front()));
    return Ok{};
  }

  /// A program that starts while its node's clock is shifted never sees another.
  void shift_held(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, __WALL) < 0 && errno == EINTR) {
    }
    if (!WIFSTOPPED(status)) return note_end(pid, status);
    clocks_.adopt_held(pid);
    ::ptrace(PTRACE_DETACH, pid, nullptr, nullptr);
  }

  /// kill(-1) is one step: no process can be forked past it.
  Result<std::int64_t> signal_all(int number) {
    reap();  // What ended before is reported as such.
    if (may_end(number)) asked_ = number;
    if (::kill(-1, number) != 0 && errno != ESRCH) return os_error("kill");
    if (number != SIGKILL) return 0;
    const auto limit = Clock::now() + kill_limit;
    for (;;) {
      reap();
      if (::kill(-1, SIGKILL) != 0 && errno == ESRCH) return 0;
      if (Clock::now() > limit) return Error{"processes are left 10 s after SIGKILL"};
      pollfd child{signals_.get(), POLLIN, 0};
      ::poll(&child, 1, 5);
    }
  }

  Result<std::int64_t> list() {
    const auto processes = list_processes();
    if (!processes) return processes.error();
    std::int64_t sent = 0;
    for (const ProcessInfo& process : *processes) {
      const auto item = wire::Writer(Kind::process).number(process.state).text(process.command);
      // Fails for a process that has ended meanwhile; then it is none of the node's.
      if (wire::send(channel_, item, {}, process.pid)) ++sent;
    }
    return sent;
  }

  Result<std::int64_t> read_clocks() {
    const ClockReading reading = clocks_.read();
    wire::Writer node(Kind::clock_node);
    put_reading(node, reading);
    if (const Status sent = wire::send(channel_, node); !sent) return sent.error();
    std::int64_t count = 0;
    for (const ClockReading::Process& process : reading.processes) {
      wire::Writer item(Kind::clock_process);
      put_process(item, process);
      if (wire::send(channel_, item, {}, process.pid)) ++count;  // Else it has ended meanwhile.
    }
    return count;
  }

  void reap() {
    signalfd_siginfo information;
    while (::read(signals_.get(), &information, sizeof information) > 0) {
    }
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG | __WALL)) > 0;) {
      if (WIFSTOPPED(status))
        clocks_.stopped(pid, status);
      else
        note_end(pid, status);
    }
  }

  void note_end(pid_t pid, int status) {
    clocks_.ended(pid);
    if (pid != main_) return;
    main_ = 0;
    // If the controller is gone, so are we, at once.
    (void)wire::send(
        channel_,
        wire::Writer(Kind::ended).number(pid).number(status).number(now_ns()).number(asked_));
  }

  int channel_;
  Fd signals_;
  std::list<LogDrain> drains_;
  pid_t main_ = 0;  ///< The store's own process, while it runs.
  int asked_ = 0;   ///< The last signal sent since its start that may end it; 0 if none.
  NodeClocks clocks_;
  bool armed_ = false;  ///< The calls of what starts are heard.
  std::list<TimeCalls> calls_;
};

}  // namespace

int run_init(int channel) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::prctl(PR_SET_NAME, "fl-init");
  // Everything inherited is closed, the controller's end of this channel above all.
  const int kept = 3;
  if (channel != kept && ::dup2(channel, kept) < 0) return 1;
  ::fcntl(kept, F_SETFD, FD_CLOEXEC);
  ::close_range(kept + 1, ~0U, 0);
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return 1;
  for (const int standard : {0, 1, 2}) ::dup2(null, standard);
  if (null > kept) ::close(null);
  ::setsid();
  ::signal(SIGCHLD, SIG_DFL);
  ::signal(SIGPIPE, SIG_IGN);
  return Init(kept).run();
}

}  // namespace faultline
