#include "harness/os/program.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "harness/os/fd.h"

extern char** environ;

namespace faultline {
namespace {

constexpr std::size_t output_bytes_max = 1 << 20;

std::string read_from_start(int fd) {
  std::string text(output_bytes_max, '\0');
  const ssize_t got = ::pread(fd, text.data(), text.size(), 0);
  text.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return text;
}

}  // namespace

std::string find_program(std::string_view name) {
  const char* path = std::getenv("PATH");
  std::string directories = path ? path : "/usr/local/bin:/usr/bin:/bin";
  directories += ":/usr/local/sbin:/usr/sbin:/sbin";  // Not in an ordinary user's PATH.
  for (std::size_t at = 0; at < directories.size();) {
    const std::size_t end = std::min(directories.find(':', at), directories.size());
    const std::string candidate = directories.substr(at, end - at) + "/" + std::string(name);
    if (candidate[0] == '/' && ::access(candidate.c_str(), X_OK) == 0) return candidate;
    at = end + 1;
  }
  return {};
}

Result<int> spawn_program(const std::vector<std::string>& argv, int in, int out, int err,
                          const std::string& variable) {
  std::vector<char*> arguments, environment;
  for (const std::string& argument : argv) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  const std::string name = variable.substr(0, variable.find('=') + 1);
  for (char** each = environ; *each != nullptr; ++each)
    if (name.empty() || !std::string_view(*each).starts_with(name)) environment.push_back(*each);
  if (!name.empty()) environment.push_back(const_cast<char*>(variable.c_str()));
  environment.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_adddup2(&actions, in, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out, 1);
  ::posix_spawn_file_actions_adddup2(&actions, err, 2);
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
  pid_t pid = 0;
  const int number = ::posix_spawn(&pid, argv[0].c_str(), &actions, &attributes, arguments.data(),
                                   environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (number != 0) return Error{"execute " + argv[0] + ": " + error_text(number)};
  return pid;
}

Result<int> wait_program(int pid, std::chrono::milliseconds limit) {
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!process) return os_error("open the process");
  pollfd ended{process.get(), POLLIN, 0};
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    const int ready = ::poll(&ended, 1, static_cast<int>(std::max<std::int64_t>(left.count(), 0)));
    if (ready > 0) break;
    if (ready < 0 && errno != EINTR) return os_error("wait for a process");
    if (ready == 0) return Error{"no end within " + std::to_string(limit.count()) + " ms"};
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return os_error("wait for a process");
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

Result<ProgramResult> run_program(const std::vector<std::string>& argv, std::string_view input,
                                  std::chrono::milliseconds limit) {
  // Files in memory instead of pipes: nothing can block, and there is no SIGPIPE.
  const Fd in(::memfd_create("stdin", MFD_CLOEXEC)), out(::memfd_create("out", MFD_CLOEXEC));
  if (!in || !out) return os_error("memfd_create");
  if (::write(in.get(), input.data(), input.size()) != static_cast<ssize_t>(input.size()))
    return os_error("write the input of " + argv[0]);
  ::lseek(in.get(), 0, SEEK_SET);
  const auto pid = spawn_program(argv, in.get(), out.get(), out.get());
  if (!pid) return pid.error();
  const auto status = wait_program(*pid, limit);
  if (!status) {
    ::kill(*pid, SIGKILL);
    ::waitpid(*pid, nullptr, 0);
    return Error{argv[0] + ": " + status.error().what};
  }
  return ProgramResult{*status, read_from_start(out.get())};
}

}  // namespace faultline
