// Limits on a run's figures: `thresholds: { recovery_s: "<= 10", ok_rate: ">= 0.5" }`. One that is
// missed is exit code 4. A figure that a run did not yield (no fault ended, no read succeeded)
// misses its threshold: what was asked for has not been shown.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/core/result.h"

namespace faultline {

struct Threshold {
  enum class Relation { less, at_most, greater, at_least, equal };
  std::string metric;
  Relation relation = Relation::at_most;
  double limit = 0;

  std::string limit_text() const;  ///< "<= 10", as configured.
};

/// Metrics by name; nullopt where the run did not yield it.
using Metrics = std::vector<std::pair<std::string, std::optional<double>>>;

struct ThresholdResult {
  Threshold threshold;
  std::optional<double> value;
  bool met = false;
};

/// "<= 10", ">=0.5", "< 3", "> 0", "== 0". The error has no place.
Result<Threshold> parse_threshold(std::string_view metric, std::string_view limit);

std::vector<ThresholdResult> judge_thresholds(std::span<const Threshold> thresholds,
                                              const Metrics& metrics);

}  // namespace faultline
