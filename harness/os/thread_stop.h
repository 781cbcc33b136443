// Every thread of a running process stopped for a moment, by ptrace(2): what changing code under it
// takes. Private to harness/os; x86-64.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <utility>
#include <vector>

#include "harness/core/result.h"

namespace faultline {

/// Goes on when it is destroyed, as it was: a process that a signal had stopped stays stopped. One
/// thread only may make and destroy it, and must not wait for children meanwhile.
class ThreadStop {
 public:
  /// Stops those that there are and those that they make. A thread that does not stop within
  /// `limit` (it waits for a vfork(), or in state D) is an error, and all go on. `meanwhile` is
  /// called again and again until they have: what such a thread waits for may need us.
  static Result<ThreadStop> make(int pid, std::chrono::milliseconds limit,
                                 const std::function<void()>& meanwhile = {});
  ThreadStop(ThreadStop&& other) noexcept : threads_(std::exchange(other.threads_, {})) {}
  ThreadStop& operator=(ThreadStop&&) = delete;
  ~ThreadStop();

  /// Executes single instructions of those threads that are about to execute in [begin, end) until
  /// they are not.
  Status leave(std::size_t begin, std::size_t end);
  std::size_t size() const { return threads_.size(); }

 private:
  struct Thread {
    int id = 0;
    bool stopped = false;
    int signal = 0;  ///< Which it was about to receive when it stopped.
  };
  ThreadStop() = default;
  Status seize_new(int pid, std::size_t& found);
  Status await_stops(std::chrono::steady_clock::time_point deadline,
                     const std::function<void()>& meanwhile);

  std::vector<Thread> threads_;
};

/// To be called with what waitpid() said of a process that is stopped although nobody holds it any
/// more: a thread that stopped too late for a ThreadStop, or has executed a program. Lets it go on.
void let_go(int thread, int wait_status);

}  // namespace faultline
