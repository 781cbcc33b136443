#include "harness/run/runner.h"

#include <csignal>
#include <fstream>
#include <map>
#include <thread>

#include <doctest/doctest.h>

#include "harness/io/document.h"
#include "harness/io/json.h"
#include "harness/io/load.h"
#include "harness/os/fd.h"
#include "harness/run/client_program.h"
#include "harness/run/node_journal.h"
#include "harness/run/yaml.h"
#include "tests/fakes.h"
#include "tests/io/temporary_folder.h"
#include "tests/run/components.h"

using namespace faultline;
using namespace faultline::run_fakes;
using namespace std::chrono_literals;

namespace {

/// A short run against a store in memory.
struct RunStage {
  TemporaryFolder folder;
  std::shared_ptr<Store> store = std::make_shared<Store>();
  std::atomic<int> interrupts{0};
  bool fail_fast = false;
  std::function<void(const Progress&, fakes::FakeCluster&)> on_progress;
  std::function<void(fakes::FakeCluster&)> on_cluster;
  Map host = {{"routes", "a"}};
  std::optional<RunDir> directory;
  fakes::FakeCluster* cluster = nullptr;
  std::vector<std::jthread> client_programs;  ///< In place of the machines' processes.

  Result<RunReport> run(const std::string& more = "", const std::string& load = "") {
    Components::store() = store;
    const std::string text =
        "target: { name: memory, nodes: 3 }\n"
        "workload: { name: registers, " +
        load +
        "cas: false, concurrency: 3, rate: 5000/s }\n"
        "seed: 3\n" +
        (("\n" + more).find("\ntime:") == std::string::npos ? "time: 100ms\n" : "") + more;
    const Result<ConfigNode> root = parse_config(text, "a.yaml");
    REQUIRE_MESSAGE(root, root.error().what);
    Result<Plan> plan = make_plan(*root, Components::catalogues(), {"test", 1});
    REQUIRE_MESSAGE(plan, plan.error().what);
    plan->fail_fast = fail_fast;
    auto made = RunDir::create(folder / "runs", plan->name, plan->seed);
    REQUIRE(made);
    directory.emplace(*made);
    int fingerprints = 0;
    const RunEnvironment environment{
        [this](const ClusterOptions& options) -> Result<std::unique_ptr<Cluster>> {
          auto own = std::make_unique<fakes::FakeCluster>(options.nodes, options.clients.size());
          for (std::size_t i = 0; i < machine_count(*own); ++i) REQUIRE(own->signal(i, SIGKILL));
          for (const ClientProgram& program : options.clients)
            client_programs.emplace_back([end = Fd(::dup(program.channel))] {
              serve_clients(end.get(), Components::catalogues().targets);
            });
          own->calls.clear();
          cluster = own.get();
          if (on_cluster) on_cluster(*own);
          return std::unique_ptr<Cluster>(std::move(own));
        },
        interrupts,
        [this](const Progress& progress) {
          if (on_progress) on_progress(progress, *cluster);
        },
        [&] { return ++fingerprints == 1 ? Map{{"routes", "a"}} : host; },
        {{"version", "0"}}};
    return run_test(*plan, *directory, environment);
  }
  Value file(const char* name) const {
    std::ifstream in(directory->file(name));
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const auto value = parse_json(text);
    REQUIRE_MESSAGE(value, name);
    return *value;
  }
};

std::string verdict_of(const RunReport& report) {
  return *member_of(Value(report.results), "verdict")->text();
}

}  // namespace

