#include "harness/run/replay.h"

#include <csignal>
#include <fstream>

#include <doctest/doctest.h>

#include "harness/io/document.h"
#include "harness/io/json.h"
#include "harness/io/run_dir.h"
#include "harness/run/injector.h"
#include "harness/run/runner.h"
#include "harness/run/yaml.h"
#include "tests/fakes.h"
#include "tests/io/temporary_folder.h"
#include "tests/run/components.h"
#include "tests/usage_error.h"

using namespace faultline;
using namespace faultline::run_fakes;
using namespace std::chrono_literals;

namespace {

namespace fs = std::filesystem;

/// Two entries: 0 strikes the leader, 1 anybody.
std::string config(const std::string& role = "at: 5ms, every: 20ms, for: 10ms",
                   const std::string& time = "60ms") {
  return "name: recorded\n"
         "target: { name: memory, nodes: 3 }\n"
         "workload: { name: registers, cas: false, concurrency: 3, rate: 5000/s }\n"
         "faults:\n"
         "  - { fault: tally, victims: leader, " +
         role +
         " }\n"
         "  - { fault: tally, victims: one, at: 10ms, every: 15ms, for: 8ms }\n"
         "time: " +
         time + "\nseed: 3\n";
}

/// Carries `plan` out on fakes; the run's directory.
fs::path carry_out(Plan& plan, const fs::path& runs, const std::vector<std::size_t>& leaders) {
  Components::store()->leaders = leaders;
  const auto directory = RunDir::create(runs, plan.name, plan.seed);
  REQUIRE(directory);
  std::atomic<int> interrupts{0};
  const RunEnvironment environment{
      [](const ClusterOptions& options) -> Result<std::unique_ptr<Cluster>> {
        auto cluster = std::make_unique<fakes::FakeCluster>(options.nodes, options.clients.size());
        for (std::size_t i = 0; i < options.nodes; ++i) REQUIRE(cluster->signal(i, SIGKILL));
        return std::unique_ptr<Cluster>(std::move(cluster));
      },
      interrupts,
      [](const Progress&) {},
      [] { return Map{}; },
      {{"version", "0"}}};
  const auto report = run_test(plan, *directory, environment);
  REQUIRE_MESSAGE(report, (report ? "" : report.error().what));
  return directory->path();
}

Replay replay_of(const fs::path& run, const ReplayOptions& options = {}) {
  auto replay = plan_replay(run, options, Components::catalogues());
  REQUIRE_MESSAGE(replay, (replay ? "" : replay.error().what));
  return *std::move(replay);
}

std::string text_of(const fs::path& file) {
  const auto text = read_file(file);
  REQUIRE(text);
  return *text;
}

/// What a replay repeats of every line of faults.jsonl, by id.
std::map<std::int64_t, std::string> struck(const fs::path& run) {
  const auto lines = read_json_lines(run / "faults.jsonl");
  REQUIRE(lines);
  std::map<std::int64_t, std::string> all;
  for (const Value& line : *lines) {
    std::string& text = all[*integer_in(line, "id")];
    for (const char* key : {"fault", "kind", "entry", "planned", "victims"})
      text += to_text(*member_of(line, key)) + " ";
  }
  return all;
}

/// The lines of faults.jsonl as a run of `plan` would write them, on a clock that nothing can hold
/// up.
std::vector<Value> record(const Plan& plan, const std::vector<PlannedFault>& schedule,
                          const std::vector<std::size_t>& leaders) {
  fakes::FakeCluster cluster(plan.nodes, plan.client_machines);
  Levers levers(cluster);
  Nanoseconds now{};
  Injector injector({plan.faults, schedule, levers, Rng(plan.seed).fork("faults"),
                     [&] { return now; }, [](const Value&) {},
                     [&](int, Nanoseconds) {
                       std::promise<std::vector<std::size_t>> promise;
                       promise.set_value(leaders);
                       return promise.get_future();
                     }});
  for (auto due = injector.step(); due; due = injector.step()) now = std::max(now, *due);
  return injector.lines();
}

/// A recorded run.
struct RecordedRun {
  TemporaryFolder folder;
  fs::path run;

