// How well the store served, as its clients saw it: a pure function of the history, the times of
// the faults and the time of the load, so that it can be computed again from a run's files.
//
// Only operations that began during the load count. A compare-and-set that was answered "mismatch"
// was answered: it counts as served, like an ok. Times are nanoseconds since the run began.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/history.h"
#include "harness/core/levers.h"
#include "harness/core/value.h"
#include "harness/run/latency.h"
#include "harness/run/thresholds.h"

namespace faultline {

/// One injection that was applied, from the moment the lever was pulled to the end of its heal.
struct FaultWindow {
  std::string fault;
  FaultId id = 0;
  std::int64_t begin = 0, end = 0;
};

struct Period {
  std::int64_t begin = 0, end = 0;
};

/// The applied injections among the lines of a faults.jsonl, by begin.
std::vector<FaultWindow> fault_windows(std::span<const Value> fault_lines);

struct Counts {
  std::uint64_t ok = 0, mismatch = 0, fail = 0, info = 0;

  std::uint64_t served() const { return ok + mismatch; }
  std::uint64_t total() const { return ok + mismatch + fail + info; }
  /// Share of `part` in the total; nothing of nothing is no share.
  std::optional<double> share(std::uint64_t part) const {
    if (total() == 0) return std::nullopt;
    return static_cast<double>(part) / static_cast<double>(total());
  }
};

/// The longest time without any served completion while somebody was asking: between two
/// completions in a row (or the load's begin or end), from the first instant at which a request was
/// outstanding.
struct Outage {
  std::int64_t begin = 0, length = 0;
};

struct NodeAvailability {
  std::string node;
  Counts counts;
  Outage outage;
};

struct FaultAvailability {
  FaultWindow window;
  Counts counts;  ///< Of the operations that began while it was active.
  /// From heal to the first served completion; nothing if none came during the load.
  std::optional<std::int64_t> first_ok;
  /// From heal to the full rate: the begin of the first second (in steps of 0.1 s) that served at
  /// least 90 % of the rate before the fault, which is that of the up to five seconds without any
  /// fault just before it (at least one second, else the rate found that way most recently).
  /// Measured only after heals that leave no other fault active; nothing else is attributable.
  std::optional<std::int64_t> full_rate;
  /// The next fault or the end of the load came first: it took at least this long.
  bool full_rate_is_bound = false;
};

struct Availability {
  Period load;
  Counts counts;
  Outage outage;
  std::vector<NodeAvailability> nodes;    ///< By name of node, in order of first use.
  std::vector<FaultAvailability> faults;  ///< As given.
  Latencies latencies;                    ///< Of served operations, from request to answer.

  /// The longest over all heals; nothing where none was measured.
  std::optional<std::int64_t> longest_first_ok() const;
  std::optional<std::int64_t> longest_full_rate() const;
};

/// A part of the load that asked at one rate throughout. A recovery to the full rate is measured
/// within one, against the rate before the fault in one that asked for the same.
struct LoadStretch {
  Period period;
  double rate = 0;      ///< Requests a second.
  bool steady = false;  ///< Else the rate changed, or nothing was asked for: nothing to compare.
};

/// No `stretches`: the load asked at one rate throughout.
Availability measure_availability(const History& history, std::span<const FaultWindow> windows,
                                  const Period& load, std::span<const LoadStretch> stretches = {});

/// The object `availability` of results.json. `intended` are latencies from the intended start,
/// nullptr where they are not known (they are not in the history).
Value availability_value(const Availability& availability, const Latencies* intended);

/// What thresholds can be set on.
std::span<const std::string_view> metric_names();
/// In the order of metric_names().
Metrics availability_metrics(const Availability& availability, const Latencies* intended);

}  // namespace faultline
