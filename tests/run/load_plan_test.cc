#include "harness/run/load_plan.h"

#include <doctest/doctest.h>

#include "tests/run/plans.h"
#include "tests/usage_error.h"
#include "workloads/workloads.h"

using namespace faultline;
using namespace std::chrono_literals;

namespace {

/// The real workloads: roles change a workload's mix.
Catalogues with_real_workloads() {
  Catalogues catalogues = run_fakes::Components::catalogues();
  catalogues.workloads = workloads();
  return catalogues;
}

Result<Plan> load_plan_of(const std::string& workload, const std::string& more = "") {
  return run_fakes::plan_of(
      "target: { name: memory }\nworkload: { name: register" + workload + " }\n" + more, {},
      with_real_workloads());
}

Plan made(const std::string& workload, const std::string& more = "") {
  // The checker of the fakes: what is asked matters here, not what is found.
  Result<Plan> plan = load_plan_of(workload, more + "checks: [recent]\n");
  REQUIRE_MESSAGE(plan, plan.error().what);
  const std::string yaml = to_yaml(plan->resolved);
  INFO(yaml);
  const auto root = parse_config(yaml, "config.yaml");
  REQUIRE(root);
  const auto again = make_plan(*root, with_real_workloads(), {"other", 2});
  REQUIRE_MESSAGE(again, again.error().what);
  CHECK(to_yaml(again->resolved) == yaml);
  return *std::move(plan);
}

std::string load_plan_error(const std::string& workload, const std::string& more = "") {
  return usage_error(load_plan_of(workload, more));
}

}  // namespace

