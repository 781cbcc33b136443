// A program run as a child process, with its output, a deadline, and signals passed on. For helpers
// that outlive no caller: whatever kills the caller kills the child.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/core/result.h"

namespace faultline {

/// While it lives, SIGINT, SIGTERM and SIGHUP of the calling thread wait to be taken instead of
/// ending the process. Children of run_child() start with the default again.
class Signals {
 public:
  Signals();
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  /// The number of the oldest one that came in, 0 if there is none.
  int take();
  int fd() const { return fd_; }  ///< Readable when take() would return one.

 private:
  int fd_ = -1;
};

struct ChildOptions {
  std::vector<std::string> argv;  ///< argv[0] is a path; it is not searched for.
  /// Its standard error is appended to this file; if empty, it shares the caller's.
  std::filesystem::path stderr_file;
  std::chrono::nanoseconds deadline = std::chrono::minutes(10);  ///< Then it gets SIGINT,
  std::chrono::nanoseconds grace = std::chrono::seconds(30);     ///< and after this SIGKILL.
  /// Its standard output beyond this is read and dropped.
  std::size_t output_bytes_max = std::size_t{64} << 20;
};

struct ChildResult {
  int exit_code = -1;  ///< -1 if a signal ended it.
  int signal = 0;      ///< The signal that ended it, or 0.
  std::string output;  ///< Its standard output.
  bool timed_out = false;
  int signals_passed_on = 0;  ///< The third kills it.
  double seconds = 0;
};

/// Runs it to its end in a process group of its own (so that a terminal's Ctrl-C reaches it once,
/// through here), with /dev/null as its input. Whatever it leaves in that group is killed. Errors:
/// it could not be started. Requires a process with a single thread.
Result<ChildResult> run_child(const ChildOptions& options, Signals* signals = nullptr);

/// The running program's own file.
Result<std::filesystem::path> own_program();

}  // namespace faultline
