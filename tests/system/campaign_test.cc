// `faultline campaign` as its users run it: the real binary, its children, its answer.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <doctest/doctest.h>
#include <fcntl.h>

#include "harness/core/text.h"
#include "harness/io/document.h"
#include "harness/io/json.h"
#include "harness/io/run_dir.h"
#include "harness/os/child.h"
#include "harness/os/fd.h"
#include "harness/os/program.h"
#include "tests/system/fixture.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

const Value& at(const Value& value, std::string_view key) {
  const Value* found = member_of(value, key);
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

struct CampaignStage {
  CampaignStage() {
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
  /// Starts it, and returns once so many of its runs are under load; its pid.
  int started(const ChildOptions& options, std::ptrdiff_t runs) {
    const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
    const Fd out(
        ::open((folder.path() / "stdout").c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    const Fd err(
        ::open(options.stderr_file.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
    const auto pid = spawn_program(options.argv, null.get(), out.get(), err.get());
    REQUIRE(pid);
    const auto loaded = [](const fs::path& run) {
      const fs::path history = run / "history.jsonl";
      return fs::exists(history) && fs::file_size(history) > 0;
    };
    CHECK(system_test::eventually(
        [&] { return std::ranges::count_if(find_runs(folder.path() / "runs"), loaded) >= runs; },
        std::chrono::minutes(2)));
    return *pid;
  }
  /// Its exit code, or 128 and the signal.
  int ended(int pid) {
    const auto code = wait_program(pid, std::chrono::minutes(2));
    REQUIRE(code);
    return *code;
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
  CampaignStage stage;
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
  CampaignStage stage;
  const ChildResult result = stage.run(
      stage.command("tests:\n  - { config: wrong.yaml, seeds: [1], set: { time: 1500ms } }\n"
                    "  - { config: quorum.yaml, seeds: [1] }\n"));
  CHECK(result.exit_code == 1);
  const Value answer = document(result.output);
  REQUIRE(at(answer, "tests").list()->size() == 2);
  CHECK(at(at(answer, "tests").list()->at(1), "ok") == Value(true));
}

TEST_CASE("campaign: a test that cannot run is an error of its own kind, not a verdict") {
  CampaignStage stage;
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

TEST_CASE("campaign: side by side, with reports that a CI system reads") {
  CampaignStage stage;
  ChildOptions options = stage.command(
      "name: ci\ntests:\n  - { config: quorum.yaml, seeds: [1, 2] }\n"
      "  - { config: wrong.yaml, seeds: [1] }\n  - { config: none.yaml, seeds: [1] }\n");
  stage.write("none.yaml",
              "name: none\ntarget: { name: nosuchstore }\nworkload: { name: register }\n");
  const fs::path reports = stage.folder.path() / "reports";
  for (const char* word : {"--jobs", "3", "--report", "junit,markdown", "--report-dir"})
    options.argv.emplace_back(word);
  options.argv.push_back(reports.string());
  const ChildResult result = stage.run(options);
  INFO(system_test::read_file(stage.folder.path() / "stderr"));
  CHECK(result.exit_code == 1);

  // A line of a run begins at the margin and is whole, however many ran at once.
  std::istringstream lines(system_test::read_file(stage.folder.path() / "stderr"));
  std::size_t runs = 0;
  for (std::string line; std::getline(lines, line);)
    if (line.find("  seed ") != std::string::npos) {
      ++runs;
      CHECK((line.starts_with("ok     quorum ") || line.starts_with("FAIL   wrong ") ||
             line.starts_with("ERROR  none ")));
    }
  CHECK(runs == 4);

  const std::string junit = system_test::read_file(reports / "junit.xml");
  CHECK(junit.find("<testsuites name=\"ci\" tests=\"3\" failures=\"1\" errors=\"1\"") !=
        std::string::npos);
  CHECK(junit.find("<failure type=\"missed\" message=\"valid, expected invalid: ") !=
        std::string::npos);
  CHECK(junit.find("<error type=\"usage\" message=\"") != std::string::npos);
  CHECK(system_test::read_file(reports / "summary.md").find("1 of 3 tests as expected") !=
        std::string::npos);
  CHECK(std::distance(fs::directory_iterator(reports), {}) == 2);

  // What the report says to type does repeat it.
  const std::size_t repeat = junit.find("to repeat: ");
  REQUIRE(repeat != std::string::npos);
  const std::string command = junit.substr(repeat + 11, junit.find('\n', repeat) - repeat - 11);
  ChildOptions again;
  again.argv = {"/bin/sh", "-c", command + " --quiet --runs-dir " + stage.folder.path().string()};
  again.stderr_file = stage.folder.path() / "again";
  CHECK(stage.run(again).exit_code == 1);
}

TEST_CASE("campaign: killed by SIGKILL, it is resumed where it stopped") {
  CampaignStage stage;
  const ChildOptions options =
      stage.command("name: both\ntests:\n  - { config: quorum.yaml, seeds: [1, 2, 3] }\n");
  const fs::path latest = stage.folder.path() / "runs/both/latest";
  std::string command;
  for (const std::string& word : options.argv) command += shell_quoted(word) + " ";
  const std::string told = shell_quoted((stage.folder.path() / "told").string());
  ChildOptions killed;
  killed.argv = {"/bin/sh", "-c",
                 "mkfifo " + told + "; " + command + "2>" + told + " & exec 3<" + told +
                     "; while read -r line <&3; do case $line in ok*) break;; esac; done; "
                     "kill -9 $!; wait $!"};
  killed.stderr_file = options.stderr_file;
  CHECK(stage.run(killed).exit_code == 137);
  const std::string kept = system_test::read_file(latest / "runs.jsonl");
  REQUIRE(std::ranges::count(kept, '\n') == 1);
  CHECK(system_test::eventually([&] { return stage.processes() == 0; }));

  ChildOptions resume;
  resume.argv = {options.argv[0], "campaign", "--resume", latest.string(), "--json"};
  resume.stderr_file = stage.folder.path() / "resumed";
  stage.write("quorum.yaml", test_of("quorum", "invalid"));
  CHECK(stage.run(resume).exit_code == 64);
  CHECK(system_test::read_file(resume.stderr_file).find("quorum.yaml has changed since") !=
        std::string::npos);

  stage.write("quorum.yaml", test_of("quorum", "valid"));
  const ChildResult result = stage.run(resume);
  INFO(system_test::read_file(resume.stderr_file));
  CHECK(result.exit_code == 0);
  const std::string all = system_test::read_file(latest / "runs.jsonl");
  CHECK(all.starts_with(kept));
  CHECK(std::ranges::count(all, '\n') == 3);
  const Value answer = document(result.output);
  const List& runs = *at(at(answer, "tests").list()->at(0), "runs").list();
  REQUIRE(runs.size() == 3);
  for (const Value& run : runs) CHECK(at(run, "matched") == Value(true));

  // Once more: nothing is left to do, and the answer is the same.
  const ChildResult nothing = stage.run(resume);
  CHECK(nothing.exit_code == 0);
  CHECK(nothing.seconds < result.seconds);
  CHECK(system_test::read_file(latest / "runs.jsonl") == all);
}

TEST_CASE("campaign: what is wrong on its command line is a sentence and 64, and nothing is made") {
  CampaignStage stage;
  const ChildOptions good = stage.command("tests: [{ config: quorum.yaml, seeds: [1] }]\n");
  const auto said = [&](std::vector<std::string> more, bool with_config = true) {
    ChildOptions options = good;
    options.stderr_file = stage.folder.path() / ("said" + more.back());
    if (!with_config) options.argv = {good.argv[0], "campaign"};
    options.argv.insert(options.argv.end(), more.begin(), more.end());
    CHECK(stage.run(options).exit_code == 64);
    return system_test::read_file(options.stderr_file);
  };
  CHECK(said({"--shard", "3"}) == "faultline: --shard 3: expected K/N, from 1/N to N/N, as 2/8\n");
  CHECK(said({"--report", "junitt"}) ==
        "faultline: --report: unknown report \"junitt\", did you mean \"junit\"?\n");
  CHECK(said({"--max-time", "soon"}) ==
        "faultline: --max-time soon: expected a duration as 2h or 90m\n");
  CHECK(said({"--jobs", "0"}).find("--jobs") != std::string::npos);
  CHECK(said({"--report-dir", "x"}).find("--report-dir needs --report") != std::string::npos);
  CHECK(said({"--resume", "x"}).find("CONFIG and --resume exclude each other") !=
        std::string::npos);
  CHECK(said({"--resume", "nowhere"}, false).find("nowhere has no plan.json") != std::string::npos);
  CHECK(said({"--quiet"}, false).find("expected CONFIG") != std::string::npos);
  CHECK_FALSE(fs::exists(stage.folder.path() / "runs"));
}

TEST_CASE("campaign: an interrupt stops the children, heals, and leaves nothing") {
  CampaignStage stage;
  ChildOptions options =
      stage.command("tests: [{ config: quorum.yaml, seeds: [1, 2, 3], set: { time: 60s } }]\n");
  options.argv.insert(options.argv.end(), {"--jobs", "2", "--report", "junit"});
  const int pid = stage.started(options, 2);
  REQUIRE(::kill(pid, SIGINT) == 0);
  CHECK(stage.ended(pid) == 130);
  const Value answer = document(system_test::read_file(stage.folder.path() / "stdout"));
  CHECK(at(answer, "interrupted") == Value(true));
  CHECK(at(at(answer, "tests").list()->at(0), "runs").list()->size() == 2);
  const fs::path directory = stage.folder.path() / "runs/campaign/latest";
  CHECK(system_test::read_file(directory / "junit.xml").find("<skipped message=\"undecided") !=
        std::string::npos);
  CHECK(system_test::read_file(directory / "runs.jsonl").empty());
  CHECK(stage.processes() == 0);
}

TEST_CASE("campaign: nothing outlives a campaign that is killed") {
  CampaignStage stage;
  const int pid = stage.started(
      stage.command("tests: [{ config: quorum.yaml, seeds: [1], set: { time: 60s } }]\n"), 1);
  REQUIRE(::kill(pid, SIGKILL) == 0);
  CHECK(stage.ended(pid) == 128 + SIGKILL);
  CHECK(system_test::eventually([&] { return stage.processes() == 0; }));
}

}  // namespace
}  // namespace faultline
