#include "harness/os/clock_exec.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "harness/os/fd.h"

namespace faultline {
namespace {

/// The begin of /proc/THREAD/NAME; empty if that cannot be read.
std::string proc_text(int thread, const char* name) {
  const std::string path = "/proc/" + std::to_string(thread) + "/" + name;
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<char, 512> text;
  const ssize_t got = file ? ::read(file.get(), text.data(), text.size()) : -1;
  return {text.data(), got > 0 ? static_cast<std::size_t>(got) : 0};
}

/// 0 if there is no such thread, or no such number.
int number_in_status(int thread, std::string_view name) {
  const std::string status = proc_text(thread, "status");
  const std::size_t at = status.find(name);
  int number = 0;
  if (at != std::string::npos)
    std::from_chars(status.data() + at + name.size(), status.data() + status.size(), number);
  return number;
}

}  // namespace

int process_of(int thread) { return number_in_status(thread, "\nTgid:\t"); }

Execution execution_of(int thread) {
  const std::string call = proc_text(thread, "syscall");
  if (call.starts_with("running")) return Execution::maybe;
  for (const long number : {SYS_execve, SYS_execveat})
    if (call.starts_with(std::to_string(number) + ' ')) return Execution::waits;
  return Execution::none;
}

bool ExecFollower::begins(int thread, bool shifted) {
  if (!shifted) {
    if (begun_.size() == begun_max) begun_.pop_front();
    begun_.push_back({thread, Clock::now()});
    return true;
  }
  if (followed_.contains(thread)) return true;
  const int process = process_of(thread);
  if (process == 0) return true;  // It was killed.
  // Of two that execute at once one ends the other. To seize the second would wait for the first,
  // whose end waits for us.
  if (follows(process)) return false;
  // The kernel takes options as a number in a pointer's place.
  if (::ptrace(PTRACE_SEIZE, thread, nullptr, static_cast<long>(PTRACE_O_TRACEEXEC)) != 0)
    // What we are about to stop, to patch it, stops behind the execution (ClockPatch::hook).
    return errno == ESRCH || number_in_status(thread, "\nTracerPid:\t") == ::getpid();
  followed_[thread] = {process, Clock::now(), false};
  return true;
}

bool ExecFollower::stopped(int pid, int wait_status) {
  followed_.erase(pid);
  if (wait_status >> 16 != PTRACE_EVENT_EXEC) return false;
  // A thread that executes takes over the number of its process.
  unsigned long former = 0;
  if (::ptrace(PTRACE_GETEVENTMSG, pid, nullptr, &former) == 0)
    followed_.erase(static_cast<int>(former));
  return true;
}

bool ExecFollower::follows(int process) const {
  return std::ranges::any_of(followed_,
                             [&](const auto& item) { return item.second.process == process; });
}

void ExecFollower::tidy() {
  for (auto& [thread, followed] : followed_) {
    if (followed.fetched || Clock::now() - followed.since < fetch_after) continue;
    ::ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr);
    followed.fetched = true;
  }
}

std::vector<int> ExecFollower::take_begun() {
  std::vector<int> threads;
  for (const Begun& begun : begun_)
    if (Clock::now() - begun.at < recent &&
        std::ranges::find(threads, begun.thread) == threads.end())
      threads.push_back(begun.thread);
  begun_.clear();
  return threads;
}

}  // namespace faultline
