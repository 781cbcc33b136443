// What became of the requests that the load scheduled: those that left late and those that could
// not leave at all are counted, so that a slow store does not hide behind a patient harness
// ("coordinated omission", Tene), and a slow harness not behind a store.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/value.h"
#include "harness/run/availability.h"
#include "harness/run/latency.h"
#include "harness/run/load_profile.h"

namespace faultline {

/// Of one phase of the load. Every scheduled request was either sent or dropped.
struct PhaseLoad {
  std::uint64_t scheduled = 0;  ///< Due before the load ended.
  std::uint64_t sent = 0;
  std::uint64_t late = 0;       ///< Sent, but no worker was free when it was due.
  std::uint64_t overslept = 0;  ///< Sent late though a worker was free: this machine was too busy.
  std::uint64_t dropped = 0;    ///< Never sent: no worker became free in time.
  std::int64_t sojourn_ns = 0;  ///< Sum of the times from due to the answer, or to being dropped.
  /// From due to the answer, of those that were served, and for each dropped one how long it had
  /// waited: a lower bound of what its user would have seen.
  Latencies intended;

  void merge(const PhaseLoad& other);
};

/// Of the whole load; an open loop's, or that of a closed loop held to a rate.
struct LoadReport {
  bool open = false;
  std::string arrivals;  ///< "poisson" or "constant"; empty for a closed loop.
  std::size_t workers = 0;
  std::vector<LoadPhase> phases;
  std::vector<PhaseLoad> loads;  ///< One for each phase.

  PhaseLoad total() const;
};

/// What limited the load, if it was not the store. In a closed loop nothing: there the answers set
/// the pace.
enum class Bottleneck { none, workers, machine };

/// Little's law: the mean number of requests in the system is their rate times their mean time in
/// it. Applied to the requests as scheduled, from the moment each was due; what exceeds the number
/// that the history shows under way was waiting inside the harness.
struct LittlesLaw {
  double measured = 0;  ///< Mean number of requests under way, from the history.
  double expected = 0;  ///< Scheduled rate × mean time from due to answer.
  Bottleneck bottleneck = Bottleneck::none;
};

/// `load` is the time of the load, and `history` is the run's.
LittlesLaw apply_littles_law(const LoadReport& report, const History& history, const Period& load);

/// For people and for results.json: why a latency may not be the store's; empty if it is.
std::string bottleneck_text(const LoadReport& report, const LittlesLaw& law);

/// One phase as its clients saw it.
struct PhaseAvailability {
  LoadPhase phase;
  PhaseLoad load;
  Availability availability;
};

/// The load's phases as stretches of the run, which begins `begin` nanoseconds before them; none of
/// an unlimited load.
std::vector<LoadStretch> load_stretches(const LoadProfile& profile, std::int64_t begin);
/// Each phase on its own. `stretches` are the phases', and end with `load`.
std::vector<PhaseAvailability> measure_phases(const LoadReport& report, const History& history,
                                              const Period& load,
                                              std::span<const LoadStretch> stretches);

/// The object `load` of results.json.
Value load_value(const LoadReport& report, const LittlesLaw& law);
/// The list `phases` of results.json.
Value phases_value(std::span<const PhaseAvailability> phases);
/// "load: open, poisson: 4,000 scheduled, 12 late, 0 dropped; …\n", a warning if there is one, a
/// line for each phase. Empty for a closed loop without phases.
std::string load_text(const LoadReport& report, const LittlesLaw& law,
                      std::span<const PhaseAvailability> phases);

/// What thresholds can be set on beside availability's metrics: shares of the scheduled requests.
std::span<const std::string_view> load_metric_names();
/// nullptr: an unlimited rate schedules nothing.
Metrics load_metrics(const LoadReport* report, const Counts& counts);

}  // namespace faultline
