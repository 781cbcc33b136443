#include "harness/run/log_check.h"

#include <fstream>

#include <doctest/doctest.h>

#include "harness/os/log_drain.h"
#include "tests/io/temporary_folder.h"
#include "tests/run/plans.h"
#include "tests/usage_error.h"

using namespace faultline;

namespace {

/// A run directory with nothing but logs.
struct Logs {
  TemporaryFolder folder;

  void add(const std::string& node, const std::string& name, const std::string& text) const {
    const std::filesystem::path path = folder.path() / "nodes" / node / "log" / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text;
  }
  Verdict check(const LogRules& rules, LogLimits limits = {}) const {
    return check_logs(folder.path(), rules, limits);
  }
};

std::string logs_error(const std::string& logs) {
  return usage_error(run_fakes::plan_of(
      "target: { name: memory }\nworkload: { name: registers }\nlogs: " + logs + "\n"));
}

}  // namespace

TEST_CASE("logs: a forbidden line is a finding with its node, file, number and text") {
  const Logs logs;
  logs.add("n1", "stdout.log", "serving\nall is well\n");
  logs.add("n2", "stderr.log", "serving\r\n\nE panic: \x1b[31mtorn page\x01\nmore\npanic again");
  const Verdict verdict = logs.check({{"panic:?|corrupt", "never"}, {}});
  CHECK(verdict.name == "logs");
  CHECK(verdict.validity == Validity::invalid);
  CHECK(verdict.summary == "n2 stderr.log:3: E panic: ?[31mtorn page?, and 1 more");
  CHECK(verdict.explanation ==
        "n2 stderr.log:3: E panic: ?[31mtorn page?\nn2 stderr.log:5: panic again\n");
  CHECK(verdict.anomalies.at(0) == std::pair<std::string, std::uint64_t>("forbidden-line", 2));
  CHECK(verdict.counted.at(0).second == 2);
  CHECK(verdict.counted.at(1).second == 7);
  CHECK(logs.check({{"^panic: "}, {}}).validity == Validity::valid);
}

TEST_CASE("logs: every file below a node's log folder is searched, but no link") {
  const Logs logs;
  logs.add("n1", "stdout.log", "fine\n");
  logs.add("n3", "old/server.log.1", "one\ntwo corrupt\n");
  CHECK(logs.check({{"corrupt"}, {}}).summary == "n3 old/server.log.1:2: two corrupt");
  const Logs linked;
  linked.add("n1", "stdout.log", "fine\n");
  std::ofstream(linked.folder.path() / "elsewhere") << "corrupt\n";
  std::filesystem::create_symlink(linked.folder.path() / "elsewhere",
                                  linked.folder.path() / "nodes/n1/log/link.log");
  CHECK(linked.check({{"corrupt"}, {}}).validity == Validity::valid);
}

TEST_CASE("logs: what is required must be said by some node") {
  const Logs logs;
  logs.add("n1", "stdout.log", "starting\n");
  logs.add("n2", "stdout.log", "starting\nelected leader\n");
  CHECK(logs.check({{}, {"elected", "^starting$"}}).validity == Validity::valid);
  const Verdict verdict = logs.check({{}, {"elected", "snapshot taken"}});
  CHECK(verdict.validity == Validity::invalid);
  CHECK(verdict.summary == "no line of any node matches \"snapshot taken\"");
  CHECK(verdict.anomalies.at(0).first == "missing-line");
}

TEST_CASE("logs: what was not seen is not valid") {
  const Logs silent;
  silent.add("n1", "stdout.log", "");
  CHECK(silent.check({{"panic"}, {}}).reason == "vacuous");
  CHECK(Logs().check({{"panic"}, {"ready"}}).reason == "vacuous");

  const Logs cut;
  cut.add("n1", "stdout.log", "starting\n" + std::string(log_full_line) + "\n");
  CHECK(cut.check({{"panic"}, {}}).validity == Validity::unknown);
  CHECK(cut.check({{"panic"}, {}}).reason == "truncated");
  CHECK(cut.check({{}, {"ready"}}).reason == "truncated");          // it may have come later
  CHECK(cut.check({{"start"}, {}}).validity == Validity::invalid);  // this was seen
}

TEST_CASE("logs: lines longer than the limit are searched in pieces that overlap, counted once") {
  for (std::size_t before = 0; before < 40; ++before) {
    const Logs logs;
    logs.add("n1", "stdout.log", std::string(before, 'x') + "panic" + std::string(50, 'y') + "\nz");
    const Verdict verdict = logs.check({{"panic"}, {}}, {16, 8, 20});
    CAPTURE(before);
    CHECK(verdict.validity == Validity::invalid);
    CHECK(verdict.counted.at(1).second == 2);  // lines
    CHECK(verdict.counted.at(2).second == 1);  // hits
  }
  const Logs logs;  // more than one chunk of the file
  logs.add("n1", "stdout.log",
           std::string(5 << 20, 'x') + "\n" + std::string(1 << 20, '\n') + "panic");
  CHECK(logs.check({{"panic"}, {}}).summary ==
        "n1 stdout.log:" + std::to_string((1 << 20) + 2) + ": panic");
}

TEST_CASE("logs: a flood of findings is counted, not kept") {
  const Logs logs;
  std::string text;
  for (int i = 0; i < 1000; ++i) text += "panic\n";
  logs.add("n1", "stdout.log", text);
  const Verdict verdict = logs.check({{"panic"}, {}});
  CHECK(verdict.anomalies.at(0).second == 1000);
  CHECK(std::ranges::count(verdict.explanation, '\n') == 21);
  CHECK(verdict.explanation.ends_with("and 980 more\n"));
}

TEST_CASE("logs: in the configuration") {
  CHECK(logs_error("{ forbid: \"a(b\" }") ==
        "a.yaml:3:17: forbid: expected a regular expression (RE2), found \"a(b\": missing ): a(b");
  CHECK(logs_error("{ forbid: [ok, \"(?=x)\"] }").find("found \"(?=x)\": invalid perl operator") !=
        std::string::npos);
  CHECK(logs_error("{ forbd: x }").find("did you mean \"forbid\"?") != std::string::npos);
  CHECK(logs_error("{}").find("a.yaml:3:7: logs: expected \"forbid\" or \"require\"") == 0);
  CHECK(logs_error("{ require: \"\" }").find("a.yaml:3:18") == 0);
}
