// `faultline run` as its users run it: the real binary, real nodes, real faults, one config each.
#include <filesystem>

#include "harness/io/load.h"
#include "harness/io/run_dir.h"
#include "tests/system/stage.h"

namespace faultline::system_test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// Processes that name `path` on their command line: a store's --data lies below its run directory.
std::size_t processes_below(const fs::path& path) {
  std::size_t count = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const std::string command = read_file(entry.path() / "cmdline");
    if (command.find(path.string()) != std::string::npos) ++count;
  }
  return count;
}

Value document_in(const fs::path& path) { return parsed(read_file(path)); }

const std::string quorum =
    "name: system\n"
    "target: { name: refkv, nodes: 3, mode: quorum }\n"
    "workload: { name: register, keys: 5, concurrency: 6, rate: 300/s }\n"
    "time: 4s\n"
    "seed: 5\n";

TEST_CASE("run: a right store under faults is valid, and its directory tells the whole story") {
  Stage stage;
  stage.output = {"--json"};
  const ChildResult result =
      stage.run(quorum +
                "faults:\n"
                "  - { fault: partition, kind: isolate-one, every: 2s, for: 700ms }\n"
                "  - { fault: kill, victims: one, every: 2s, for: 500ms }\n"
                "  - { fault: pause, victims: one, every: 2s, for: 500ms }\n"
                "expect: valid\n");
  INFO(stage.errors());
  CHECK(result.exit_code == 0);
  const Value results = parsed(result.output);
  CHECK(text_in(results, "verdict") == "valid");
  for (const char* fault : {"partition", "kill", "pause"}) {
    const Value* tally = member_of(*member_of(results, "faults"), fault);
    REQUIRE(tally != nullptr);
    CHECK(*member_of(*tally, "effective")->integer() > 0);
  }
  CHECK(*member_of(*member_of(results, "recovery"), "recovered") == Value(true));

  const fs::path directory = text_in(results, "directory");
  for (const char* name :
       {"config.yaml", "meta.json", "schedule.json", "history.jsonl", "faults.jsonl", "nodes.jsonl",
        "results.json", "nodes/n1/log/stdout.log", "nodes/n3/log/stderr.log"})
    CHECK_MESSAGE(fs::exists(directory / name), name);
  CHECK_FALSE(fs::exists(directory / "nodes/n1/data"));
  CHECK(fs::equivalent(directory.parent_path() / "latest", directory));
  const Value meta = document_in(directory / "meta.json");
  CHECK(text_in(*member_of(meta, "store"), "sha256").size() == 64);
  CHECK(member_of(meta, "host_changed")->list()->empty());
  CHECK(text_in(meta, "command").ends_with("--json --seed 5"));
  CHECK_FALSE(text_in(meta, "version").empty());
  const auto loaded = load_history(directory);
  REQUIRE(loaded);
  CHECK(loaded->warnings.empty());
  CHECK(loaded->history.size() > 300);
  CHECK(processes_below(directory) == 0);

  // What it wrote down as its configuration makes the same plan.
  Stage again;
  again.output = {"--json"};
  const ChildResult repeated = again.run(read_file(directory / "config.yaml"));
  INFO(again.errors());
  CHECK(repeated.exit_code == 0);
  const fs::path other = text_in(parsed(repeated.output), "directory");
  CHECK(read_file(other / "schedule.json") == read_file(directory / "schedule.json"));
  CHECK(read_file(other / "config.yaml") == read_file(directory / "config.yaml"));
}

TEST_CASE("run: a broken store is found out, expected or not, and its data kept") {
  const std::string broken =
      "name: system\n"
      "target: { name: refkv, nodes: 3, mode: multi }\n"
      "workload: { name: register, keys: 2, concurrency: 9, rate: 500/s }\n"
      "faults: [{ fault: partition, kind: isolate-one, every: 2s, for: 1s }]\n"
      "time: 4s\n"
      "seed: 5\n";
  Stage stage;
  stage.output = {"--json"};
  const ChildResult found = stage.run(broken);
  INFO(stage.errors());
  CHECK(found.exit_code == 1);
  const Value results = parsed(found.output);
  CHECK(text_in(results, "verdict") == "invalid");
  CHECK(fs::exists(fs::path(text_in(results, "directory")) / "nodes/n1/data"));
  CHECK_FALSE(text_in(member_of(results, "checks")->list()->at(0), "explanation").empty());

  const ChildResult expected = stage.run(broken + "expect: invalid\n");
  CHECK(expected.exit_code == 0);
  CHECK(text_in(parsed(expected.output), "verdict") == "invalid");
}

