// `faultline replay` and `faultline repro` as their users run them: the real binary, a real store
// with a bug, real faults.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>

#include <doctest/doctest.h>

#include "harness/io/document.h"
#include "harness/io/json.h"
#include "harness/io/run_dir.h"
#include "harness/os/child.h"
#include "tests/system/fixture.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// A store that loses what a partition separates, under every kind of fault.
const std::string broken_config =
    "name: broken\n"
    "target: { name: refkv, nodes: 3, mode: multi }\n"
    "workload: { name: register, keys: 2, concurrency: 6, rate: 300/s }\n"
    "faults:\n"
    "  - { fault: partition, kind: isolate-one, at: 300ms, for: 1s }\n"
    "  - { fault: partition, kind: halves, at: 1500ms, for: 300ms }\n"
    "  - { fault: kill, victims: one, at: 600ms, every: 700ms, for: 300ms }\n"
    "  - { fault: pause, victims: minority, at: 500ms, every: 600ms, for: 200ms }\n"
    "time: 2s\n"
    "seed: 5\n"
    "startup: { within: 60s }\n"
    "recovery: { within: 60s }\n";

struct ReplayStage {
  system_test::Folder folder;

  ChildResult run(std::vector<std::string> words, std::chrono::nanoseconds deadline = 5min) {
    ChildOptions options;
    options.argv = {FAULTLINE_BINARY_DIR "/faultline"};
    options.argv.insert(options.argv.end(), words.begin(), words.end());
    options.argv.insert(options.argv.end(), {"--runs-dir", (folder.path() / "runs").string()});
    options.stderr_file = folder.path() / "stderr";
    options.deadline = deadline;
    auto result = run_child(options);
    REQUIRE_MESSAGE(result, (result ? "" : result.error().what));
    return *std::move(result);
  }
  /// A run of the configuration; its directory.
  fs::path record() {
    std::ofstream(folder.path() / "test.yaml") << broken_config;
    // A machine that stands still for the two seconds of load has nothing to lose in them.
    ChildResult result;
    for (int tries = 0; tries < 3 && result.exit_code != 1; ++tries) {
      fs::remove_all(folder.path() / "runs");
      result = run({"run", (folder.path() / "test.yaml").string(), "--json", "--quiet"});
    }
    INFO(errors());
    CHECK(result.exit_code == 1);
    return directory_of(result);
  }
  static fs::path directory_of(const ChildResult& result) {
    const auto document = parse_json(result.output);
    REQUIRE_MESSAGE(document, result.output);
    return text_in(*document, "directory");
  }
  std::string errors() const { return system_test::read_file(folder.path() / "stderr"); }
};

Value document_in(const fs::path& path) {
  auto value = parse_json(system_test::read_file(path));
  REQUIRE_MESSAGE(value, path.string());
  return *std::move(value);
}

/// What was done, by id: what a replay promises to do again.
std::map<std::int64_t, std::string> applied_faults(const fs::path& run) {
  const auto lines = read_json_lines(run / "faults.jsonl");
  REQUIRE(lines);
  std::map<std::int64_t, std::string> all;
  for (const Value& line : *lines) {
    std::string& text = all[*integer_in(line, "id")];
    for (const char* key : {"fault", "kind", "entry", "planned", "victims"})
      if (const Value* value = member_of(line, key)) text += to_text(*value) + " ";
    if (const Value* cut = member_of(*member_of(line, "evidence"), "cut")) text += to_text(*cut);
  }
  return all;
}

/// What every worker asked for during the load, in order. A worker goes on as a new process after
/// an answer that never came, `workers` further on.
std::map<std::int64_t, std::vector<std::string>> requests(const fs::path& run) {
  constexpr std::int64_t workers = 6;
  const auto load_end = integer_in(*member_of(document_in(run / "meta.json"), "load"), "end_ns");
  REQUIRE(load_end);
  const auto events = read_json_lines(run / "history.jsonl");
  REQUIRE(events);
  std::map<std::int64_t, std::vector<std::string>> all;
  for (const Value& event : *events) {
    if (text_in(event, "type") != "invoke" || *integer_in(event, "time") > *load_end) continue;
    std::string text =
        text_in(event, "node") + " " + text_in(event, "f") + " " + text_in(event, "key");
    // What a compare-and-set expects is what its process saw last: an answer, not a request.
    if (text_in(event, "f") == "write") text += " " + to_text(*member_of(event, "value"));
    all[*integer_in(event, "process") % workers].push_back(std::move(text));
  }
  return all;
}

TEST_CASE("replay: the same faults and the same requests against the real store") {
  ReplayStage stage;
  const fs::path recorded = stage.record();
  const ChildResult result = stage.run({"replay", recorded.string(), "--json"});
  INFO(stage.errors());
  const fs::path again = ReplayStage::directory_of(result);
  CHECK(again != recorded);
  CHECK((result.exit_code == 0 || result.exit_code == 1));

  const auto before = applied_faults(recorded);
  CHECK(before.size() == 7);
  CHECK(applied_faults(again) == before);
  CHECK(system_test::read_file(again / "schedule.json") ==
        system_test::read_file(recorded / "schedule.json"));

  const auto asked = requests(recorded), asked_again = requests(again);
  REQUIRE(asked.size() == 6);
  REQUIRE(asked_again.size() == 6);
  for (const auto& [worker, sequence] : asked) {
    const auto& other = asked_again.at(worker);
    const std::size_t common = std::min(sequence.size(), other.size());
    CHECK(common > 10);
    for (std::size_t i = 0; i < common; ++i) CHECK(sequence[i] == other[i]);
  }

  const Value meta = document_in(again / "meta.json");
  const Value* replay = member_of(meta, "replay");
  REQUIRE(replay != nullptr);
  CHECK(text_in(*replay, "of") == fs::canonical(recorded).string());
  CHECK(member_of(*replay, "differs")->list()->empty());
}

