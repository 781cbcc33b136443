// Records a run as it happens: crash-safe on disk, ready for the checkers in memory.
//
// Every event takes a stamp from one atomic counter: an invocation before its request leaves, a
// completion after its answer arrived. One writer thread appends events to history.jsonl in the
// order of stamps, line n only after lines 0 … n-1, and flushes every 10 ms, so that a controller
// killed with SIGKILL at any moment leaves a true prefix of the history. The same thread feeds a
// HistoryBuilder.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "harness/core/client.h"
#include "harness/core/history.h"
#include "harness/core/result.h"

namespace faultline {

class Recorder {
 public:
  /// Creates `path` (it must not exist) and starts the writer thread. `lanes` workers will record;
  /// `nodes` are the names that events refer to by index. Times are nanoseconds since `origin`.
  static Result<std::unique_ptr<Recorder>> create(const std::filesystem::path& path,
                                                  std::size_t lanes,
                                                  const std::vector<std::string>& nodes,
                                                  std::chrono::steady_clock::time_point origin);
  virtual ~Recorder() = default;

  /// Stamps and records. Lane i is used by one thread at a time; lanes do not block each other. If
  /// the writer is 32,768 events behind, or holds 256 MiB of large values, the call waits for it (a
  /// limit on memory; the former is counted in stalls()). An event that no process can produce,
  /// such as a completion of nothing, aborts: it is a defect of the caller.
  virtual void invoke(std::size_t lane, std::uint32_t process, std::size_t node,
                      const Request& request) = 0;
  virtual void complete(std::size_t lane, std::uint32_t process, std::size_t node,
                        const Request& request, const Outcome& outcome) = 0;

  /// The first thing that went wrong on disk (full, or the file vanished: looked for every second).
  /// From then on nothing is written, recording goes on in memory; the runner polls this and ends
  /// the run. Thread-safe.
  virtual Status status() const = 0;
  virtual std::uint64_t events() const = 0;  ///< Taken by the writer so far. Thread-safe.
  virtual std::uint64_t stalls() const = 0;

  /// Writes out and closes the file, ends the thread, hands over the history. Called once, when no
  /// lane records any more. A disk error is in status(); the history is whole even then.
  virtual History finish() = 0;
};

}  // namespace faultline