  explicit RecordedRun(const std::vector<std::size_t>& leaders = {1},
                       const std::string& text = config()) {
    Components::store() = std::make_shared<Store>();
    const auto root = parse_config(text, "a.yaml");
    REQUIRE(root);
    const auto plan = make_plan(*root, Components::catalogues(), {"test", 1});
    REQUIRE_MESSAGE(plan, (plan ? "" : plan.error().what));
    const auto directory = RunDir::create(folder / "runs", plan->name, plan->seed);
    REQUIRE(directory);
    run = directory->path();
    const auto schedule =
        plan_schedule(plan->timings(), plan->time, Rng(plan->seed).fork("schedule"));
    write("config.yaml", to_yaml(plan->resolved));
    write("schedule.json", to_json_pretty(schedule_value(plan->faults, schedule)));
    std::string lines;
    for (const Value& line : record(*plan, schedule, leaders)) lines += to_json(line) + "\n";
    write("faults.jsonl", lines);
    write("results.json", "{}");
    write("meta.json", "{}");
  }
  void write(const char* name, const std::string& text) const { std::ofstream(run / name) << text; }
  /// Replaces the first `from` in a file.
  void edit(const char* name, const std::string& from, const std::string& to) const {
    std::string text = text_of(run / name);
    const std::size_t at = text.find(from);
    REQUIRE_MESSAGE(at != std::string::npos, text);
    write(name, text.replace(at, from.size(), to));
  }
  std::string refused(const ReplayOptions& options = {}) const {
    return usage_error(plan_replay(run, options, Components::catalogues()));
  }
};

bool contains(const std::string& text, const std::string& part) {
  const bool found = text.find(part) != std::string::npos;
  CHECK_MESSAGE(found, text);
  return found;
}

}  // namespace

TEST_CASE("replay: the same faults, at the same planned times, on the nodes that were struck") {
  RecordedRun stage({1});
  Replay replay = replay_of(stage.run);
  CHECK(replay.of == fs::canonical(stage.run));
  CHECK(replay.notes.empty());
  // Somebody else leads now; a replay that asked again would strike n3.
  const fs::path again = carry_out(replay.plan, stage.folder / "again", {2});
  CHECK(struck(again) == struck(stage.run));
  CHECK(struck(again).size() > 4);
  CHECK(text_of(again / "schedule.json") == text_of(stage.run / "schedule.json"));
  CHECK(text_of(again / "config.yaml") == text_of(stage.run / "config.yaml"));
  // A replay is a run, and can be replayed.
  Replay third = replay_of(again);
  CHECK(struck(carry_out(third.plan, stage.folder / "third", {0})) == struck(stage.run));
}

TEST_CASE("replay: what a stalled run struck in its last round is struck again") {
  const RecordedRun stage({1});
  // The last of the leader's strikes came long after the load's 60 ms.
  stage.edit("faults.jsonl", "\"applied\":0.045012,", "\"applied\":3600.5,");
  Replay replay = replay_of(stage.run);
  const fs::path again = carry_out(replay.plan, stage.folder / "again", {2});
  CHECK(struck(again) == struck(stage.run));
}

TEST_CASE("replay: a fault of client machines strikes those that were struck, and no others") {
  const std::string text =
      "name: recorded\n"
      "target: { name: memory, nodes: 3 }\n"
      "workload: { name: registers, concurrency: 3 }\n"
      "clients: { separate: 3 }\n"
      "faults: [{ fault: stall, victims: one, at: 10ms, for: 8ms }]\n"
      "time: 60ms\nseed: 3\n";
  RecordedRun stage({}, text);
  const Replay replay = replay_of(stage.run);
  const auto strikes = replay.plan.recording->strikes;
  REQUIRE(strikes.size() == 1);
  const std::size_t victim = strikes.at(1).victims.at(0);
  CHECK(victim >= 3);
  const std::string name = "c" + std::to_string(victim - 2);
  CHECK(contains(text_of(stage.run / "faults.jsonl"), "[\"" + name + "\"]"));
  stage.edit("faults.jsonl", "\"" + name + "\"", "\"n1\"");
  CHECK(contains(stage.refused(), "n1 is no client machine"));
  stage.edit("faults.jsonl", "\"n1\"", "\"c4\"");
  CHECK(contains(stage.refused(), "expected nodes of n1 to c3"));
  CHECK(contains(stage.refused({false, {"clients=in-process"}}), "a replay takes the clients"));
}

TEST_CASE("replay: as planned, a role is found out again, and the rest is as recorded") {
  // Time enough for whoever leads to be asked on a crowded machine.
  RecordedRun stage({1}, config("at: 5ms, for: 400ms", "450ms"));
  Replay replay = replay_of(stage.run, {true, {}});
  const fs::path again = carry_out(replay.plan, stage.folder / "again", {2});
  const auto before = struck(stage.run), after = struck(again);
  REQUIRE(before.size() == after.size());
  std::size_t roles = 0;
  for (const auto& [id, was] : before) {
    const bool role = was.find("\"count\" 0 ") != std::string::npos;
    roles += role ? 1 : 0;
    CHECK((after.at(id) == was) == !role);
    if (role) CHECK(contains(after.at(id), "[\"n3\"]"));
  }
  CHECK(roles == 1);
}

