// Programs run as child processes, one or several side by side, with their output, a deadline, and
// signals passed on. For helpers that outlive no caller: whatever kills the caller kills the child.
#pragma once

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <list>
#include <string>
#include <utility>
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

/// Several children side by side, followed by the one thread that started them. Each is in a
/// process group of its own (so that a terminal's Ctrl-C reaches it once, through here), with
/// /dev/null as its input. Whatever a child leaves in its group is killed when it ends. Requires a
/// process with a single thread.
class Children {
 public:
  /// `signals`, if any, must outlive it; what comes in while wait() waits is passed on to every
  /// child that runs.
  explicit Children(Signals* signals = nullptr);
  ~Children();  ///< Kills those that still run.
  Children(const Children&) = delete;
  Children& operator=(const Children&) = delete;

  /// `id` is the caller's, and comes back from wait(). Errors: it could not be started.
  Status start(std::size_t id, ChildOptions options);
  std::size_t running() const { return running_.size(); }
  /// Waits until one ends. Requires running() > 0.
  std::pair<std::size_t, ChildResult> wait();
  /// How many signals were passed on so far, to whomever ran then.
  int signals_taken() const { return signals_taken_; }

 private:
  struct Running;
  void poll_once();
  void pass_on_signals();
  std::pair<std::size_t, ChildResult> reap(std::list<Running>::iterator child);

  Signals* signals_;
  std::list<Running> running_;
  int signals_taken_ = 0;
};

/// Runs it to its end in a process group of its own (so that a terminal's Ctrl-C reaches it once,
/// through here), with /dev/null as its input. Whatever it leaves in that group is killed. Errors:
/// it could not be started. Requires a process with a single thread.
Result<ChildResult> run_child(const ChildOptions& options, Signals* signals = nullptr);

/// The running program's own file.
Result<std::filesystem::path> own_program();

}  // namespace faultline
