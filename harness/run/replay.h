// A run again: the same configuration, the same seed (so that every process sends the same
// requests), and the same faults at the same planned times on the nodes and links that they struck.
// What cannot be the same is when each request meets the store: a replay repeats what was done to
// it, not how the machine scheduled it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "harness/run/plan.h"

namespace faultline {

struct ReplayOptions {
  /// Faults on a role (leader, followers, isolate-leader) find out again who has it.
  bool as_planned = false;
  /// "target.mode=quorum": what may differ. Not what the replay repeats: nodes, workload, faults,
  /// time and seed.
  std::vector<std::string> settings;
};

struct Replay {
  Plan plan;
  std::filesystem::path of;        ///< The recorded run's directory, absolute, links resolved.
  std::vector<std::string> notes;  ///< What the recording does not tell; a sentence each.
};

/// Reads config.yaml, schedule.json and faults.jsonl of the run directory `run`. Of a run that was
/// killed, the strikes that were never written down are resolved again, which the notes say. Errors
/// name the file, and are of kind usage where it is missing, malformed or contradicts another.
Result<Replay> plan_replay(const std::filesystem::path& run, const ReplayOptions& options,
                           const Catalogues& catalogues);

/// What differs between what made the recording `run`, by its meta.json, and what is about to
/// replay it, a sentence each: faultline's version and commit, the store's version and program.
/// `now` has the form of meta.json. A meta.json that cannot be read is a sentence as well.
std::vector<std::string> version_differences(const std::filesystem::path& run, const Value& now);

}  // namespace faultline