TEST_CASE("replay: what was given up is given up again, although a leader is known now") {
  RecordedRun stage(std::vector<std::size_t>{});
  Replay replay = replay_of(stage.run);
  const fs::path again = carry_out(replay.plan, stage.folder / "again", {2});
  CHECK(struck(again) == struck(stage.run));
  std::size_t given_up = 0;
  for (const auto& [id, text] : struck(again)) given_up += text.ends_with("[] ") ? 1 : 0;
  CHECK(given_up > 1);
}

TEST_CASE("replay: a run that was killed is replayed as far as it was written down") {
  RecordedRun stage({1});
  SUBCASE("killed in the middle of a line") {
    const auto lines = read_json_lines(stage.run / "faults.jsonl");
    REQUIRE(lines);
    stage.write("faults.jsonl", to_json(lines->front()) + "\n{\"fault\":\"tal");
    fs::remove(stage.run / "results.json");
    fs::remove(stage.run / "meta.json");
    const Replay replay = replay_of(stage.run);
    CHECK(replay.plan.recording->strikes.size() == 1);
    REQUIRE(replay.notes.size() == 1);
    CHECK(contains(replay.notes.front(), "of them strike a role, whose nodes are found out again"));
  }
  SUBCASE("before the first fault") {
    fs::remove(stage.run / "faults.jsonl");
    const Replay replay = replay_of(stage.run);
    CHECK(replay.plan.recording->strikes.empty());
    CHECK_FALSE(replay.plan.recording->schedule.empty());
    CHECK(replay.notes.size() == 1);
    CHECK(replay_of(stage.run, {true, {}}).notes.empty());
  }
  SUBCASE("interrupted: what was not reached is no decision to give it up") {
    stage.write("faults.jsonl",
                R"({"fault":"tally","kind":"count","id":1,"entry":0,"victims":[],"planned":0.005,)"
                R"("applied":null,"healed":null,"effective":false,"reason":"x","reached":false})"
                "\n");
    CHECK(replay_of(stage.run).plan.recording->strikes.empty());
  }
}

TEST_CASE("replay: the strike of a role comes when it came, not while nobody led") {
  RecordedRun stage({1});
  const auto lines = read_json_lines(stage.run / "faults.jsonl");
  REQUIRE(lines);
  const Value* applied = member_of(lines->front(), "applied");
  REQUIRE(integer_in(lines->front(), "id") == 1);
  stage.edit("faults.jsonl", "\"applied\":" + to_json(*applied), "\"applied\":0.013");
  const Replay replay = replay_of(stage.run);
  CHECK(replay.plan.recording->strikes.at(1).applied == 13ms);
  CHECK(replay.plan.recording->schedule.front().start == 5ms);
}

TEST_CASE("replay: only what it does not repeat may be set") {
  RecordedRun stage;
  CHECK(replay_of(stage.run, {false, {"expect=valid", "name=other"}}).plan.name == "other");
  CHECK(replay_of(stage.run, {false, {"target.mode=x"}}).plan.nodes == 3);
  for (const char* setting :
       {"seed=4", "time=1s", "workload.rate=1/s", "faults.0.for=1ms", "target.nodes=5",
        "target={name: memory}", "workload={}", "phases.0.steady=1s"}) {
    CAPTURE(setting);
    CHECK(contains(stage.refused({false, {setting}}), "from the recorded run"));
  }
  CHECK(contains(stage.refused({false, {"thresholds.x=1"}}), "x"));
}

