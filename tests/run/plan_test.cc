#include "harness/run/plan.h"

#include <doctest/doctest.h>

#include "tests/run/plans.h"
#include "tests/usage_error.h"

using namespace faultline;
using namespace faultline::run_fakes;
using namespace std::chrono_literals;

namespace {

const std::string minimal = "target: { name: memory }\nworkload: { name: registers }\n";

std::string plan_error(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return usage_error(plan_of(text, overrides));
}

bool has(const std::string& text, std::string_view part) {
  INFO(text);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("plan: defaults") {
  const Result<Plan> plan = plan_of(minimal);
  REQUIRE_MESSAGE(plan, plan.error().what);
  CHECK(plan->name == "a");
  CHECK(plan->nodes == 5);
  CHECK(plan->loop.concurrency == 20);
  CHECK(plan->loop.rate == 2000);
  CHECK(plan->affinity == Affinity::spread);
  CHECK(plan->request_timeout == 2s);
  CHECK(plan->time == 60s);
  CHECK(plan->recovery_within == 20s);
  CHECK(plan->startup_within == 30s);
  CHECK(plan->seed == 42);
  CHECK(plan->budget_time == 60s);
  CHECK(plan->budget_memory == std::uint64_t{4} << 30);
  CHECK(plan->faults.empty());
  REQUIRE(plan->checks.size() == 1);
  CHECK(plan->checks[0].name == "recent");
  CHECK_FALSE(plan->expect);
  CHECK_FALSE(plan->keep_data);
}

const std::string full =
    "name: full-1\n"
    "target: { name: memory, nodes: 3, mode: leader }\n"
    "workload: { name: registers, keys: 7, cas: false, concurrency: 4, rate: unlimited, affinity: "
    "roam, "
    "timeout: 500ms }\n"
    "faults:\n"
    "  - { fault: tally, kind: x, victims: [n3, n1], every: 8s, for: 1500ms }\n"
    "  - { fault: tally, victims: leader, at: 5s, for: 2s }\n"
    "  - { fault: tally, at: 5s, every: 6s, for: 2s, effective: false }\n"
    "time: 30s\n"
    "seed: 7\n"
    "startup: { within: 5s }\n"
    "recovery: { within: 3s }\n"
    "checks: [{ check: recent, depth: 4 }]\n"
    "budget: { time: 5s, memory: 512MiB }\n"
    "thresholds: { ok_rate: \">= 0.5\", recovery_s: \"<= 10\" }\n"
    "expect: invalid\n"
    "keep-data: true\n";

TEST_CASE("plan: everything can be said") {
  const Result<Plan> plan = plan_of(full);
  REQUIRE_MESSAGE(plan, plan.error().what);
  CHECK(plan->name == "full-1");
  CHECK(plan->nodes == 3);
  CHECK(plan->loop.rate == 0);
  CHECK(plan->affinity == Affinity::roam);
  CHECK(plan->request_timeout == 500ms);
  REQUIRE(plan->faults.size() == 3);
  CHECK(plan->faults[0].victims.named == std::vector<std::size_t>{0, 2});
  CHECK(plan->faults[0].timing.duration == 1500ms);
  CHECK(plan->faults[1].victims.kind == Victims::Kind::leader);
  CHECK(plan->faults[1].timing.at == 5s);
  CHECK(plan->faults[1].timing.every == 0s);
  CHECK(plan->faults[2].timing.every == 6s);
  CHECK(plan->faults[2].victims.kind == Victims::Kind::one);
  CHECK(plan->budget_memory == std::uint64_t{512} << 20);
  CHECK(plan->thresholds.size() == 2);
  CHECK(plan->expect == Validity::invalid);
  CHECK(plan->keep_data);
}

TEST_CASE("plan: config.yaml, run again, is the same plan") {
  for (const std::string& text : {minimal, full}) {
    const Result<Plan> first = plan_of(text);
    REQUIRE(first);
    const std::string yaml = to_yaml(first->resolved);
    INFO(yaml);
    Result<ConfigNode> root = parse_config(yaml, "config.yaml");
    REQUIRE(root);
    // Other defaults must not matter any more.
    const Result<Plan> second = make_plan(*root, Components::catalogues(), {"other", 999});
    REQUIRE_MESSAGE(second, second.error().what);
    CHECK(to_yaml(second->resolved) == yaml);
    const auto a = plan_schedule(first->timings(), first->time, Rng(first->seed));
    const auto b = plan_schedule(second->timings(), second->time, Rng(second->seed));
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i].start == b[i].start);
    CHECK(second->loop.rate == first->loop.rate);
    CHECK(second->expect == first->expect);
    CHECK(second->faults.size() == first->faults.size());
  }
}

