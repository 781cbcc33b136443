// `faultline run` as its users run it: the real binary, real nodes, real faults, one config each.
#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

#include "harness/io/json.h"
#include "harness/io/load.h"
#include "harness/io/run_dir.h"
#include "harness/os/child.h"
#include "tests/system/fixture.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const Value* member(const Value& value, std::string_view key) {
  if (value.map() == nullptr) return nullptr;
  for (const auto& [name, inner] : *value.map())
    if (name == key) return &inner;
  return nullptr;
}

/// Processes that name `path` on their command line: a store's --data lies below its run directory.
std::size_t processes_below(const fs::path& path) {
  std::size_t count = 0;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const std::string command = system_test::read_file(entry.path() / "cmdline");
    if (command.find(path.string()) != std::string::npos) ++count;
  }
  return count;
}

struct Stage {
  system_test::Folder folder;
  fs::path program = FAULTLINE_BINARY_DIR "/faultline";

  /// Runs CONFIG with --json; `deadline` is when it gets a SIGINT.
  ChildResult run(const std::string& config, const std::vector<std::string>& more = {},
                  std::chrono::nanoseconds deadline = 5min) {
    const fs::path file = folder.path() / "test.yaml";
    std::ofstream(file) << config;
    ChildOptions options;
    options.argv = {
        program.string(), "run", file.string(), "--runs-dir", (folder.path() / "runs").string(),
        "--json"};
    options.argv.insert(options.argv.end(), more.begin(), more.end());
    options.stderr_file = folder.path() / "stderr";
    options.deadline = deadline;
    auto result = run_child(options);
    REQUIRE_MESSAGE(result, (result ? "" : result.error().what));
    return *std::move(result);
  }
  std::string errors() const { return system_test::read_file(folder.path() / "stderr"); }
};

/// The document on stdout.
Value document(const ChildResult& result) {
  auto value = parse_json(result.output);
  REQUIRE_MESSAGE(value, result.output);
  return *std::move(value);
}

Value document_in(const fs::path& path) {
  auto value = parse_json(system_test::read_file(path));
  REQUIRE_MESSAGE(value, path.string());
  return *std::move(value);
}

std::string text(const Value& value, std::string_view key) {
  const Value* found = member(value, key);
  return found != nullptr && found->text() != nullptr ? *found->text() : "";
}

const std::string quorum =
    "name: system\n"
    "target: { name: refkv, nodes: 3, mode: quorum }\n"
    "workload: { name: register, keys: 5, concurrency: 6, rate: 300/s }\n"
    "time: 4s\n"
    "seed: 5\n";

TEST_CASE("run: a right store under faults is valid, and its directory tells the whole story") {
  Stage stage;
  const ChildResult result =
      stage.run(quorum +
                "faults:\n"
                "  - { fault: partition, kind: isolate-one, every: 2s, for: 700ms }\n"
                "  - { fault: kill, victims: one, every: 2s, for: 500ms }\n"
                "  - { fault: pause, victims: one, every: 2s, for: 500ms }\n"
                "expect: valid\n");
  INFO(stage.errors());
  CHECK(result.exit_code == 0);
  const Value results = document(result);
  CHECK(text(results, "verdict") == "valid");
  for (const char* fault : {"partition", "kill", "pause"}) {
    const Value* tally = member(*member(results, "faults"), fault);
    REQUIRE(tally != nullptr);
    CHECK(*member(*tally, "effective")->integer() > 0);
  }
  CHECK(*member(*member(results, "recovery"), "recovered") == Value(true));

  const fs::path directory = text(results, "directory");
  for (const char* name :
       {"config.yaml", "meta.json", "schedule.json", "history.jsonl", "faults.jsonl", "nodes.jsonl",
        "results.json", "nodes/n1/log/stdout.log", "nodes/n3/log/stderr.log"})
    CHECK_MESSAGE(fs::exists(directory / name), name);
  CHECK_FALSE(fs::exists(directory / "nodes/n1/data"));
  CHECK(fs::equivalent(directory.parent_path() / "latest", directory));
  const Value meta = document_in(directory / "meta.json");
  CHECK(text(*member(meta, "store"), "sha256").size() == 64);
  CHECK(member(meta, "host_changed")->list()->empty());
  CHECK(text(meta, "command").ends_with("--json --seed 5"));
  CHECK_FALSE(text(meta, "version").empty());
  const auto loaded = load_history(directory);
  REQUIRE(loaded);
  CHECK(loaded->warnings.empty());
  CHECK(loaded->history.size() > 300);
  CHECK(processes_below(directory) == 0);

  // What it wrote down as its configuration makes the same plan.
  Stage again;
  const ChildResult repeated = again.run(system_test::read_file(directory / "config.yaml"));
  INFO(again.errors());
  CHECK(repeated.exit_code == 0);
  const fs::path other = text(document(repeated), "directory");
  CHECK(system_test::read_file(other / "schedule.json") ==
        system_test::read_file(directory / "schedule.json"));
  CHECK(system_test::read_file(other / "config.yaml") ==
        system_test::read_file(directory / "config.yaml"));
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
  const ChildResult found = stage.run(broken);
  INFO(stage.errors());
  CHECK(found.exit_code == 1);
  const Value results = document(found);
  CHECK(text(results, "verdict") == "invalid");
  CHECK(fs::exists(fs::path(text(results, "directory")) / "nodes/n1/data"));
  CHECK_FALSE(text(member(results, "checks")->list()->at(0), "explanation").empty());

  const ChildResult expected = stage.run(broken + "expect: invalid\n");
  CHECK(expected.exit_code == 0);
  CHECK(text(document(expected), "verdict") == "invalid");
}

TEST_CASE("run: a configuration that is none is exit 64, with its place") {
  Stage stage;
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
  // What stands beside the program under the store's name is no store: it ends at once.
  const fs::path bin = stage.folder.path() / "bin";
  fs::create_directory(bin);
  fs::copy_file(FAULTLINE_BINARY_DIR "/faultline", bin / "faultline");
  fs::copy_file("/bin/false", bin / "refkv");
  stage.program = bin / "faultline";
  const ChildResult result = stage.run(quorum);
  INFO(stage.errors());
  CHECK(result.exit_code == 5);
  CHECK(stage.errors().find("n1 ended while it started: exit status 1") != std::string::npos);
  CHECK(text(document_in(stage.folder.path() / "runs/system/latest/results.json"), "verdict") ==
        "error");
}

TEST_CASE("run: SIGINT heals, checks what there is, exits 130 and leaves nothing") {
  Stage stage;
  const ChildResult result =
      stage.run(quorum + "faults: [{ fault: pause, victims: one, at: 0s, for: 100s }]\n",
                {"--time", "120s"}, 6s);
  INFO(stage.errors());
  CHECK(result.timed_out);  // the SIGINT
  CHECK(result.exit_code == 130);
  CHECK(result.seconds < 60);
  const Value results = document(result);
  CHECK(*member(results, "interrupted") == Value(true));
  const fs::path directory = text(results, "directory");
  CHECK(fs::exists(directory / "results.json"));
  const auto faults = read_json_lines(directory / "faults.jsonl");
  REQUIRE(faults);
  REQUIRE(faults->size() == 1);
  CHECK_FALSE(member(faults->at(0), "healed")->is_nil());
  CHECK(processes_below(directory) == 0);
}

}  // namespace
}  // namespace faultline
