// One stream of a store's output: a pipe that the init reads into a file of limited size. A limit
// on the file itself (RLIMIT_FSIZE) would hit the store's data as well, and a full log must not
// block the store.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "harness/core/result.h"
#include "harness/os/fd.h"

namespace faultline {

/// The line that ends a log of which the rest was dropped.
inline constexpr std::string_view log_full_line = "faultline: the log is full, the rest is dropped";

class LogDrain {
 public:
  /// Appends to the file at `path`, which keeps at most `bytes_max` over all starts, and one line
  /// that says so. `write_end` becomes the store's end.
  static Result<LogDrain> open(const std::string& path, std::int64_t bytes_max, Fd& write_end);

  int fd() const { return pipe_.get(); }
  /// Moves what is there; false at the end of the stream.
  bool drain();

 private:
  LogDrain(Fd pipe, Fd file, std::int64_t left)
      : pipe_(std::move(pipe)), file_(std::move(file)), left_(left) {}
  Fd pipe_, file_;
  std::int64_t left_;  ///< Bytes that may still be written; negative once that was said.
};

}  // namespace faultline
