#include "harness/os/thread_stop.h"

#include <algorithm>
#include <csignal>
#include <string>
#include <utility>

#include <elf.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include "harness/os/fd.h"
#include "harness/os/proc_list.h"

namespace faultline {
namespace {

/// The signal that a thread was about to receive when it stopped; 0 if it stopped for us.
int signal_of(int wait_status) { return wait_status >> 16 != 0 ? 0 : WSTOPSIG(wait_status); }

long detach(int thread, int signal) {
  return ::ptrace(PTRACE_DETACH, thread, nullptr, static_cast<long>(signal));
}

Result<std::size_t> instruction_of(int thread) {
#if defined(__x86_64__)
  user_regs_struct registers{};
  iovec into{&registers, sizeof registers};
  if (::ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &into) != 0)
    return os_error("read a thread's registers");
  return static_cast<std::size_t>(registers.rip);
#else
  (void)thread;
  return Error{"x86-64 only"};
#endif
}

}  // namespace

void let_go(int thread, int wait_status) { detach(thread, signal_of(wait_status)); }

Result<ThreadStop> ThreadStop::make(int pid, std::chrono::milliseconds limit,
                                    const std::function<void()>& meanwhile) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  ThreadStop stop;
  // A thread may make another until it is stopped: once a round finds none, all are.
  for (std::size_t found = 1; found > 0;) {
    found = 0;
    if (const Status seized = stop.seize_new(pid, found); !seized) return seized.error();
    if (const Status stopped = stop.await_stops(deadline, meanwhile); !stopped)
      return stopped.error();
  }
  if (stop.threads_.empty()) return Error{"it has ended"};
  return stop;
}

Status ThreadStop::seize_new(int pid, std::size_t& found) {
  const std::size_t before = threads_.size();
  for (const int id : numbers_in("/proc/" + std::to_string(pid) + "/task")) {
    const auto known = [&](const Thread& thread) { return thread.id == id; };
    if (std::ranges::any_of(threads_, known)) continue;
    if (::ptrace(PTRACE_SEIZE, id, nullptr, nullptr) != 0) {
      if (errno == ESRCH) continue;
      // EPERM of a thread that has ended but is not gone, too.
      const int number = errno;
      const auto stat = proc_stat(id);
      if (stat && (stat->process.state == 'Z' || stat->process.state == 'X')) continue;
      return Error{number == EPERM
                       ? std::string("it may not be traced: another tracer holds it, or "
                                     "kernel.yama.ptrace_scope forbids it")
                       : "seize a thread: " + error_text(number)};
    }
    threads_.push_back({id, false, 0});
  }
  found = threads_.size() - before;
  for (std::size_t i = before; i < threads_.size(); ++i)
    ::ptrace(PTRACE_INTERRUPT, threads_[i].id, nullptr, nullptr);
  return Ok{};
}

Status ThreadStop::await_stops(std::chrono::steady_clock::time_point deadline,
                               const std::function<void()>& meanwhile) {
  constexpr int yields_max = 50;   // An idle thread stops within microseconds.
  constexpr int yields_min = 500;  // Some 40 ms: the time may have passed while nobody ran.
  int yields = 0;
  for (auto thread = threads_.begin(); thread != threads_.end();) {
    if (thread->stopped) {
      ++thread;
      continue;
    }
    int status = 0;
    const int id = ::waitpid(thread->id, &status, __WALL | WNOHANG);
    if (id == thread->id && WIFSTOPPED(status)) {
      thread->stopped = true;
      thread->signal = signal_of(status);
      ++thread;
    } else if (id < 0 || id == thread->id) {
      thread = threads_.erase(thread);  // It ended.
    } else if (yields >= yields_min && std::chrono::steady_clock::now() >= deadline) {
      return Error{"thread " + std::to_string(thread->id) + " does not stop"};
    } else {
      if (meanwhile) meanwhile();
      const timespec moment{0, 20'000};
      if (++yields <= yields_max)
        ::sched_yield();
      else
        ::nanosleep(&moment, nullptr);
    }
  }
  return Ok{};
}

Status ThreadStop::leave(std::size_t begin, std::size_t end) {
  constexpr int instructions_max = 64;
  for (Thread& thread : threads_) {
    for (int i = 0;; ++i) {
      const auto at = instruction_of(thread.id);
      if (!at) return at.error();
      if (*at < begin || *at >= end) break;
      if (i == instructions_max) return Error{"a thread does not leave the code to patch"};
      int status = 0;
      if (::ptrace(PTRACE_SINGLESTEP, thread.id, nullptr, nullptr) != 0 ||
          ::waitpid(thread.id, &status, __WALL) != thread.id || !WIFSTOPPED(status))
        return Error{"step a thread out of the code to patch"};
      if (const int number = signal_of(status); number != 0 && number != SIGTRAP)
        thread.signal = number;
    }
  }
  return Ok{};
}

ThreadStop::~ThreadStop() {
  // One that is not stopped cannot be let go: whoever waits for children does when it stops.
  for (const Thread& thread : threads_)
    if (thread.stopped) detach(thread.id, thread.signal);
}

}  // namespace faultline
