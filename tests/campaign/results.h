// Campaigns that have ended, for the tests of what is written about them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "harness/campaign/campaign.h"

namespace faultline {

inline CampaignRun ended_run(const std::string& test, std::uint64_t seed, ExitCode code,
                             const std::string& verdict, const std::string& expected,
                             const std::string& summary) {
  CampaignRun run;
  run.seed = seed;
  run.exit_code = code;
  run.verdict = verdict;
  run.expected = expected;
  run.summary = summary;
  run.directory = "runs/" + test + "/" + std::to_string(seed);
  run.command = "faultline run " + test + ".yaml --seed " + std::to_string(seed);
  run.seconds = 1.5;
  return run;
}

inline CampaignTestResult ended_test(const std::string& name, std::size_t seeds, std::size_t needed,
                                     std::vector<CampaignRun> runs) {
  CampaignTestResult test;
  test.test.name = test.test.label = name;
  test.test.config = name + ".yaml";
  for (std::size_t i = 1; i <= seeds; ++i) test.test.seeds.push_back(i);
  test.test.matches_needed = needed;
  test.test.stops_at_match = needed < seeds;
  test.runs = std::move(runs);
  return test;
}

inline CampaignResult ended_campaign(const std::string& name,
                                     std::vector<CampaignTestResult> tests) {
  CampaignResult result;
  result.campaign.name = name;
  result.tests = std::move(tests);
  result.began = "2026-11-21T10:15:00Z";
  result.directory = "runs/c/1";
  result.seconds = 9;
  return result;
}

/// A test of every outcome that there is, interrupted before the end.
inline CampaignResult every_outcome() {
  using enum ExitCode;
  CampaignRun bad =
      ended_run("violated", 2, violation, "invalid", "valid", "linearizable: n2 read 7");
  bad.findings = {"linearizable: n2 read 7", "  a table"};
  CampaignRun vacuous_run =
      ended_run("vacuous", 1, violation, "unknown", "valid", "no read succeeded");
  vacuous_run.unknown_reason = "vacuous";
  CampaignRun slow = ended_run("slow", 1, threshold, "valid", "valid", "fine");
  slow.findings = {"threshold missed: ok_rate >= 0.5, was 0.25"};
  CampaignRun down = ended_run("down", 1, target_down, "", "", "");
  down.error = "n1 never came up";
  CampaignResult result = ended_campaign(
      "c", {ended_test("passed", 1, 1, {ended_run("passed", 1, valid, "valid", "valid", "fine")}),
            ended_test("violated", 2, 2,
                       {ended_run("violated", 1, valid, "valid", "valid", "fine"), bad}),
            ended_test("missed", 2, 1,
                       {ended_run("missed", 1, violation, "valid", "invalid", "fine"),
                        ended_run("missed", 2, violation, "valid", "invalid", "fine")}),
            ended_test("vacuous", 1, 1, {vacuous_run}), ended_test("slow", 1, 1, {slow}),
            ended_test("down", 1, 1, {down}),
            ended_test("open", 2, 2, {ended_run("open", 1, valid, "valid", "valid", "fine")}),
            ended_test("untouched", 1, 1, {})});
  result.stopped = Stop::interrupted;
  result.tests[6].stopped = result.tests[7].stopped = Stop::interrupted;
  return result;
}

/// Names, summaries and evidence that no format expects.
inline CampaignResult hostile_result() {
  CampaignRun run =
      ended_run("x", 1, ExitCode::violation, "invalid", "valid", "first line ]]> <b>\nsecond line");
  run.findings = {"]]> <script>&amp;</script> --> not a fence: ```",
                  std::string("null\0 bell\a escape\x1b[31m delete\x7f", 31),
                  "torn\xe2\x82 lone\xff overlong\xc0\xaf surrogate\xed\xa0\x80",
                  "non\xef\xbf\xbe c1\xc2\x85 fine € 𝄞"};
  run.directory = "runs/<x>&/\"1\"";
  run.command = "faultline run 'a b.yaml' --set 'x=`id`'";
  return ended_campaign("c<&>\"']]>", {ended_test("a<b>&\"'\x1b", 1, 1, {run})});
}

}  // namespace faultline