TEST_CASE("run: with --fail-fast, write skew ends the load when it is read") {
  Stage stage;
  stage.output = {"--json", "--fail-fast"};
  const ChildResult result = stage.run(
      "name: system\n"
      "target: { name: refkv, nodes: 3, mode: transactions, isolation: snapshot }\n"
      "workload: { name: list-append, keys: 4, concurrency: 10, rate: 500/s }\n"
      // However fast the machine: transactions overlap.
      "network: { places: [[n1, n2, n3, clients]], delays: [[5ms]] }\n"
      "checks: [{ check: list-append, model: serializable }]\n"
      "time: 10m\n"
      "seed: 5\n"
      "expect: invalid\n");
  INFO(stage.errors());
  CHECK(result.exit_code == 0);
  const Value results = parsed(result.output);
  CHECK(text_in(results, "verdict") == "invalid");
  const Value* const ended = member_of(results, "ended_early_ns");
  REQUIRE(ended != nullptr);
  CHECK(*ended->integer() < std::chrono::nanoseconds(10min).count());
  const Value& check = member_of(results, "checks")->list()->at(0);
  CHECK(member_of(*member_of(check, "anomalies"), "G2-item") != nullptr);
}

TEST_CASE("run: a configuration that is none is exit 64, with its place") {
  Stage stage;
  stage.output = {"--json"};
  CHECK(stage.run("target: { name: refkv, nods: 3 }\nworkload: { name: register }\n").exit_code ==
        64);
  CHECK(stage.errors().find("test.yaml:1:24: target: unknown key \"nods\"") != std::string::npos);
  CHECK(stage.errors().find("did you mean \"nodes\"?") != std::string::npos);
  CHECK(stage.run("target: [\n").exit_code == 64);
  CHECK(stage.run(quorum, {"--set", "time=soon"}).exit_code == 64);
  CHECK(stage.run(quorum, {"--set", "workload.mix={cas: 1}"}).exit_code == 64);
  CHECK(stage.run(quorum, {"--no-such-option"}).exit_code == 64);
  CHECK_FALSE(fs::exists(stage.folder.path() / "runs"));
}

TEST_CASE("run: a store that cannot start is exit 5, with its last words") {
  Stage stage;
  stage.output = {"--json"};
  // What stands beside the program under the store's name is no store: it ends at once.
  const fs::path bin = stage.folder.path() / "bin";
  fs::create_directory(bin);
  fs::copy_file(FAULTLINE_BINARY_DIR "/faultline", bin / "faultline");
  fs::copy_file("/bin/false", bin / "refkv");
  stage.program = bin / "faultline";
  const ChildResult result = stage.run(quorum);
  INFO(stage.errors());
  CHECK(result.exit_code == 5);
  // Whichever is seen first.
  CHECK(stage.errors().find(" ended while it started: exit status 1") != std::string::npos);
  CHECK(text_in(document_in(stage.folder.path() / "runs/system/latest/results.json"), "verdict") ==
        "error");
}

TEST_CASE("run: SIGINT heals, checks what there is, exits 130 and leaves nothing") {
  Stage stage;
  stage.output = {"--json"};
  const ChildResult result =
      stage.run(quorum + "faults: [{ fault: pause, victims: one, at: 0s, for: 100s }]\n",
                {"--time", "120s"}, 6s);
  INFO(stage.errors());
  CHECK(result.timed_out);  // the SIGINT
  CHECK(result.exit_code == 130);
  CHECK(result.seconds < 60);
  const Value results = parsed(result.output);
  CHECK(*member_of(results, "interrupted") == Value(true));
  const fs::path directory = text_in(results, "directory");
  CHECK(fs::exists(directory / "results.json"));
  const auto faults = read_json_lines(directory / "faults.jsonl");
  REQUIRE(faults);
  REQUIRE(faults->size() == 1);
  CHECK_FALSE(member_of(faults->at(0), "healed")->is_nil());
  CHECK(processes_below(directory) == 0);
}

}  // namespace
}  // namespace faultline::system_test