TEST_CASE("plan: --set wins and is named in errors") {
  const Result<Plan> plan = plan_of(minimal, {"target.nodes=3", "time=5s", "seed=9"});
  REQUIRE(plan);
  CHECK(plan->nodes == 3);
  CHECK(plan->time == 5s);
  CHECK(plan->seed == 9);
  CHECK(plan_error(minimal, {"target.nodes=99"}).starts_with("--set target.nodes=99: nodes: "));
  has(plan_error(minimal, {"target.nods=3"}), "did you mean \"nodes\"?");
}

TEST_CASE("plan: unknown keys name their place and the nearest key") {
  CHECK(plan_error("targt: { name: memory }\nworkload: { name: registers }\n") ==
        "a.yaml:1:1: configuration: unknown key \"targt\", did you mean \"target\"?");
  CHECK(plan_error("target: { name: memory, nods: 3 }\nworkload: { name: registers }\n") ==
        "a.yaml:1:25: target: unknown key \"nods\", did you mean \"nodes\"?");
  has(plan_error("target: { name: memory }\nworkload: { name: registers, concurency: 3 }\n"),
      "a.yaml:2:30: workload: unknown key \"concurency\", did you mean \"concurrency\"?");
  has(plan_error("target: { name: memory }\nworkload: { name: registers, kes: 3 }\n"),
      "did you mean \"keys\"?");
  has(plan_error(minimal + "faults: [{ fault: tally, evry: 3s }]\n"),
      "a.yaml:3:26: fault: unknown key \"evry\", did you mean \"every\"?");
  has(plan_error(minimal + "thresholds: { recovry_s: \"<= 3\" }\n"),
      "did you mean \"recovery_s\"?");
  has(plan_error(minimal + "recovery: { withn: 3s }\n"), "did you mean \"within\"?");
}

TEST_CASE("plan: unknown components name the nearest") {
  has(plan_error("target: { name: memry }\nworkload: { name: registers }\n"),
      "a.yaml:1:17: unknown target \"memry\", did you mean \"memory\"?");
  has(plan_error(minimal + "faults: [{ fault: taly }]\n"), "a.yaml:3:19: unknown fault \"taly\"");
  has(plan_error(minimal + "checks: [recnt]\n"),
      "a.yaml:3:10: unknown check \"recnt\", did you mean");
  has(plan_error(minimal + "checks: [recent, recent]\n"), "there already");
}

TEST_CASE("plan: values out of bounds, and forms that are none") {
  has(plan_error("workload: { name: registers }\n"), "\"target\" is missing");
  has(plan_error("target: { name: memory }\n"), "\"workload\" is missing");
  has(plan_error("target: { nodes: 3 }\nworkload: { name: registers }\n"), "\"name\" is missing");
  has(plan_error("target: memory\nworkload: { name: registers }\n"), "expected a mapping");
  has(plan_error("target: { name: [memory] }\nworkload: { name: registers }\n"), "found a list");
  has(plan_error(minimal + "time: 0\n"), "a.yaml:3:7: time: expected a duration from 1ms");
  has(plan_error(minimal + "time: 60\n"), "expected a duration like 8s");
  has(plan_error(minimal + "time: 99999h\n"), "expected a duration from");
  has(plan_error(minimal + "seed: -1\n"), "a.yaml:3:7");
  has(plan_error(minimal + "name: ../../etc\n"), "it names a directory");
  has(plan_error(minimal + "name: .hidden\n"), "it names a directory");
  has(plan_error(minimal + "links: iptabels\n"), "did you mean \"iptables\"?");
  has(plan_error(minimal + "expect: vlaid\n"), "did you mean \"valid\"?");
  has(plan_error(minimal + "expect: unknown\n"), "a.yaml:3:9");
  has(plan_error(minimal + "budget: { memory: lots }\n"), "a.yaml:3:19: memory: expected a size");
  has(plan_error(minimal + "budget: { memory: 99999999TiB }\n"), "expected a size");
  has(plan_error(minimal + "thresholds: { ok_rate: high }\n"),
      "a.yaml:3:24: ok_rate: expected a limit");
  has(plan_error(minimal + "faults: { fault: tally }\n"), "faults: expected a list");
  has(plan_error(minimal + "faults: [tally]\n"), "expected a mapping");
  has(plan_error(minimal + "faults: [{ fault: tally, every: 1s, for: 2s }]\n"), "overlap itself");
  has(plan_error(minimal + "faults: [{ fault: tally, every: 90s, for: 80s }]\n"), "never strike");
  has(plan_error(minimal + "faults: [{ fault: tally, victims: minorty }]\n"),
      "a.yaml:3:35: victims: unknown victim \"minorty\"");
  has(plan_error(minimal + "faults: [{ fault: tally, victims: n6 }]\n"), "n6");
  has(plan_error("target: { name: memory }\nworkload: { name: queue }\n"),
      "workload queue asks for enqueue, which target memory (mode: quorum) does not understand; it "
      "understands: read, write, cas");
  has(plan_error("target: { name: memory }\nworkload: { name: registers, rate: 0.001/s }\n"),
      "0.01/s");
}

