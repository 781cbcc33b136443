// Processes under a shift that execute another program: followed by ptrace(2) until the new program
// is there and has run no instruction, which is when its new vDSO can be patched. Private to
// harness/os.
//
// A thread is seized when it asks for execve(), which a seccomp filter tells us before the kernel
// begins (time_calls.h), and stops at the end of it. It is not interrupted: should the call fail it
// stays seized until it tries again (a search in PATH), or gets a signal, or tidy() fetches it.
#pragma once

#include <chrono>
#include <deque>
#include <map>
#include <vector>

namespace faultline {

/// The process that a thread belongs to; 0 if there is none.
int process_of(int thread);

/// Whether a thread is executing a program just now.
enum class Execution {
  none,
  maybe,  ///< It is on a processor.
  waits,  ///< In the midst of it, for a disk or for us.
};
Execution execution_of(int thread);

/// One thread only, which is to be told everything that waitpid() says of processes.
class ExecFollower {
 public:
  using Clock = std::chrono::steady_clock;

  /// The thread waits for our leave to execute a program. False if there is a shift, and it cannot
  /// be followed: another traces it.
  bool begins(int thread, bool shifted);
  /// True if it stopped because it has executed a program. It is followed no more in any case.
  bool stopped(int pid, int wait_status);
  void ended(int pid) { followed_.erase(pid); }
  bool follows(int process) const;
  /// Fetches those whose execution takes long: it failed, most probably.
  void tidy();
  /// The threads that began lately while there was no shift; forgets them.
  std::vector<int> take_begun();

  static constexpr std::chrono::milliseconds fetch_after{200};
  /// What began longer ago than this is over, or hangs.
  static constexpr std::chrono::seconds recent{10};
  static constexpr std::size_t begun_max = 64;

 private:
  struct Followed {
    int process = 0;
    Clock::time_point since;
    bool fetched = false;
  };
  struct Begun {
    int thread = 0;
    Clock::time_point at;
  };
  std::map<int, Followed> followed_;  ///< By thread.
  std::deque<Begun> begun_;
};

}  // namespace faultline
