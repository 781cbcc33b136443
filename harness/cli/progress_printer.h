// What a run tells people while it goes on.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "harness/run/runner.h"

namespace faultline {

/// Shows a run's progress (console.h), and, if the console is verbose, says what begins and ends:
/// phases and faults. Called by one thread.
class ProgressPrinter {
 public:
  ProgressPrinter() = default;
  ~ProgressPrinter();
  ProgressPrinter(const ProgressPrinter&) = delete;
  ProgressPrinter& operator=(const ProgressPrinter&) = delete;

  void show(const Progress& progress);

 private:
  void narrate(const Progress& progress);

  std::string phase_;
  std::vector<std::string> active_;
  std::chrono::steady_clock::time_point shown_ = std::chrono::steady_clock::now();
  std::uint64_t served_ = 0;
};

}  // namespace faultline
