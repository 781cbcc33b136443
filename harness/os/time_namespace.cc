#include "harness/os/time_namespace.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <string>

#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/os/fd.h"

namespace faultline {
namespace {

constexpr std::int64_t whole_second = 1'000'000'000;

struct Monotonic {
  std::int64_t monotonic = 0, boot = 0;

  static Monotonic now() {
    const auto read = [](clockid_t clock) {
      timespec time{};
      ::clock_gettime(clock, &time);
      return std::int64_t{time.tv_sec} * whole_second + time.tv_nsec;
    };
    return {read(CLOCK_MONOTONIC), read(CLOCK_BOOTTIME)};
  }
};

Error cannot_offset(const char* what) {
  const int number = errno;
  std::string remedy = "Linux 5.6 or later with CONFIG_TIME_NS";
  if (number == EPERM || number == EACCES)
    remedy =
        "in a container run it with --cap-add SYS_ADMIN --cap-add SYS_TIME, or as an ordinary "
        "user";
  else if (number == ERANGE)
    remedy = "the kernel keeps time for 146 years";
  else if (number == ENOSPC)
    remedy = "sysctl user.max_time_namespaces=10000";
  return {"set a node's monotonic clocks ahead: " + std::string(what) + ": " + error_text(number) +
              "; " + remedy,
          ErrorKind::capability};
}

/// What a child says that is started now, between what this process says before and after.
Status probe(std::int64_t offset_ns) {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return os_error("pipe");
  const Fd read_end(pipe[0]);
  Fd write_end(pipe[1]);
  const Monotonic before = Monotonic::now();
  const pid_t pid = ::fork();
  if (pid < 0) return os_error("fork");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const Monotonic told = Monotonic::now();
    ::_exit(::write(write_end.get(), &told, sizeof told) == sizeof told ? 0 : 1);
  }
  write_end.reset();
  Monotonic told;
  ssize_t got = 0;
  while ((got = ::read(read_end.get(), &told, sizeof told)) < 0 && errno == EINTR) {
  }
  const Monotonic after = Monotonic::now();
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
  const auto is_ahead = [&](std::int64_t Monotonic::* clock) {
    return told.*clock >= before.*clock + offset_ns && told.*clock <= after.*clock + offset_ns;
  };
  if (got == sizeof told && is_ahead(&Monotonic::monotonic) && is_ahead(&Monotonic::boot))
    return Ok{};
  return Error{
      "set a node's monotonic clocks ahead: a process that was started then does not say so",
      ErrorKind::capability};
}

}  // namespace

Status offset_monotonic(std::int64_t offset_ns) {
  if (::unshare(CLONE_NEWTIME) != 0) return cannot_offset("make a time namespace");
  const std::string offset = std::to_string(offset_ns / whole_second) + " " +
                             std::to_string(offset_ns % whole_second) + "\n";
  const std::string text = "monotonic " + offset + "boottime " + offset;
  const Fd file(::open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC));
  if (!file || ::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return cannot_offset("write its offsets");
  return probe(offset_ns);
}

Status try_monotonic_offset() {
  std::array<int, 2> pipe{};
  if (::pipe2(pipe.data(), O_CLOEXEC) != 0) return os_error("pipe");
  const Fd read_end(pipe[0]);
  Fd write_end(pipe[1]);
  const pid_t pid = ::fork();
  if (pid < 0) return os_error("fork");
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    const Status can = offset_monotonic(3600 * whole_second);
    const std::string text = can ? "" : can.error().what;
    ::_exit(::write(write_end.get(), text.data(), text.size()) < 0 ? 1 : 0);
  }
  write_end.reset();
  std::array<char, 512> text{};
  ssize_t got = 0;
  while ((got = ::read(read_end.get(), text.data(), text.size())) < 0 && errno == EINTR) {
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (got == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0) return Ok{};
  return Error{got > 0 ? std::string(text.data(), static_cast<std::size_t>(got))
                       : "set a node's monotonic clocks ahead: the trial died",
               ErrorKind::capability};
}

}  // namespace faultline
