// `clocks`, what a configuration says of the nodes' clocks for the whole run: how far their
// monotonic clocks are ahead of the machine's, as on machines that have been up for longer.
//
//   clocks: { monotonic-offset: 2400h }         # every node
//   clocks: { monotonic-offset: [0s, 2400h] }   # each node a draw of its own
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "harness/core/params.h"
#include "harness/core/rng.h"

namespace faultline {

struct MonotonicPlan {
  std::chrono::nanoseconds least{}, most{};
};

/// Reads `clocks` of the top level and sets it as resolved.
Result<MonotonicPlan> read_monotonic(Params& top);

/// Nanoseconds by node, uniform in whole milliseconds; empty if no clock is to be ahead.
std::vector<std::int64_t> draw_monotonic(const MonotonicPlan& plan, std::size_t nodes,
                                         const Rng& rng);

}  // namespace faultline
