#include "harness/os/child.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/core/check.h"
#include "harness/os/fd.h"

namespace faultline {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array passed_on = {SIGINT, SIGTERM, SIGHUP};

sigset_t passed_on_set() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : passed_on) sigaddset(&set, number);
  return set;
}

struct Pipe {
  Fd read, write;
};
Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return os_error("pipe");
  return Pipe{Fd(ends[0]), Fd(ends[1])};
}

/// In the child, between fork and exec: async-signal-safe calls only. Returns only if it failed.
void become(char* const* argv, pid_t parent, int input, int output, int errors) {
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != parent) _exit(127);  // It died before we asked to die with it.
  for (const int number : passed_on) signal(number, SIG_DFL);
  signal(SIGPIPE, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  if (dup2(input, STDIN_FILENO) < 0 || dup2(output, STDOUT_FILENO) < 0) return;
  if (errors >= 0 && dup2(errors, STDERR_FILENO) < 0) return;
  execv(argv[0], argv);
}

struct Started {
  pid_t pid = 0;
  Fd pidfd, output;
};

Result<Started> start_process(const ChildOptions& options) {
  FAULTLINE_CHECK(!options.argv.empty());
  auto output = make_pipe(), failure = make_pipe();
  if (!output) return output.error();
  if (!failure) return failure.error();
  const Fd input(open("/dev/null", O_RDONLY | O_CLOEXEC));
  Fd errors;
  if (!options.stderr_file.empty()) {
    errors = Fd(open(options.stderr_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    if (errors.get() < 0) return os_error("open " + options.stderr_file.string());
  }
  std::vector<char*> argv;
  for (const std::string& argument : options.argv)
    argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);

  const pid_t parent = getpid(), pid = fork();
  if (pid < 0) return os_error("fork");
  if (pid == 0) {
    become(argv.data(), parent, input.get(), output->write.get(), errors.get());
    const int why = errno;
    [[maybe_unused]] const auto told = write(failure->write.get(), &why, sizeof why);
    _exit(127);
  }
  setpgid(pid, pid);  // Also here: whoever is first, the group exists when we signal it.
  failure->write = Fd();
  int why = 0;
  if (read(failure->read.get(), &why, sizeof why) == sizeof why) {
    waitpid(pid, nullptr, 0);
    errno = why;
    return os_error("run " + options.argv[0]);
  }
  Started started{pid, Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))),
                  std::move(output->read)};
  if (started.pidfd.get() < 0) {
    const Error error = os_error("pidfd_open");
    kill(-pid, SIGKILL);
    waitpid(pid, nullptr, 0);
    return error;
  }
  fcntl(started.output.get(), F_SETFL, O_NONBLOCK);
  return started;
}

/// Reads what is there. False at the end of the output.
bool drain(int fd, std::string& into, std::size_t bytes_max) {
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return got < 0 && errno == EAGAIN;
    const std::size_t room = bytes_max - std::min(bytes_max, into.size());
    into.append(buffer.data(), std::min(room, static_cast<std::size_t>(got)));
  }
}

int poll_timeout(Clock::time_point until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 3'600'000));
}

}  // namespace

Signals::Signals() {
  const sigset_t set = passed_on_set();
  FAULTLINE_CHECK(pthread_sigmask(SIG_BLOCK, &set, nullptr) == 0);
  fd_ = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
  FAULTLINE_CHECK(fd_ >= 0);
}

Signals::~Signals() {
  while (take() != 0) {
  }
  close(fd_);
  const sigset_t set = passed_on_set();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

int Signals::take() {
  signalfd_siginfo info;
  return read(fd_, &info, sizeof info) == sizeof info ? static_cast<int>(info.ssi_signo) : 0;
}

struct Children::Running {
  std::size_t id;
  ChildOptions options;
  Started process;
  Clock::time_point began, deadline;
  ChildResult result;
  bool output_open = true;
  bool ended = false;
};

Children::Children(Signals* signals) : signals_(signals) {}

Children::~Children() {
  for (const Running& child : running_) {
    kill(-child.process.pid, SIGKILL);
    while (waitpid(child.process.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
  }
}

Status Children::start(std::size_t id, ChildOptions options) {
  const auto began = Clock::now();
  auto process = start_process(options);
  if (!process) return process.error();
  const auto deadline = began + options.deadline;
  running_.push_back(
      {id, std::move(options), *std::move(process), began, deadline, {}, true, false});
  return Ok{};
}

std::pair<std::size_t, ChildResult> Children::wait() {
  FAULTLINE_CHECK(!running_.empty());
  for (;;) {
    const auto ended = std::ranges::find_if(running_, &Running::ended);
    if (ended != running_.end()) return reap(ended);
    poll_once();
  }
}

/// Waits for something to happen, and does what it calls for: reads, passes signals on, enforces
/// deadlines.
void Children::poll_once() {
  std::vector<pollfd> fds = {{signals_ != nullptr ? signals_->fd() : -1, POLLIN, 0}};
  auto earliest = Clock::time_point::max();
  for (const Running& child : running_) {
    fds.push_back({child.process.pidfd.get(), POLLIN, 0});
    fds.push_back({child.output_open ? child.process.output.get() : -1, POLLIN, 0});
    earliest = std::min(earliest, child.deadline);
  }
  const int ready = poll(fds.data(), fds.size(), poll_timeout(earliest));
  FAULTLINE_CHECK(ready >= 0 || errno == EINTR);
  auto fd = fds.begin() + 1;
  for (Running& child : running_) {
    const bool ended = ready > 0 && fd++->revents != 0, readable = ready > 0 && fd++->revents != 0;
    if (readable)
      child.output_open =
          drain(child.process.output.get(), child.result.output, child.options.output_bytes_max);
    child.ended = child.ended || ended;
    if (child.ended || Clock::now() < child.deadline) continue;
    kill(child.process.pid, child.result.timed_out ? SIGKILL : SIGINT);
    child.result.timed_out = true;
    child.deadline = Clock::now() + child.options.grace;
  }
  // With nobody left to hear it, a signal waits for whoever takes it.
  const bool heard = !std::ranges::all_of(running_, &Running::ended);
  if (ready > 0 && fds.front().revents != 0 && heard) pass_on_signals();
}

void Children::pass_on_signals() {
  while (const int number = signals_->take()) {
    ++signals_taken_;
    for (Running& child : running_)
      if (!child.ended)
        kill(child.process.pid, ++child.result.signals_passed_on >= 3 ? SIGKILL : number);
  }
}

std::pair<std::size_t, ChildResult> Children::reap(std::list<Running>::iterator child) {
  const pid_t pid = child->process.pid;
  ChildResult& result = child->result;
  // Not reaped yet, so its number, which is its group's, cannot be somebody else's.
  kill(-pid, SIGKILL);
  int status = 0;
  while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  drain(child->process.output.get(), result.output, child->options.output_bytes_max);
  if (WIFEXITED(status)) result.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result.signal = WTERMSIG(status);
  result.seconds = std::chrono::duration<double>(Clock::now() - child->began).count();
  std::pair<std::size_t, ChildResult> ended(child->id, std::move(result));
  running_.erase(child);
  return ended;
}

Result<ChildResult> run_child(const ChildOptions& options, Signals* signals) {
  Children children(signals);
  if (const Status started = children.start(0, options); !started) return started.error();
  return children.wait().second;
}

Result<std::filesystem::path> own_program() {
  std::error_code error;
  auto path = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) return Error{"read /proc/self/exe: " + error.message()};
  return path;
}

}  // namespace faultline
