// A configuration, understood: what `faultline run` is going to do, with every default decided and
// every component made. Pure but for what the components' factories look up; nothing is started.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/catalogue.h"
#include "harness/core/params.h"
#include "harness/run/load_plan.h"
#include "harness/run/log_check.h"
#include "harness/run/monotonic.h"
#include "harness/run/network.h"
#include "harness/run/schedule.h"
#include "harness/run/thresholds.h"
#include "harness/run/victims.h"

namespace faultline {

/// Which node a worker asks.
enum class Affinity {
  spread,  ///< Worker i always node i mod n.
  roam,    ///< Each request a node drawn from the worker's own randomness.
};

struct FaultPlan {
  std::string fault;  ///< Its name in nemesis/list.def.
  std::unique_ptr<Nemesis> nemesis;
  Victims victims;
  std::string victims_text;  ///< As configured: "minority", "n1, n3".
  Timing timing;

  /// Whether somebody must be asked who leads before it can strike.
  bool needs_leader() const { return victims.needs_leader() || nemesis->needs_leader(); }
};

struct CheckPlan {
  std::string name;
  std::unique_ptr<Checker> checker;
};

struct Plan {
  std::string name;  ///< The run directory's parent; letters, digits, "._-".
  std::size_t nodes = 5;
  NetworkPlan network;
  MonotonicPlan monotonic;          ///< How far nodes' monotonic clocks are ahead.
  std::size_t client_machines = 0;  ///< 0: clients are threads of the controller.
  std::unique_ptr<Target> target;
  Map target_parameters;  ///< As resolved: they make the same target again.
  std::unique_ptr<Workload> workload;
  LoopPlan loop;
  LoadProfile load;             ///< Unlimited, without an end, or as long as `time`.
  bool has_phases = false;      ///< The configuration says them.
  std::vector<RolePlan> roles;  ///< Of the first workers, in order.
  Affinity affinity = Affinity::spread;
  Nanoseconds request_timeout{};
  std::vector<FaultPlan> faults;
  Nanoseconds time{};             ///< How long the load lasts.
  Nanoseconds startup_within{};   ///< The store must serve on every node by then: else exit 5.
  Nanoseconds recovery_within{};  ///< Likewise after the last heal: else exit 4.
  std::uint64_t seed = 0;
  std::optional<Recording>
      recording;  ///< Of a replay (replay.h): its faults instead of drawn ones.
  std::vector<CheckPlan> checks;
  LogRules logs;  ///< Empty: the nodes' logs are not searched.
  Nanoseconds budget_time{};
  std::uint64_t budget_memory = 0;  ///< Bytes.
  std::vector<Threshold> thresholds;
  std::optional<Validity> expect;  ///< valid or invalid.
  bool keep_data = false;
  bool fail_fast = false;  ///< The load ends with the first violation that is proven.
  Map resolved;  ///< The configuration with every default: config.yaml, which makes the same plan.

  std::vector<Timing> timings() const;
};

struct PlanDefaults {
  std::string name;        ///< When the configuration has none: the file's stem.
  std::uint64_t seed = 0;  ///< When it has none.
};

/// Errors are of kind usage with a place, or a component's own (capability).
Result<Plan> make_plan(const ConfigNode& root, const Catalogues& catalogues,
                       const PlanDefaults& defaults);

}  // namespace faultline
