// Durations, counted in buckets: constant memory however many, quantiles within 1 %.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "harness/core/history.h"

namespace faultline {

/// Log-linear buckets (as HdrHistogram, Tene 2013): 128 to every doubling, over units of 1.024 us,
/// up to 73 minutes; longer ones count as that. Empty ones allocate nothing. Not thread-safe.
class LatencyHistogram {
 public:
  void record(std::int64_t nanoseconds);
  void merge(const LatencyHistogram& other);
  std::uint64_t count() const { return count_; }
  std::int64_t max() const { return max_; }  ///< Exact.
  /// The least duration that at least this share of all did not exceed, rounded up to its bucket's
  /// end but never beyond max(). 0 if there are none. Requires 0 < share <= 1.
  std::int64_t quantile(double share) const;

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::int64_t max_ = 0;
};

/// One histogram per function.
struct Latencies {
  std::array<LatencyHistogram, 32> by_function;

  LatencyHistogram& of(Function f) { return by_function[static_cast<std::size_t>(f)]; }
  const LatencyHistogram& of(Function f) const { return by_function[static_cast<std::size_t>(f)]; }
  void merge(const Latencies& other);
  LatencyHistogram all() const;
};

}  // namespace faultline
