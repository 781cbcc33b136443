// Whether a run's disk still has room for the rest of its files.
#pragma once

#include <chrono>
#include <filesystem>
#include <utility>

#include "harness/core/result.h"

namespace faultline {

class DiskRoom {
 public:
  explicit DiskRoom(std::filesystem::path directory) : directory_(std::move(directory)) {}
  /// An error if it has not, with the room there is.
  Status look() const;
  /// The same, at most twice a second: Ok in between.
  Status look_now_and_then();

 private:
  std::filesystem::path directory_;
  std::chrono::steady_clock::time_point looked_at_{};
};

}  // namespace faultline
