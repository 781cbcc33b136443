// What a run that is over is evaluated by: its figures, and the checks of its history.
#pragma once

#include <filesystem>
#include <functional>
#include <span>
#include <vector>

#include "harness/core/value.h"
#include "harness/run/crew.h"
#include "harness/run/plan.h"
#include "harness/run/results.h"

namespace faultline {

/// What there was of a load.
struct PastLoad {
  const LoadReport& report;
  Period period;                    ///< In ns since the load began, as all times of a run.
  Nanoseconds crew_begin{};         ///< Time 0 of the phases, since the load began.
  std::span<const Value> faults{};  ///< The lines of faults.jsonl.
};

/// Fills in availability, latencies, phases, Little's law and thresholds. `findings` refers to
/// `load.report` then.
void measure(const Plan& plan, const PastLoad& load, Findings& findings);

/// Judges the history of `findings` by the plan's checks, one after the other, and the logs in
/// `directory`. `poll` is called every 20 ms from this thread; once it is false, what still runs is
/// told to give up and says so.
void check(const Plan& plan, const std::filesystem::path& directory,
           const std::function<bool()>& poll, Findings& findings);

}  // namespace faultline
