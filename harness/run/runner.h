// One test from start to verdict. Sequences the parts; what each does is in its own file.
//
//   nodes up → every node serves → load while faults strike and heal → stop → heal everything →
//   every node serves again → final requests on every node → checks → results
//
// Called by the thread that entered the world: it makes the cluster, pulls the levers and tears the
// cluster down; workers are threads of their own.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "harness/core/exit_code.h"
#include "harness/io/run_dir.h"
#include "harness/os/world.h"
#include "harness/run/crew.h"
#include "harness/run/plan.h"

namespace faultline {

/// What a run is doing now; made about every 20 ms.
struct Progress {
  std::string phase;  ///< "starting", "load", "healing", "recovery", "final requests", "checking".
  Nanoseconds elapsed{}, left{};  ///< Of the load; 0 outside it.
  CrewCounts counts;
  std::vector<std::string> active;  ///< Faults, for people.
  std::size_t crashes = 0;
  /// "anomalies: lost-update 1", or "violation proven: …" once one ends the run; see EarlyJudge.
  std::string violation;
};

/// The world as a run sees it; tests give it one in memory.
struct RunEnvironment {
  std::function<Result<std::unique_ptr<Cluster>>(const ClusterOptions&)> make_cluster;
  /// How often the user has asked to stop. 1: stop the load, heal, check what there is. 2: heal and
  /// quit. Polled in every wait.
  const std::atomic<int>& interrupts;
  std::function<void(const Progress&)> progress;  ///< Called by the running thread.
  std::function<Map()> fingerprint;               ///< Of the host; empty without one.
  Map meta;  ///< Goes into meta.json first: version, commit, command …
};

struct RunReport {
  ExitCode exit_code = ExitCode::internal;
  Map results;        ///< results.json.
  std::string text;   ///< For people: verdict line, witness, availability; several lines.
  std::string brief;  ///< The verdict line, and what else decided the exit code.
};

/// Writes everything into `directory`, results.json included whatever happens. An error is one that
/// left nothing to judge: the store never came up (kind target), a fault that cannot work here
/// (capability), a world that could not be made.
Result<RunReport> run_test(Plan& plan, const RunDir& directory, const RunEnvironment& environment);

}  // namespace faultline