TEST_CASE("replay: what is missing or malformed is said, with its file") {
  RecordedRun stage;
  SUBCASE("no such run") {
    const auto replay = plan_replay(stage.folder / "none", {}, Components::catalogues());
    REQUIRE_FALSE(replay);
    CHECK(contains(replay.error().what, "there is no such run"));
    CHECK(replay.error().kind == ErrorKind::usage);
  }
  SUBCASE("a file") {
    const auto replay = plan_replay(stage.run / "config.yaml", {}, Components::catalogues());
    REQUIRE_FALSE(replay);
    CHECK(contains(replay.error().what, "found a file"));
  }
  SUBCASE("the folder above") {
    const auto replay = plan_replay(stage.run.parent_path(), {}, Components::catalogues());
    REQUIRE_FALSE(replay);
    CHECK(contains(replay.error().what, "did you mean"));
    CHECK(replay_of(stage.run.parent_path() / "latest").of == fs::canonical(stage.run));
  }
  SUBCASE("no schedule") {
    fs::remove(stage.run / "schedule.json");
    CHECK(contains(stage.refused(), "has no schedule.json"));
  }
  SUBCASE("no configuration") {
    fs::remove(stage.run / "config.yaml");
    CHECK(contains(stage.refused(), "has no config.yaml"));
  }
  SUBCASE("no seed") {
    stage.edit("config.yaml", "seed: 3\n", "");
    CHECK(contains(stage.refused(), "config.yaml: the seed is missing"));
  }
  SUBCASE("torn schedule") {
    stage.write("schedule.json", text_of(stage.run / "schedule.json").substr(0, 100));
    CHECK(contains(stage.refused(), "schedule.json: line"));
  }
  SUBCASE("no schedule of ours") {
    for (const char* text : {"[]", "{}", R"({"schema":"faultline.schedule/2","faults":[]})",
                             R"({"schema":"faultline.schedule/1","faults":{}})"}) {
      stage.write("schedule.json", text);
      CHECK(contains(stage.refused(), "schedule.json: expected "));
    }
  }
  SUBCASE("a schedule of another configuration") {
    stage.edit("schedule.json", "\"kind\": \"count\"", "\"kind\": \"other\"");
    CHECK(contains(stage.refused(), "fault 1: kind differs from config.yaml's \"count\""));
  }
  SUBCASE("a fault that config.yaml does not have") {
    stage.edit("schedule.json", "\"fault\": \"tally\"", "\"fault\": \"kill\"");
    CHECK(contains(stage.refused(), "it is a \"kill\", but config.yaml says tally"));
  }
  SUBCASE("times") {
    for (const char* planned : {"-1", "\"soon\"", "1e300", "0.02"}) {
      CAPTURE(planned);
      RecordedRun fresh;
      fresh.edit("schedule.json", "\"planned\": 0.005", std::string("\"planned\": ") + planned);
      CHECK(contains(fresh.refused(), "fault 1: expected id, entry, and planned before until"));
    }
    stage.edit("schedule.json", "\"until\": 0.015", "\"until\": 0.9");
    CHECK(contains(stage.refused(), "it ends after the load, which lasts 60ms"));
  }
  SUBCASE("numbers") {
    for (const char* entry : {"2", "-1", "1.5", "99999999999"}) {
      CAPTURE(entry);
      RecordedRun fresh;
      fresh.edit("schedule.json", "\"entry\": 0", std::string("\"entry\": ") + entry);
      fresh.refused();
    }
    stage.edit("schedule.json", "\"id\": 2", "\"id\": 1");
    CHECK(contains(stage.refused(), "there are two of id 1"));
  }
  SUBCASE("a line of faults.jsonl that is none") {
    stage.write("faults.jsonl", "{}\n");
    CHECK(contains(stage.refused(), "faults.jsonl:1: expected the id of a fault"));
    stage.write("faults.jsonl", "nonsense\n{}\n");
    CHECK(contains(stage.refused(), "faults.jsonl:1: "));
  }
  SUBCASE("victims that are none") {
    for (const char* victims : {"[\"n4\"]", "[]", "[1]", "\"n1\"", "null"}) {
      CAPTURE(victims);
      RecordedRun fresh({1});
      fresh.edit("faults.jsonl", "\"victims\":[\"n2\"]", std::string("\"victims\":") + victims);
      CHECK(contains(fresh.refused(), "victims: expected"));
    }
  }
  SUBCASE("the same twice") {
    const std::string text = text_of(stage.run / "faults.jsonl");
    stage.write("faults.jsonl", text + text);
    CHECK(contains(stage.refused(), "is there already"));
  }
}

TEST_CASE("replay: what made the recording and what replays it") {
  TemporaryFolder folder;
  const auto meta = [](const char* version, const char* sha) {
    return Value(Map{{"version", version},
                     {"commit", "c"},
                     {"store", Map{{"name", "etcd"}, {"version", "3.5"}, {"sha256", sha}}}});
  };
  const auto recorded = [&](const std::string& text) {
    std::ofstream(folder / "meta.json") << text;
    return version_differences(folder.path(), meta("1", "a"));
  };
  CHECK(recorded(to_json(meta("1", "a"))).empty());
  CHECK(recorded(to_json(meta("2", "b"))) ==
        std::vector<std::string>{"faultline 2 (commit c) made the recording, this is 1 (commit c)",
                                 "the store's sha256 was b and is a"});
  CHECK(recorded("{}").size() == 4);
  for (const char* text : {"", "{", "[1]"}) CHECK_FALSE(recorded(text).empty());
  std::filesystem::remove(folder / "meta.json");
  const auto missing = version_differences(folder.path(), meta("1", "a"));
  REQUIRE(missing.size() == 1);
  CHECK(contains(missing.front(), "cannot be read"));
}
