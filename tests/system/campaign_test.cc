// `faultline campaign` as its users run it: the real binary, its children, its answer.
#include <csignal>
#include <filesystem>
#include <fstream>

#include <doctest/doctest.h>

#include "harness/io/json.h"
#include "harness/os/child.h"
#include "tests/system/fixture.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

const Value* member(const Value& value, std::string_view key) {
  if (value.map() == nullptr) return nullptr;
  for (const auto& [name, inner] : *value.map())
    if (name == key) return &inner;
  return nullptr;
}
const Value& at(const Value& value, std::string_view key) {
  const Value* found = member(value, key);
  REQUIRE_MESSAGE(found != nullptr, key);
  return *found;
}

/// Three nodes, two seconds, split in two: what `multi` loses there, `quorum` does not.
std::string test_of(const std::string& mode, const std::string& expect) {
  return "name: " + mode + "\ntarget: { name: refkv, nodes: 3, mode: " + mode +
         " }\nworkload: { name: register, keys: 3, concurrency: 6, rate: 400/s }\n"
         "faults: [{ fault: partition, kind: isolate-one, at: 200ms, for: 1s }]\n"
         "time: 2s\nexpect: " +
         expect + "\n";
}

struct Stage {
  Stage() {
    write("quorum.yaml", test_of("quorum", "valid"));
    write("multi.yaml", test_of("multi", "invalid"));
    write("wrong.yaml", test_of("quorum", "invalid"));
  }
  void write(const std::string& name, const std::string& text) {
    std::ofstream(folder.path() / name) << text;
  }
  ChildOptions command(const std::string& campaign) {
    write("campaign.yaml", campaign);
    ChildOptions options;
    options.argv = {FAULTLINE_BINARY_DIR "/faultline",          "campaign",
                    (folder.path() / "campaign.yaml").string(), "--runs-dir",
                    (folder.path() / "runs").string(),          "--json"};
    options.stderr_file = folder.path() / "stderr";
    return options;
  }
  ChildResult run(const ChildOptions& options, Signals* signals = nullptr) {
    auto result = run_child(options, signals);
    REQUIRE_MESSAGE(result, (result ? "" : result.error().what));
    return *std::move(result);
  }
  /// Every process that names the folder on its command line.
  std::size_t processes() const {
    std::size_t count = 0;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator("/proc", ignored))
      if (system_test::read_file(entry.path() / "cmdline").find(folder.path().string()) !=
          std::string::npos)
        ++count;
    return count;
  }

  system_test::Folder folder;
};

Value document(const std::string& text) {
  auto value = parse_json(text);
  REQUIRE_MESSAGE(value, text);
  return *std::move(value);
}

TEST_CASE("campaign: verdicts as expected are 0, and everything is written down") {
  Stage stage;
  const ChildResult result =
      stage.run(stage.command("name: both\ntests:\n  - { config: quorum.yaml, seeds: [1] }\n"
                              "  - { config: multi.yaml, seeds: [1, 2, 3], find: any }\n"));
  CHECK_MESSAGE(result.exit_code == 0, system_test::read_file(stage.folder.path() / "stderr"));
  const Value answer = document(result.output);
  CHECK(at(answer, "schema") == Value("faultline.campaign/1"));
  const List& tests = *at(answer, "tests").list();
  REQUIRE(tests.size() == 2);
  const Value& multi = at(tests[1], "runs").list()->back();
  CHECK(at(multi, "verdict") == Value("invalid"));
  CHECK(at(multi, "matched") == Value(true));
  CHECK_FALSE(at(multi, "findings").list()->empty());
  CHECK(fs::exists(fs::path(*at(multi, "directory").text()) / "history.jsonl"));

  const fs::path latest = stage.folder.path() / "runs" / "both" / "latest";
  CHECK(at(document(system_test::read_file(latest / "campaign.json")), "exit_code") == Value(0));
  CHECK(fs::exists(latest / "quorum-s1.log"));
}

TEST_CASE("campaign: a verdict that is not the expected one is 1, and the rest is run") {
  Stage stage;
  const ChildResult result = stage.run(
      stage.command("tests:\n  - { config: wrong.yaml, seeds: [1], set: { time: 1500ms } }\n"
                    "  - { config: quorum.yaml, seeds: [1] }\n"));
  CHECK(result.exit_code == 1);
  const Value answer = document(result.output);
  REQUIRE(at(answer, "tests").list()->size() == 2);
  CHECK(at(at(answer, "tests").list()->at(1), "ok") == Value(true));
}

TEST_CASE("campaign: a test that cannot run is an error of its own kind, not a verdict") {
  Stage stage;
  stage.write("none.yaml",
              "name: none\ntarget: { name: nosuchstore }\n"
              "workload: { name: register }\nexpect: invalid\n");
  const ChildResult result =
      stage.run(stage.command("tests: [{ config: none.yaml, seeds: [1, 2], find: any }]\n"));
  CHECK(result.exit_code == 64);
  const Value answer = document(result.output);
  const Value& test = at(answer, "tests").list()->at(0);
  CHECK(at(test, "errors") == Value(2));
  CHECK(at(test, "matched") == Value(0));
  const std::string* reason = at(at(test, "runs").list()->at(0), "reason").text();
  REQUIRE(reason != nullptr);
  CHECK(reason->find("nosuchstore") != std::string::npos);
}

TEST_CASE("campaign: an interrupt stops the child, heals, and leaves nothing") {
  Stage stage;
  ChildOptions options =
      stage.command("tests: [{ config: quorum.yaml, seeds: [1, 2], set: { time: 60s } }]\n");
  options.deadline = std::chrono::milliseconds(1500);
  const ChildResult result = stage.run(options);
  CHECK(result.timed_out);
  CHECK(result.exit_code == 130);
  const Value answer = document(result.output);
  CHECK(at(answer, "interrupted") == Value(true));
  CHECK(at(at(answer, "tests").list()->at(0), "runs").list()->size() == 1);
  CHECK(stage.processes() == 0);
}

TEST_CASE("campaign: nothing outlives a campaign that is killed") {
  Stage stage;
  ChildOptions options =
      stage.command("tests: [{ config: quorum.yaml, seeds: [1], set: { time: 60s } }]\n");
  // The deadline's SIGINT, and right after it the end of all patience.
  options.deadline = std::chrono::milliseconds(1500);
  options.grace = std::chrono::milliseconds(1);
  const ChildResult result = stage.run(options);
  CHECK(result.signal == SIGKILL);
  CHECK(system_test::eventually([&] { return stage.processes() == 0; }));
}

}  // namespace
}  // namespace faultline
