// The shape of the load and what the stores log, as users see them: the real binary against refkv.
#include "harness/io/load.h"

#include <filesystem>
#include <fstream>

#include "tests/system/stage.h"

namespace faultline::system_test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

std::int64_t integer(const Value& value, std::string_view key) {
  const Value* found = member_of(value, key);
  REQUIRE_MESSAGE((found != nullptr && found->integer() != nullptr), std::string(key));
  return *found->integer();
}

TEST_CASE("load: an open loop in phases, with readers of its own, against a real store") {
  Stage stage;
  stage.output = {"--json"};
  const ChildResult result = stage.run(
      "name: open\n"
      "target: { name: refkv, nodes: 3, mode: quorum }\n"
      "workload:\n"
      "  { name: register, keys: 10, load: open, rate: 200/s, concurrency: 24,\n"
      "    roles: [{ processes: 6, mix: { read: 1 } }] }\n"
      "phases: [{ ramp: 1s }, { steady: 2s }, { quiet: 1s }, { steady: 1s, rate: 100/s }]\n"
      "faults: [{ fault: kill, victims: one, at: 1s, for: 500ms }]\n"
      "logs: { forbid: \"panic|journal\", require: \"n2 serves in mode quorum\" }\n"
      "startup: { within: 60s }\n"
      "recovery: { within: 60s }\n"
      "seed: 11\n"
      "expect: valid\n");
  INFO(stage.errors());
  CHECK(result.exit_code == 0);
  const Value results = parsed(result.output);
  const Value& load = *member_of(results, "load");
  CHECK(integer(load, "scheduled") == integer(load, "sent") + integer(load, "dropped"));
  const List& phases = *member_of(results, "phases")->list();
  REQUIRE(phases.size() == 4);
  // About 100, 400, 0 and 100, give or take what chance does to a Poisson process.
  CHECK(std::abs(integer(phases[0], "scheduled") - 100) < 60);
  CHECK(std::abs(integer(phases[1], "scheduled") - 400) < 120);
  CHECK(integer(phases[2], "scheduled") == 0);
  CHECK(integer(phases[3], "scheduled") > 0);
  CHECK(integer(phases[3], "scheduled") < 160);

  const fs::path directory = *member_of(results, "directory")->text();
  const auto loaded = load_history(directory);
  REQUIRE(loaded);
  const History& history = loaded->history;
  bool read = false, wrote = false;
  // Process ids go up in steps of the number of workers, so that each tells its worker.
  const std::int64_t load_end = std::int64_t{5} * 1'000'000'000;
  for (OperationId id = 0; id < history.size(); ++id) {
    if (history.begin_time()[id] >= load_end) continue;  // the final reads
    const bool reader = history.process()[id] % 24 < 6;
    if (reader) CHECK(history.function()[id] == Function::read);
    read = read || reader;
    wrote = wrote || history.function()[id] == Function::write;
  }
  CHECK(read);
  CHECK(wrote);

  // Judged again from the files, the logs too; and by a rule that they break.
  const ChildResult again = stage.faultline({"check", "--json", directory.string()});
  CHECK(again.exit_code == 0);
  CHECK(again.output.find("\"name\":\"logs\"") != std::string::npos);
  std::string config = read_file(directory / "config.yaml");
  const std::size_t at = config.find("panic|journal");
  REQUIRE(at != std::string::npos);
  std::ofstream(directory / "config.yaml") << config.replace(at, 13, "n3 serves");
  const ChildResult broken = stage.faultline({"check", directory.string()});
  CHECK(broken.exit_code == 1);
  CHECK(broken.output.find("n3 stdout.log:1: refkv: n3 serves in mode quorum") !=
        std::string::npos);
}

TEST_CASE("load: a store that stalls loses scheduled requests, and the results say so") {
  Stage stage;
  stage.output = {"--json"};
  const ChildResult result = stage.run(
      "name: stall\n"
      "target: { name: refkv, nodes: 3, mode: quorum }\n"
      "workload: { name: register, load: open, arrivals: constant, rate: 200/s,\n"
      "            concurrency: 6, timeout: 300ms }\n"
      "faults: [{ fault: pause, victims: all, at: 1s, for: 2s }]\n"
      "time: 4s\n"
      "startup: { within: 60s }\n"
      "recovery: { within: 60s }\n"
      "seed: 11\n");
  INFO(stage.errors());
  const Value results = parsed(result.output);
  const Value& load = *member_of(results, "load");
  // Six workers wait 300 ms each for nobody: about 40 of the 400 that fall into the pause leave.
  CHECK(integer(load, "dropped") > 100);
  CHECK(*member_of(load, "bottleneck") == Value("workers"));
  CHECK(stage.errors().find("workers were busy when") != std::string::npos);
  CHECK(member_of(load, "warning")->text()->find("never sent") != std::string::npos);
}

}  // namespace
}  // namespace faultline::system_test