TEST_CASE("runner: a right store is valid, and the run directory is whole") {
  RunStage stage;
  const auto report = stage.run();
  REQUIRE_MESSAGE(report, report.error().what);
  INFO(report->text);
  CHECK(verdict_of(*report) == "valid");
  CHECK(report->exit_code == ExitCode::valid);
  for (const char* name : {"config.yaml", "meta.json", "schedule.json", "history.jsonl",
                           "faults.jsonl", "nodes.jsonl", "links.json", "results.json"})
    CHECK_MESSAGE(std::filesystem::exists(stage.directory->file(name)), name);
  const Value results = stage.file("results.json");
  CHECK(*member_of(results, "schema") == Value("faultline.results/1"));
  CHECK(*member_of(results, "exit_code")->integer() == 0);
  CHECK(member_of(results, "checks")->list()->size() == 2);
  const auto loaded = load_history(stage.directory->path());
  REQUIRE(loaded);
  CHECK(loaded->history.size() ==
        static_cast<std::size_t>(*member_of(results, "operations")->integer()));
  const Value meta = stage.file("meta.json");
  CHECK(*member_of(meta, "seed")->integer() == 3);
  CHECK(member_of(*member_of(meta, "store"), "sha256")->text()->size() == 64);
  CHECK(member_of(meta, "host_changed")->list()->empty());

  // The final requests: each key on each of the three nodes, by processes not used before.
  const History& history = loaded->history;
  std::map<std::string, int> final_reads;
  for (OperationId id = 0; id < history.size(); ++id)
    if (history.process()[id] >= 3)
      ++final_reads[history.key_text(history.key()[id]) + "@" +
                    history.node_name(history.node()[id])];
  CHECK(final_reads.size() == 3 * history.key_count());
  for (const auto& [where, count] : final_reads) CHECK(count == 1);
}

TEST_CASE("runner: a store that loses writes is invalid, with its witness") {
  RunStage stage;
  stage.store->loses_writes = true;
  const auto report = stage.run();
  REQUIRE(report);
  CHECK(verdict_of(*report) == "invalid");
  CHECK(report->exit_code == ExitCode::violation);
  CHECK(report->text.find("a write was lost") != std::string::npos);
  CHECK(report->text.find("write, then a read of nil") != std::string::npos);
}

TEST_CASE("runner: with fail-fast, the load ends when a violation is proven") {
  RunStage stage;
  stage.fail_fast = true;
  SUBCASE("proven") {
    stage.store->loses_writes = true;
    std::string told;
    stage.on_progress = [&](const Progress& progress, fakes::FakeCluster&) {
      if (progress.phase == "load") told = progress.violation;
    };
    const auto report = stage.run("time: 600s\n");
    REQUIRE(report);
    CHECK(verdict_of(*report) == "invalid");
    CHECK(told == "violation proven: lost-write 1");
    CHECK(report->text.find("s: a violation was proven") != std::string::npos);
    const Value ended = *member_of(stage.file("results.json"), "ended_early_ns");
    CHECK(*ended.integer() > 0);
    CHECK(*ended.integer() < Nanoseconds(10min).count());
  }
  SUBCASE("there is none") {
    const auto report = stage.run("time: 500ms\n");
    REQUIRE(report);
    CHECK(verdict_of(*report) == "valid");
    CHECK(member_of(stage.file("results.json"), "ended_early_ns") == nullptr);
  }
  SUBCASE("a check that does not end holds nothing up") {
    const auto report = stage.run("time: 500ms\nbudget: { time: 300ms }\nchecks: [endless]\n");
    REQUIRE(report);
    CHECK(verdict_of(*report) == "unknown");
  }
}

TEST_CASE("runner: what was expected decides the exit code") {
  SUBCASE("invalid, as expected") {
    RunStage stage;
    stage.store->loses_writes = true;
    const auto report = stage.run("expect: invalid\n");
    REQUIRE(report);
    CHECK(verdict_of(*report) == "invalid");
    CHECK(report->exit_code == ExitCode::valid);
    CHECK(*member_of(Value(report->results), "matched") == Value(true));
  }
  SUBCASE("valid, against expectation") {
    RunStage stage;
    const auto report = stage.run("expect: invalid\n");
    REQUIRE(report);
    CHECK(verdict_of(*report) == "valid");
    CHECK(report->exit_code == ExitCode::violation);
  }
  SUBCASE("a crash is no finding of the check that was expected to find something") {
    RunStage stage;
    bool died = false;
    stage.on_progress = [&](const Progress& progress, fakes::FakeCluster& cluster) {
      if (progress.phase == "load" && !std::exchange(died, true)) cluster.die(1, "exit status 2");
    };
    const auto report = stage.run("expect: invalid\n");
    REQUIRE(report);
    CHECK(verdict_of(*report) == "invalid");
    CHECK(report->exit_code == ExitCode::violation);
  }
  SUBCASE("vacuous never matches") {
    RunStage stage;
    stage.store->refuses = true;
    const auto report = stage.run("expect: valid\nrecovery: { within: 20ms }\n");
    REQUIRE(report);
    CHECK(report->exit_code == ExitCode::violation);
  }
}