TEST_CASE("load plan: a closed loop unless an open one is asked for") {
  const Plan closed = made("");
  CHECK_FALSE(closed.loop.open);
  CHECK(closed.loop.concurrency == 20);
  CHECK(closed.time == 60s);
  CHECK(closed.load.due(120'000) == 60s);
  CHECK(closed.load.phases().size() == 1);
  CHECK(made(", rate: unlimited").load.unlimited());
  const Plan open = made(", load: open, rate: 500/s", "time: 3s\n");
  CHECK(open.loop.open == Arrivals::Spacing::poisson);
  CHECK(open.loop.concurrency == 100);
  CHECK(open.time == 3s);
  CHECK(open.load.due(1500) == 3s);
  CHECK(made(", load: open, arrivals: constant").loop.open == Arrivals::Spacing::constant);

  CHECK(load_plan_error(", load: opne") ==
        "a.yaml:2:35: load: unknown value \"opne\", did you mean \"open\"?");
  CHECK(load_plan_error(", load: open, rate: unlimited")
            .find("a.yaml:2:47: rate: an open loop needs") == 0);
  CHECK(load_plan_error(", arrivals: poisson").find("a.yaml:2:39: arrivals: only an open loop") ==
        0);
  CHECK(load_plan_error(", load: open, concurrency: 0").find("a.yaml:2:54: concurrency: ") == 0);
}

TEST_CASE("load plan: phases, and what they inherit") {
  const Plan plan = made(", rate: 300/s",
                         "phases:\n"
                         "  - { ramp: 10s }\n"
                         "  - { steady: 60s }\n"
                         "  - { quiet: 5s }\n"
                         "  - { steady: 2s }\n"
                         "  - { steady: 2s, rate: 900/s }\n"
                         "  - { ramp: 1s, to: 0 }\n");
  CHECK(plan.has_phases);
  CHECK(plan.time == 80s);
  const auto phases = plan.load.phases();
  REQUIRE(phases.size() == 6);
  CHECK(phases[0].from == 0);
  CHECK(phases[0].to == 300);
  CHECK(phases[1].to == 300);
  CHECK(phases[2].to == 0);
  CHECK(phases[3].to == 300);
  CHECK(phases[4].from == 900);
  CHECK(phases[5].from == 900);
  CHECK(phases[5].to == 0);
  const Plan unlimited =
      made(", rate: unlimited", "phases: [{ ramp: 1s, to: 50/s }, { steady: 1s }]\ntime: 2s\n");
  CHECK(unlimited.load.phases()[1].to == 50);
}

TEST_CASE("load plan: phases that are none, each with its place") {
  CHECK(load_plan_error("", "time: 60s\nphases: [{ steady: 5s }]\n") ==
        "a.yaml:3:7: time: 1m contradicts phases, which last 5s in all; leave one of the two out");
  CHECK(
      load_plan_error("", "phases: { steady: 5s }\n").find("a.yaml:3:9: phases: expected a list") ==
      0);
  CHECK(load_plan_error("", "phases: []\n").find("a.yaml:3:9: phases: expected a list") == 0);
  CHECK(load_plan_error("", "phases: [{ stedy: 5s }]\n") ==
        "a.yaml:3:12: phase: unknown key \"stedy\", did you mean \"steady\"?");
  CHECK(load_plan_error("", "phases: [{ steady: 5s, quiet: 1s }]\n")
            .find("a.yaml:3:10: a phase: expected one of ramp, steady and quiet") == 0);
  CHECK(load_plan_error("", "phases: [{ to: 5/s }]\n")
            .find("a.yaml:3:10: a phase: expected one of") == 0);
  CHECK(load_plan_error("", "phases: [{ steady: 5s, to: 5/s }]\n")
            .find("a.yaml:3:24: phase: unknown key \"to\"") == 0);
  CHECK(load_plan_error("", "phases: [{ steady: 0s }]\n")
            .find("a.yaml:3:20: steady: expected a duration") == 0);
  CHECK(load_plan_error("", "phases: [{ ramp: 1s, to: soon }]\n")
            .find("a.yaml:3:26: to: expected a rate") == 0);
  CHECK(load_plan_error("", "phases: [{ ramp: 1s, to: unlimited }]\n")
            .find("a.yaml:3:26: to: expected") == 0);
  CHECK(load_plan_error("", "phases: [{ ramp: 1s, to: 0 }]\n").find("say quiet") !=
        std::string::npos);
  CHECK(load_plan_error("", "phases: [{ steady: 1s, rate: 0 }]\n")
            .find("a.yaml:3:30: rate: 0 asks") == 0);
  CHECK(load_plan_error("", "phases: [{ quiet: 5s }]\n").find("nothing would be asked") !=
        std::string::npos);
  CHECK(load_plan_error(", rate: unlimited", "phases: [{ steady: 5s }]\n")
            .find("a.yaml:3:10: a steady phase: \"rate\" is missing") == 0);
  CHECK(
      load_plan_error(", rate: unlimited", "phases: [{ ramp: 5s }]\n").find("\"to\" is missing") !=
      std::string::npos);
  CHECK(
      load_plan_error("", "phases: [{ steady: 3s }]\nfaults: [{ fault: tally, at: 4s, for: 1s }]\n")
          .find("a.yaml:4:10: fault tally") == 0);
}

TEST_CASE("load plan: roles ask for something else, on the same keys") {
  const Plan plan = made(
      ", keys: 7, concurrency: 5, affinity: roam, "
      "roles: [{ processes: 2, mix: { read: 1 } }, { mix: { write: 3, cas: 1 } }]");
  REQUIRE(plan.roles.size() == 2);
  CHECK(plan.roles[0].processes == 2);
  CHECK(plan.roles[0].workload->functions() == std::vector<Function>{Function::read});
  CHECK(plan.roles[1].processes == 1);
  CHECK(plan.roles[1].workload->functions() ==
        std::vector<Function>{Function::write, Function::cas});
  CHECK(plan.workload->functions().size() == 3);

  CHECK(load_plan_error(", roles: { processes: 2 }").find("a.yaml:2:36: roles: expected a list") ==
        0);
  CHECK(load_plan_error(", roles: [{ processes: 2 }]")
            .find("a.yaml:2:37: role: \"mix\" is missing") == 0);
  CHECK(load_plan_error(", roles: [{ proceses: 2, mix: { read: 1 } }]") ==
        "a.yaml:2:39: role: unknown key \"proceses\", did you mean \"processes\"?");
  CHECK(load_plan_error(", roles: [{ mix: { raed: 1 } }]").find("did you mean \"read\"?") !=
        std::string::npos);
  CHECK(load_plan_error(", roles: [{ mix: { read: 0 } }]")
            .find("a.yaml:2:44: mix: every weight is 0") == 0);
  CHECK(load_plan_error(", concurrency: 3, roles: [{ processes: 4, mix: { read: 1 } }]")
            .find("4 processes with a role by now, but only 3 in all") != std::string::npos);
}