TEST_CASE("replay: the recorded victims are struck, not those that the seed would draw") {
  ReplayStage stage;
  const fs::path recorded = stage.record();
  // As if the first partition had cut n3 off one way only, and the first kill had met n2.
  auto lines = read_json_lines(recorded / "faults.jsonl");
  REQUIRE(lines);
  std::string text;
  bool killed = false;
  for (Value& line : *lines) {
    Map& map = std::get<Map>(line.content);
    const bool partition = integer_in(line, "entry") == 0;
    const bool kill = integer_in(line, "entry") == 2 && !std::exchange(killed, true);
    for (auto& [key, value] : map) {
      if (partition && key == "evidence")
        value = Map{{"links", 1}, {"cut", List{Value(List{"n1", "n3"})}}};
      if (kill && key == "victims") value = List{"n2", "n3"};
    }
    text += to_json(line) + "\n";
  }
  std::ofstream(recorded / "faults.jsonl") << text;
  const ChildResult result = stage.run({"replay", recorded.string(), "--json", "--quiet"});
  INFO(stage.errors());
  CHECK(applied_faults(ReplayStage::directory_of(result)) == applied_faults(recorded));
}

TEST_CASE("replay: what cannot be replayed is said, with exit code 64 and no new run") {
  ReplayStage stage;
  const fs::path recorded = stage.record();
  CHECK(stage.run({"replay", (stage.folder.path() / "none").string()}).exit_code == 64);
  CHECK(stage.run({"replay", recorded.string(), "--time", "1s"}).exit_code == 64);
  CHECK(stage.errors().find("--time: a replay takes it from the recorded run") !=
        std::string::npos);
  CHECK(stage.run({"replay", recorded.string(), "--set", "seed=1"}).exit_code == 64);
  CHECK(stage.run({"repro", recorded.string(), "-n", "0"}).exit_code == 64);
  CHECK(stage.run({"repro", recorded.string(), "-n", "2", "--at-least", "3"}).exit_code == 64);
  fs::remove(recorded / "results.json");
  CHECK(stage.run({"repro", recorded.string()}).exit_code == 64);
  CHECK(stage.errors().find("has no results.json") != std::string::npos);
  std::ofstream(recorded / "schedule.json") << "{";
  CHECK(stage.run({"replay", recorded.string()}).exit_code == 64);
  std::size_t runs = 0;
  for (const auto& entry : fs::directory_iterator(recorded.parent_path()))
    runs += entry.is_directory() && !entry.is_symlink() ? 1 : 0;
  CHECK(runs == 1);
  CHECK_FALSE(fs::exists(stage.folder.path() / "runs" / "broken-repro"));
}

TEST_CASE("repro: counts how often it comes back, and that it is gone with the bug") {
  ReplayStage stage;
  const fs::path recorded = stage.record();
  const ChildResult gone = stage.run({"repro", recorded.string(), "-n", "2", "--at-most", "0",
                                      "--set", "target.mode=quorum", "--json"});
  INFO(stage.errors());
  CHECK(gone.exit_code == 0);
  const auto answer = parse_json(gone.output);
  REQUIRE(answer);
  CHECK(text_in(*answer, "schema") == "faultline.repro/1");
  CHECK(integer_in(*answer, "came_back") == 0);
  CHECK(integer_in(*answer, "did_not") == 2);
  CHECK(number_in(*answer, "never_bound") == doctest::Approx(0.7764));

  // Two of three: lost writes under this schedule are near certain, but certain they are not.
  const ChildResult again = stage.run({"repro", recorded.string(), "-n", "3", "--json"});
  CHECK(again.exit_code == 0);
  const auto counted = parse_json(again.output);
  REQUIRE(counted);
  CHECK(*integer_in(*counted, "came_back") >= 1);
  CHECK(*integer_in(*counted, "came_back") + *integer_in(*counted, "did_not") +
            *integer_in(*counted, "cannot_tell") ==
        3);
  CHECK(fs::exists(stage.folder.path() / "runs" / "broken-repro" / "latest" / "repro.json"));
}

TEST_CASE("repro: an interrupt ends the current replay and says what there is") {
  ReplayStage stage;
  const fs::path recorded = stage.record();
  const ChildResult result = stage.run({"repro", recorded.string(), "-n", "1000", "--json"}, 6s);
  INFO(stage.errors());
  CHECK(result.timed_out);  // the SIGINT
  CHECK(result.exit_code == 130);
  const auto answer = parse_json(result.output);
  REQUIRE(answer);
  CHECK(*member_of(*answer, "interrupted") == Value(true));
  CHECK(member_of(*answer, "runs")->list()->size() < 1000);
  CHECK(*integer_in(*answer, "cannot_tell") >= 1);
}

}  // namespace
}  // namespace faultline
