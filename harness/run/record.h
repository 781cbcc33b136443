// Whether a run's record is whole. What is there of a run that was killed, or whose disk was full,
// is a true prefix: a violation in it is a proof, but that it shows none proves nothing of the
// rest.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/checker.h"
#include "harness/core/value.h"

namespace faultline {

/// Nothing to object to, or why the history in the run directory `run` is not all that there was to
/// see: unknown, with the reason "incomplete" or "vacuous". A folder in which no run of ours wrote
/// its meta.json is nobody's record, and is not objected to.
std::optional<Verdict> doubt_record(const std::filesystem::path& run);

/// What results.json says against taking a violation, or an outage, for the store's own doing:
/// doubts of a fault, a heal that failed, links that lost packets by themselves. A line each.
std::vector<std::string> reservations(const Value& results);
/// Of the run directory `run`, as above; none where there are no results to read.
std::vector<std::string> reservations_of(const std::filesystem::path& run);

}  // namespace faultline