TEST_CASE("runner: a process that ends by itself is a finding, whatever the clients saw") {
  RunStage stage;
  bool died = false;
  stage.on_progress = [&](const Progress& progress, fakes::FakeCluster& cluster) {
    if (progress.phase == "load" && !std::exchange(died, true))
      cluster.die(1, "signal 6 (Aborted)");
  };
  const auto report = stage.run();
  REQUIRE(report);
  CHECK(verdict_of(*report) == "invalid");
  CHECK(report->exit_code == ExitCode::violation);
  CHECK(report->text.find("n2 ended by itself") != std::string::npos);
  const auto lines = read_json_lines(stage.directory->file("nodes.jsonl"));
  REQUIRE(lines);
  CHECK(check_crash_free(*lines).validity == Validity::invalid);
}

TEST_CASE(
    "runner: faults strike, are counted and written down; a fault without effect is vacuous") {
  SUBCASE("effective") {
    RunStage stage;
    const auto report = stage.run("faults: [{ fault: tally, every: 10ms, for: 5ms }]\n");
    REQUIRE(report);
    INFO(report->text);
    CHECK(verdict_of(*report) == "valid");
    const Value results = stage.file("results.json");
    const Value* tally = member_of(*member_of(results, "faults"), "tally");
    REQUIRE(tally != nullptr);
    CHECK(*member_of(*tally, "planned")->integer() >= 2);
    CHECK(*member_of(*tally, "effective") == *member_of(*tally, "planned"));
    const auto lines = read_json_lines(stage.directory->file("faults.jsonl"));
    REQUIRE(lines);
    CHECK(static_cast<std::int64_t>(lines->size()) == *member_of(*tally, "planned")->integer());
    CHECK(member_of(stage.file("schedule.json"), "faults")->list()->size() == lines->size());
  }
  SUBCASE("never effective") {
    RunStage stage;
    const auto report =
        stage.run("faults: [{ fault: tally, every: 10ms, for: 5ms, effective: false }]\n");
    REQUIRE(report);
    CHECK(verdict_of(*report) == "unknown");
    CHECK(report->exit_code == ExitCode::vacuous);
    CHECK(*member_of(Value(report->results), "reason") == Value("vacuous"));
  }
  SUBCASE("never effective, but a violation was found all the same") {
    RunStage stage;
    stage.store->loses_writes = true;
    const auto report =
        stage.run("faults: [{ fault: tally, every: 10ms, for: 5ms, effective: false }]\n");
    REQUIRE(report);
    CHECK(report->exit_code == ExitCode::violation);
  }
}

TEST_CASE("runner: no successful read is vacuous, and not recovering is a missed threshold") {
  RunStage stage;
  stage.store->refuses = true;
  const auto report = stage.run("recovery: { within: 20ms }\n");
  REQUIRE(report);
  CHECK(verdict_of(*report) == "unknown");
  CHECK(*member_of(Value(report->results), "reason") == Value("vacuous"));
  CHECK(report->exit_code == ExitCode::threshold);
}

TEST_CASE("runner: thresholds") {
  RunStage stage;
  const auto report =
      stage.run("thresholds: { ok_rate: \">= 0.5\", throughput: \">= 1000000\" }\n");
  REQUIRE(report);
  CHECK(verdict_of(*report) == "valid");
  CHECK(report->exit_code == ExitCode::threshold);
  CHECK(report->text.find("threshold missed: throughput >= 1e+06") != std::string::npos);
  CHECK(report->text.find("threshold missed: ok_rate") == std::string::npos);
}

