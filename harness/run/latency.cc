#include "harness/run/latency.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "harness/core/check.h"

namespace faultline {
namespace {

constexpr int unit_bits = 10;  // 1.024 us
constexpr int sub_bits = 7;    // 128 buckets to a doubling
constexpr std::uint64_t units_max = (std::uint64_t{1} << 32) - 1;

/// Units below 2^8 have a bucket each; from there on the top 8 bits choose.
std::size_t bucket_of(std::uint64_t units) {
  const int shift = std::max(0, static_cast<int>(std::bit_width(units)) - (sub_bits + 1));
  return (static_cast<std::size_t>(shift) << sub_bits) + static_cast<std::size_t>(units >> shift);
}

/// The largest duration that falls into `bucket`.
std::int64_t end_of(std::size_t bucket) {
  const std::size_t shift = bucket < (2u << sub_bits) ? 0 : (bucket >> sub_bits) - 1;
  const std::uint64_t units = static_cast<std::uint64_t>(bucket) - (shift << sub_bits);
  return static_cast<std::int64_t>((((units + 1) << shift) << unit_bits) - 1);
}

}  // namespace

void LatencyHistogram::record(std::int64_t nanoseconds) {
  const std::int64_t duration = std::max<std::int64_t>(nanoseconds, 0);
  const std::size_t bucket =
      bucket_of(std::min(static_cast<std::uint64_t>(duration) >> unit_bits, units_max));
  if (bucket >= buckets_.size()) buckets_.resize(bucket + 1);
  ++buckets_[bucket];
  ++count_;
  max_ = std::max(max_, duration);
}

void LatencyHistogram::merge(const LatencyHistogram& other) {
  if (other.buckets_.size() > buckets_.size()) buckets_.resize(other.buckets_.size());
  for (std::size_t i = 0; i < other.buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

std::int64_t LatencyHistogram::quantile(double share) const {
  FAULTLINE_CHECK(share > 0 && share <= 1);
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= wanted && seen > 0) return std::min(end_of(i), max_);
  }
  return max_;
}

void Latencies::merge(const Latencies& other) {
  for (std::size_t i = 0; i < by_function.size(); ++i) by_function[i].merge(other.by_function[i]);
}

LatencyHistogram Latencies::all() const {
  LatencyHistogram sum;
  for (const LatencyHistogram& histogram : by_function) sum.merge(histogram);
  return sum;
}

}  // namespace faultline
