// Evidence that nodes are dead, and that they are started again. For every fault that kills.
#pragma once

#include <chrono>
#include <span>
#include <vector>

#include "harness/core/levers.h"
#include "harness/core/nemesis.h"

namespace faultline {

/// What runs on the victims before they are killed.
struct Alive {
  Map processes;                         ///< {"n1": 2, …}
  std::vector<std::size_t> without_any;  ///< Victims with nothing to kill.
};
Result<Alive> count_alive(Levers& levers, std::span<const std::size_t> victims);

/// After the victims were held down: waits until no process is left. Adds "processes" (as before),
/// "left", and where the kill was none, "reason".
Status attest_dead(Levers& levers, std::span<const std::size_t> victims, Alive before,
                   std::chrono::nanoseconds within, Attestation& attestation);

/// After the victims' release: those that no other fault holds down run. Adds "processes",
/// "held_by_others", "dead" with a "reason".
Status attest_restarted(Levers& levers, std::span<const std::size_t> victims,
                        Attestation& attestation);

}  // namespace faultline
