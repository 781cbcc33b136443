// When faults strike: every entry of `faults:` is a timeline of its own, a function of the seed, so
// that another entry or another target does not move it. Timelines overlap each other freely and
// themselves never. Whom they strike is resolved at that time (victims.h).
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "harness/core/levers.h"
#include "harness/core/result.h"
#include "harness/core/rng.h"

namespace faultline {

using Nanoseconds = std::chrono::nanoseconds;

/// When one entry strikes.
struct Timing {
  std::optional<Nanoseconds> at;  ///< The first strike; drawn from [0, every) if none is given.
  Nanoseconds every{};            ///< From strike to strike; 0: once.
  Nanoseconds duration{};         ///< From strike to heal.
};

/// One strike as planned; times since the load began.
struct PlannedFault {
  FaultId id = 0;         ///< From 1, in order of time.
  std::size_t entry = 0;  ///< Index into `faults:`.
  Nanoseconds start{}, end{};
};

/// What became of a planned strike in an earlier run, for a replay of it.
struct RecordedStrike {
  bool struck = false;               ///< Else it was given up: no leader was known.
  std::vector<std::size_t> victims;  ///< Indexes, sorted.
  std::vector<std::size_t> leaders;  ///< As the target reported them then.
  Nanoseconds applied{};             ///< When; later than planned if it waited for a leader.
};

/// The faults of an earlier run.
struct Recording {
  std::vector<PlannedFault> schedule;         ///< By start.
  std::map<FaultId, RecordedStrike> strikes;  ///< Those to repeat; all others are resolved anew.
};

inline constexpr std::size_t planned_faults_max = 100'000;

/// Ok if `timing` strikes at least once within `time` and never overlaps itself; else what is
/// wrong.
Status check_timing(const Timing& timing, Nanoseconds time);

/// All strikes whose heal falls within `time`, by start. The k-th strike of an entry comes `every`
/// after the one before, give or take a tenth (less where the pause between two strikes is
/// shorter). Every entry strikes at least once. Requires timings that check_timing() accepts.
std::vector<PlannedFault> plan_schedule(std::span<const Timing> timings, Nanoseconds time, Rng rng);

}  // namespace faultline