TEST_CASE("plan: clients run in the controller, or on machines of their own") {
  CHECK(plan_of(minimal)->client_machines == 0);
  CHECK(plan_of(minimal + "clients: in-process\n")->client_machines == 0);
  CHECK(plan_of(minimal + "clients: separate\n")->client_machines == 5);
  CHECK(plan_of(minimal + "clients: separate\n", {"workload.concurrency=3"})->client_machines == 3);
  CHECK(plan_of(minimal + "clients: { separate: 7 }\n")->client_machines == 7);
  CHECK(plan_of(minimal, {"clients=separate"})->client_machines == 5);
  CHECK(plan_of(minimal, {"clients.separate=2"})->client_machines == 2);
  CHECK(to_yaml(plan_of(minimal)->resolved).find("clients: in-process\n") != std::string::npos);
  const Result<Plan> plan = plan_of(minimal + "clients: separate\n");
  const std::string yaml = to_yaml(plan->resolved);
  const Result<ConfigNode> again = parse_config(yaml, "config.yaml");
  REQUIRE(again);
  CHECK(make_plan(*again, Components::catalogues(), {"a", 42})->client_machines == 5);
  // From which a client machine makes the target.
  CHECK(to_yaml(Value(plan->target_parameters)) == "name: memory\nnodes: 5\nmode: quorum\n");
}

TEST_CASE("plan: clients that cannot be are refused, with the place and what was expected") {
  const auto refused = [](const std::string& line) { return plan_error(minimal + line + "\n"); };
  has(refused("clients: seperate"), "a.yaml:3:10: ");
  has(refused("clients: seperate"), "\"separate\"");
  has(refused("clients: seperate\nfaults: [{ fault: stall }]"), "a.yaml:3:10: ");
  has(refused("clients: { separate: 21 }"), "1 to 20");
  has(refused("clients: { separate: 0 }"), "1 to 20");
  has(refused("clients: { seperate: 2 }"), "\"separate\"");
  has(refused("clients: {}"), "expected in-process, separate, or how many machines");
  has(refused("clients: [c1]"), "a.yaml:3:10: clients: expected in-process");
  has(refused("client: separate"), "\"clients\"");
}

TEST_CASE("plan: a fault of client machines wants such machines, and names them") {
  const std::string stall = "faults: [{ fault: stall, victims: ";
  has(plan_error(minimal + stall + "one }]\n"), "say clients: separate");
  const Result<Plan> plan =
      plan_of(minimal + "clients: { separate: 3 }\n" + stall + "[c3, c1] }]\n");
  REQUIRE(plan);
  CHECK(plan->faults[0].victims.named == std::vector<std::size_t>{0, 2});
  has(plan_error(minimal + "clients: { separate: 3 }\n" + stall + "c4 }]\n"),
      "unknown victim \"c4\"");
  has(plan_error(minimal + "clients: separate\n" + stall + "leader }]\n"), "no roles");
  has(plan_error(minimal + "clients: separate\nfaults: [{ fault: tally, victims: c1 }]\n"),
      "unknown victim \"c1\"");
}

TEST_CASE("plan: a workload that looks for rows needs a target with steps") {
  has(plan_error("target: { name: memory }\nworkload: { name: searching }\n"),
      "workload searching looks for rows by predicates, which target memory (mode: quorum) does "
      "not; these do: steps");
}

TEST_CASE("plan: a workload with scripts has one worker, and no load") {
  const std::string scripted = "target: { name: steps, nodes: 1 }\nworkload: { name: scripted }\n";
  const Result<Plan> plan = plan_of(scripted);
  REQUIRE_MESSAGE(plan, plan.error().what);
  CHECK(plan->loop.concurrency == 1);
  CHECK(plan->load.unlimited());
  for (const auto& [key, value] : plan->resolved)
    if (key == "workload") CHECK(value == Value(Map{{"name", "scripted"}, {"timeout", "2s"}}));
  has(plan_error("target: { name: memory }\nworkload: { name: scripted }\n"),
      "workload scripted asks transactions step by step, which target memory (mode: quorum) does "
      "not offer; these do: steps");
  for (const std::string key : {"rate=5/s", "concurrency=3", "load=open", "affinity=roam"})
    has(plan_error(scripted, {"workload." + key}),
        "workload scripted plays scripts one after the other, and has no load");
  has(plan_error(scripted + "phases: [{ steady: 1s, rate: 5/s }]\n"), "has no load");
  has(plan_error(scripted + "clients: { separate: 1 }\n"), "say in-process");
}
