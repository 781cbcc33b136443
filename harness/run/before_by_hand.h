// What a person would type before the stores are started, for a cluster that is as far apart and
// whose clocks are as far ahead as the configuration says (`network`, `clocks`): for plans that are
// shown. Nothing here is ever executed.
#pragma once

#include <vector>

#include "harness/core/nemesis.h"
#include "harness/run/plan.h"

namespace faultline {

/// For each machine the delays of its outgoing links on its eth0, by tc-netem(8); and for each node
/// how its store is started under unshare(1), whose clocks the run draws by the same seed. Empty if
/// nothing of it is asked for.
std::vector<HandCommand> before_by_hand(const Plan& plan, const Cluster& cluster);

}  // namespace faultline