TEST_CASE("runner: an open loop, its phases and its losses are in the results") {
  RunStage stage;
  const auto report = stage.run(
      "phases: [{ ramp: 50ms, to: 4000/s }, { quiet: 20ms }, { steady: 80ms }]\n"
      "time: 150ms\n"
      "thresholds: { scheduled_ok_rate: \">= 0\", dropped_rate: \"< 0\" }\n",
      "load: open, ");
  REQUIRE_MESSAGE(report, report.error().what);
  INFO(report->text);
  CHECK(report->text.find("load: open, poisson: ") != std::string::npos);
  CHECK(report->text.find("ramp to 4000/s: ") != std::string::npos);
  CHECK(report->text.find("threshold missed: dropped_rate < 0") != std::string::npos);
  CHECK(report->text.find("threshold missed: scheduled_ok_rate") == std::string::npos);
  const Value results = stage.file("results.json");
  const Value* load = member_of(results, "load");
  REQUIRE(load != nullptr);
  CHECK(*member_of(*load, "loop") == Value("open"));
  CHECK(*member_of(*load, "scheduled")->integer() ==
        *member_of(*load, "sent")->integer() + *member_of(*load, "dropped")->integer());
  CHECK(*member_of(*load, "scheduled")->integer() > 0);
  const List& phases = *member_of(results, "phases")->list();
  REQUIRE_FALSE(phases.empty());
  std::int64_t scheduled = 0;
  for (const Value& phase : phases) scheduled += *member_of(phase, "scheduled")->integer();
  CHECK(scheduled == *member_of(*load, "scheduled")->integer());
}

TEST_CASE("runner: what the nodes logged is searched, and counts like any other check") {
  RunStage stage;
  stage.on_cluster = [&](fakes::FakeCluster&) {
    const auto folder = stage.directory->file("nodes") / "n2" / "log";
    std::filesystem::create_directories(folder);
    std::ofstream(folder / "stdout.log") << "serving\npanic: torn page\n";
  };
  const auto report = stage.run("logs: { forbid: \"panic\", require: serving }\n");
  REQUIRE(report);
  CHECK(verdict_of(*report) == "invalid");
  CHECK(report->exit_code == ExitCode::violation);
  CHECK(report->text.find("logs: n2 stdout.log:2: panic: torn page") != std::string::npos);
}

TEST_CASE("runner: a store that never serves is exit 5, and says so in results.json") {
  SUBCASE("silent") {
    RunStage stage;
    stage.store->unready = true;
    const auto report = stage.run("startup: { within: 20ms }\n");
    REQUIRE_FALSE(report);
    CHECK(report.error().kind == ErrorKind::target);
    CHECK(report.error().what.find("n1 did not serve within 20ms: not yet") == 0);
    CHECK(*member_of(stage.file("results.json"), "verdict") == Value("error"));
    CHECK(*member_of(stage.file("results.json"), "exit_code")->integer() == 5);
  }
  SUBCASE("dies") {
    RunStage stage;
    stage.store->unready = true;
    stage.on_cluster = [](fakes::FakeCluster& cluster) {
      cluster.dies_at_start[1] = "exit status 1";
    };
    const auto report = stage.run();
    REQUIRE_FALSE(report);
    CHECK(report.error().kind == ErrorKind::target);
    CHECK(report.error().what.find("n2 ended while it started: exit status 1") == 0);
  }
  SUBCASE("cannot be executed") {
    RunStage stage;
    stage.on_cluster = [](fakes::FakeCluster& cluster) { cluster.unstartable = {2}; };
    const auto report = stage.run();
    REQUIRE_FALSE(report);
    CHECK(report.error().kind == ErrorKind::target);
  }
}

TEST_CASE("runner: interrupted, it heals, checks what there is, and says 130") {
  RunStage stage;
  stage.on_progress = [&](const Progress& progress, fakes::FakeCluster&) {
    if (progress.phase == "load" && progress.counts.ok > 20) stage.interrupts = 1;
  };
  const auto begin = std::chrono::steady_clock::now();
  const auto report = stage.run("time: 60s\nfaults: [{ fault: tally, at: 0s, for: 50s }]\n");
  REQUIRE(report);
  CHECK(std::chrono::steady_clock::now() - begin < 20s);
  CHECK(report->exit_code == ExitCode::interrupted);
  CHECK(verdict_of(*report) == "valid");
  const auto lines = read_json_lines(stage.directory->file("faults.jsonl"));
  REQUIRE(lines);
  REQUIRE(lines->size() == 1);
  CHECK_FALSE(member_of(lines->at(0), "healed")->is_nil());
}

TEST_CASE("runner: interrupted while it waits for the store") {
  RunStage stage;
  stage.store->unready = true;
  stage.on_progress = [&](const Progress& progress, fakes::FakeCluster&) {
    if (progress.phase == "starting") stage.interrupts = 1;
  };
  const auto report = stage.run();
  REQUIRE(report);
  CHECK(report->exit_code == ExitCode::interrupted);
}

