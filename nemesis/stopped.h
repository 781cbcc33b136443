// Evidence that processes are stopped, and that they go on again: their states, for every fault
// that sends SIGSTOP.
#pragma once

#include <chrono>
#include <span>

#include "harness/core/levers.h"
#include "harness/core/nemesis.h"

namespace faultline {

/// After SIGSTOP: all processes of `victims` stop within `within`. Evidence "stopped" (how many, by
/// machine) and "running"; effective if none runs and some victim had one, else with "reason".
Result<Attestation> attest_stopped(Levers& levers, std::span<const std::size_t> victims,
                                   std::chrono::nanoseconds within);

/// After the release: the processes of those victims that no other fault holds go on within
/// `within`. Adds "running", "stopped", "held_by_others", and sets `effective`.
Status attest_continued(Levers& levers, std::span<const std::size_t> victims,
                        std::chrono::nanoseconds within, Attestation& attestation);

}  // namespace faultline
