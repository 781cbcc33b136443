// Whether a run's record is whole. What is there of a run that was killed, or whose disk was full,
// is a true prefix: a violation in it is a proof, but that it shows none proves nothing of the
// rest.
#pragma once

#include <filesystem>
#include <optional>

#include "harness/core/checker.h"

namespace faultline {

/// Nothing to object to, or why the history in the run directory `run` is not all that there was to
/// see: unknown, with the reason "incomplete" or "vacuous". A folder in which no run of ours wrote
/// its meta.json is nobody's record, and is not objected to.
std::optional<Verdict> doubt_record(const std::filesystem::path& run);

}  // namespace faultline
