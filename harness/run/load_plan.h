// The parts of a configuration that say how much is asked, when and by whom: `load:`, `phases:` and
// `roles:`. Errors are of kind usage with a place.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "harness/core/catalogue.h"
#include "harness/core/params.h"
#include "harness/run/load_profile.h"

namespace faultline {

/// How the workers send.
struct LoopPlan {
  std::optional<Arrivals::Spacing> open;  ///< An open loop's arrivals; nothing: a closed loop.
  std::size_t concurrency = 20;           ///< Workers.
  double rate = 0;                        ///< Requests a second of all; 0: unlimited.
};

/// `load`, `arrivals`, `concurrency` and `rate` of the mapping `workload`.
LoopPlan read_loop(Params& workload);

/// Some workers with requests of their own.
struct RolePlan {
  std::size_t processes = 0;
  std::unique_ptr<Workload> workload;
};

/// `roles` of the mapping `workload`: each is that workload with another `mix`. `own_keys` are
/// those of the mapping that are none of the workload's. Adds to `params` what it resolved.
Result<std::vector<RolePlan>> read_roles(Params& params, const ConfigNode& workload,
                                         std::span<const std::string_view> own_keys,
                                         const WorkloadEntry& entry,
                                         std::span<const Function> available,
                                         std::size_t concurrency);

/// The list `phases`. `rate` is what a phase asks for that does not say; 0 if it must say.
Result<LoadProfile> read_phases(const ConfigNode& list, double rate, List& resolved);

}  // namespace faultline
