#include "harness/run/progress.h"

#include <cmath>

#include "harness/core/text.h"

namespace faultline {

std::string progress_line(const Progress& progress, std::uint64_t served_before, double interval) {
  if (progress.elapsed.count() == 0 && progress.left.count() == 0) return progress.phase;
  const auto whole_seconds = [](Nanoseconds time) {
    return std::to_string((time.count() + 500'000'000) / 1'000'000'000) + " s";
  };
  std::string line =
      whole_seconds(progress.elapsed) + " of " + whole_seconds(progress.elapsed + progress.left);
  const std::uint64_t served = progress.counts.ok - served_before;
  const double rate = interval > 0 ? static_cast<double>(served) / interval : 0;
  line += "  " + with_thousands(static_cast<std::uint64_t>(std::llround(rate))) + "/s  ok " +
          with_thousands(progress.counts.ok) + "  fail " + with_thousands(progress.counts.fail) +
          "  info " + with_thousands(progress.counts.info);
  if (progress.counts.dropped > 0) line += "  dropped " + with_thousands(progress.counts.dropped);
  if (progress.crashes > 0) line += "  crashed " + std::to_string(progress.crashes);
  if (!progress.violation.empty()) line += "  " + progress.violation;
  if (progress.active.empty()) return line;
  line += "  [";
  for (const std::string& fault : progress.active) line += (line.back() == '[' ? "" : ", ") + fault;
  return line + "]";
}

}  // namespace faultline
