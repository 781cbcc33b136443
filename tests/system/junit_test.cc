// junit.xml against the schema of what CI systems read, by a validator that is not ours.
#include "harness/campaign/junit.h"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "harness/campaign/report.h"
#include "harness/os/child.h"
#include "harness/os/program.h"
#include "tests/campaign/results.h"
#include "tests/system/fixture.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

const fs::path schema = fs::path(FAULTLINE_SOURCE_DIR) / "tests/campaign/junit.xsd";

/// What xmllint says: status 0 if `xml` is valid.
ProgramResult validated(const std::string& xml) {
  const system_test::Folder folder;
  const fs::path file = folder.path() / "junit.xml";
  std::ofstream(file) << xml;
  const auto result = run_program(
      {find_program("xmllint"), "--noout", "--nonet", "--schema", schema.string(), file.string()},
      "", std::chrono::seconds(60));
  REQUIRE_MESSAGE(result, (result ? "" : result.error().what));
  return *result;
}

bool has_xmllint() {
  if (!find_program("xmllint").empty()) return true;
  std::printf("SKIPPED: junit.xml against its schema: there is no xmllint (libxml2-utils)\n");
  return false;
}

TEST_CASE("junit: every outcome, a hostile store and a run alone are valid against the schema") {
  if (!has_xmllint()) return;
  CampaignResult many = every_outcome();
  many.campaign.shard = "2/8";
  many.tests[1].test.settings = {"time=10s", "target.nodes=7"};
  const CampaignRun run = ended_run("x", 1, ExitCode::internal, "", "", "");
  for (const CampaignResult& result :
       {many, hostile_result(), campaign_of("x", "x.yaml", std::nullopt),
        campaign_of("x", "x.yaml", run)}) {
    const ProgramResult answer = validated(junit_xml(result));
    CHECK_MESSAGE(answer.status == 0, answer.output, "\n", junit_xml(result));
  }
}

TEST_CASE("junit: the schema refuses what dashboards would misread") {
  if (!has_xmllint()) return;
  const std::string good = junit_xml(every_outcome());
  const auto refused = [&](const std::string& from, const std::string& to) {
    std::string xml = good;
    const std::size_t at = xml.find(from);
    REQUIRE_MESSAGE(at != std::string::npos, from);
    const ProgramResult answer = validated(xml.replace(at, from.size(), to));
    CHECK_MESSAGE(answer.status != 0, from, " → ", to);
  };
  refused("tests=\"8\"", "tests=\"eight\"");
  refused("time=\"1.500\"", "time=\"1.5e0\"");
  refused("name=\"violated\"", "name=\"passed\"");  // the same test twice
  refused("<skipped ", "<ignored ");
  refused(" type=\"violation\"", "");
  refused("</testcase>", "");
}

/// `faultline run CONFIG` with these options, reports in FOLDER/reports unless they say otherwise.
int run_with_reports(const system_test::Folder& folder, const std::string& config,
                     std::vector<std::string> more) {
  std::ofstream(folder.path() / "test.yaml") << config;
  ChildOptions options;
  options.argv = {FAULTLINE_BINARY_DIR "/faultline",
                  "run",
                  (folder.path() / "test.yaml").string(),
                  "--runs-dir",
                  (folder.path() / "runs").string(),
                  "--quiet",
                  "--report",
                  "junit,markdown"};
  options.argv.insert(options.argv.end(), more.begin(), more.end());
  options.stderr_file = folder.path() / "stderr";
  const auto result = run_child(options);
  REQUIRE_MESSAGE(result, (result ? "" : result.error().what));
  return result->exit_code;
}

TEST_CASE("run: its reports, of a verdict and of what kept it from one") {
  const system_test::Folder folder;
  const std::string config =
      "name: alone\ntarget: { name: refkv, nodes: 3 }\n"
      "workload: { name: register, keys: 3, concurrency: 3, rate: 200/s }\ntime: 1s\n";
  const fs::path reports = folder.path() / "reports", latest = folder.path() / "runs/alone/latest";
  CHECK(run_with_reports(folder, config + "expect: invalid\n", {"--seed", "4"}) == 1);
  const std::string missed = system_test::read_file(latest / "junit.xml");
  CHECK(missed.find("<failure type=\"missed\" message=\"valid, expected invalid: ") !=
        std::string::npos);
  CHECK(missed.find("<property name=\"run.1.seed\" value=\"4\" />") != std::string::npos);
  CHECK(system_test::read_file(latest / "summary.md").starts_with("### ❌ faultline run: 0 of 1"));

  // A report that was there before never stands for a run that came to nothing.
  fs::create_directory(reports);
  std::ofstream(reports / "junit.xml") << "an old one that passed";
  CHECK(run_with_reports(folder, config + "nodes: 3\n", {"--report-dir", reports.string()}) == 64);
  const std::string usage = system_test::read_file(reports / "junit.xml");
  CHECK(usage.find("<error type=\"usage\" message=\"") != std::string::npos);
  CHECK(usage.find("nodes") != std::string::npos);
  if (has_xmllint())
    for (const std::string& xml : {missed, usage}) CHECK(validated(xml).status == 0);

  CHECK(run_with_reports(folder, config, {"--report-dir", "/proc/none"}) == 64);
  CHECK(std::distance(fs::directory_iterator(latest.parent_path()), {}) == 2);  // no further run
}

}  // namespace
}  // namespace faultline