TEST_CASE("runner: interrupted twice, it heals and leaves the checks out") {
  RunStage stage;
  stage.store->loses_writes = true;
  stage.on_progress = [&](const Progress& progress, fakes::FakeCluster&) {
    if (progress.phase == "load") stage.interrupts = 2;
  };
  const auto report = stage.run("expect: invalid\n");
  REQUIRE(report);
  CHECK(report->exit_code == ExitCode::interrupted);
  CHECK(*member_of(Value(report->results), "reason") == Value("interrupted"));
}

TEST_CASE("runner: interrupted while it checks, it does not wait for the check") {
  RunStage stage;
  stage.on_progress = [&](const Progress& progress, fakes::FakeCluster&) {
    if (progress.phase == "checking") stage.interrupts = 2;
  };
  const auto report = stage.run("checks: [endless]\n");
  REQUIRE(report);
  CHECK(report->exit_code == ExitCode::interrupted);
  CHECK(*member_of(Value(report->results), "reason") == Value("stopped"));
}

TEST_CASE("runner: a check that does not end in its time is unknown") {
  RunStage stage;
  const auto report = stage.run("checks: [endless]\nbudget: { time: 30ms }\n");
  REQUIRE(report);
  CHECK(report->exit_code == ExitCode::unknown);
  CHECK(report->text.find("unknown (stopped): endless: told to stop") == 0);
}

TEST_CASE("runner: a host that changed is a warning that names what changed") {
  RunStage stage;
  stage.host = {{"routes", "b"}};
  const auto report = stage.run();
  REQUIRE(report);
  CHECK(report->text.find("warning: routes of this host changed") != std::string::npos);
  CHECK(report->exit_code == ExitCode::valid);
}

TEST_CASE("runner: a history that cannot be kept ends the run, and says why") {
  RunStage stage;
  stage.on_progress = [&](const Progress& progress, fakes::FakeCluster&) {
    if (progress.phase == "load") std::filesystem::remove(stage.directory->file("history.jsonl"));
  };
  const auto report = stage.run("time: 30s\n");
  REQUIRE(report);
  CHECK(report->exit_code == ExitCode::internal);
  CHECK(report->text.find("the history cannot be recorded") != std::string::npos);
}

TEST_CASE("runner: a store that answers nothing to writes still ends in time") {
  RunStage stage;
  stage.store->hangs_writes = true;
  const auto report = stage.run();
  REQUIRE(report);
  const auto loaded = load_history(stage.directory->path());
  REQUIRE(loaded);
  std::uint32_t last = 0;
  for (const std::uint32_t process : loaded->history.process()) last = std::max(last, process);
  CHECK(last > 3);  // processes were retired
}

TEST_CASE("runner: clients on machines of their own: all that workers and final requests ask") {
  RunStage stage;
  const auto report = stage.run("clients: { separate: 2 }\ntime: 500ms\n");
  REQUIRE_MESSAGE(report, report.error().what);
  INFO(report->text);
  CHECK(report->exit_code == ExitCode::valid);
  // A connection for each worker, and one for each final asker, over there.
  CHECK(stage.store->connections == 6);
  CHECK(*member_of(stage.file("results.json"), "operations")->integer() > 0);
}

TEST_CASE("runner: a client machine that ends is our failure, and no finding about the store") {
  RunStage stage;
  stage.on_progress = [](const Progress& progress, fakes::FakeCluster& cluster) {
    if (progress.phase == "load" && cluster.running(4)) cluster.die(4, "signal 9 (Killed)");
  };
  const auto report = stage.run("clients: { separate: 2 }\ntime: 60s\n");
  REQUIRE_MESSAGE(report, report.error().what);
  INFO(report->text);
  CHECK(report->exit_code == ExitCode::internal);
  CHECK(report->text.find("client machine c2 ended by itself: signal 9 (Killed)") !=
        std::string::npos);
  const Value results = stage.file("results.json");
  for (const Value& check : *member_of(results, "checks")->list())
    CHECK(*member_of(check, "verdict")->text() != "invalid");
  std::ifstream nodes(stage.directory->file("nodes.jsonl"));
  for (std::string line; std::getline(nodes, line);)
    CHECK(line.find("\"c2\"") == std::string::npos);
}
