#include "harness/campaign/campaign.h"

#include <map>

#include <doctest/doctest.h>

#include "harness/campaign/summary.h"
#include "harness/io/json.h"
#include "harness/run/yaml.h"

namespace faultline {
namespace {

/// A file that surely is here: a campaign only looks whether its configurations exist.
const std::string here = "campaign_test.cc";

Result<Campaign> make(const std::string& yaml, std::optional<std::uint64_t> seed = {}) {
  const auto root = parse_config(yaml, "c.yaml");
  REQUIRE_MESSAGE(root, (root ? "" : root.error().what));
  return make_campaign(*root, FAULTLINE_SOURCE_DIR "/tests/campaign", "stem", seed);
}
Campaign good(const std::string& yaml, std::optional<std::uint64_t> seed = {}) {
  auto campaign = make(yaml, seed);
  REQUIRE_MESSAGE(campaign, (campaign ? "" : campaign.error().what));
  return *std::move(campaign);
}
std::string error_of(const std::string& yaml) {
  const auto campaign = make(yaml);
  REQUIRE_FALSE(campaign);
  CHECK(campaign.error().kind == ErrorKind::usage);
  return campaign.error().what;
}

using Seeds = std::vector<std::uint64_t>;

/// One test of seeds 0 … n-1, whose runs end with these codes.
CampaignResult tested(const std::string& find, const std::vector<ExitCode>& codes,
                      Seeds* tried = nullptr) {
  std::string seeds;
  for (std::size_t i = 0; i < codes.size(); ++i) seeds += (i > 0 ? ", " : "") + std::to_string(i);
  const Campaign campaign =
      good("tests: [{ config: " + here + ", seeds: [" + seeds + "], find: " + find + " }]");
  return run_campaign(
      campaign,
      [&](const CampaignTest&, std::uint64_t seed) {
        CampaignRun run;
        run.seed = seed;
        run.exit_code = codes[seed];
        if (tried != nullptr) tried->push_back(seed);
        return run;
      },
      [](const CampaignTest&, const CampaignRun&) {});
}

constexpr ExitCode match = ExitCode::valid, other = ExitCode::violation, crash = ExitCode::internal,
                   absent = ExitCode::capability, stop = ExitCode::interrupted;

TEST_CASE("campaign: a configuration with every key") {
  const Campaign campaign =
      good("name: all\nseed: 9\ntimeout: 30s\ntests:\n  - { config: " + here +
           ", seeds: [3, 1], find: any, set: { time: 10s, target.nodes: 7 } }\n"
           "  - { config: " +
           here + ", count: 3, find: 2 }\n");
  CHECK(campaign.name == "all");
  CHECK(campaign.seed == 9);
  CHECK(campaign.timeout == std::chrono::seconds(30));
  REQUIRE(campaign.tests.size() == 2);
  CHECK(campaign.tests[0].config.filename() == here);
  CHECK(campaign.tests[0].label == "campaign_test");
  CHECK(campaign.tests[0].seeds == Seeds{3, 1});
  CHECK(campaign.tests[0].stops_at_match);
  CHECK(campaign.tests[0].settings == std::vector<std::string>{"time=10s", "target.nodes=7"});
  CHECK(campaign.tests[1].seeds.size() == 3);
  CHECK(campaign.tests[1].matches_needed == 2);
  CHECK_FALSE(campaign.tests[1].stops_at_match);
}

TEST_CASE("campaign: counted seeds are a function of the campaign's seed and the test's place") {
  const std::string yaml =
      "tests: [{ config: " + here + ", count: 4 }, { config: " + here + ", count: 2 }]";
  const Campaign first = good(yaml), again = good(yaml), moved = good(yaml, 2);
  CHECK(first.name == "stem");
  CHECK(first.tests[0].seeds == again.tests[0].seeds);
  CHECK(first.tests[0].seeds != moved.tests[0].seeds);
  CHECK(first.tests[0].seeds[0] != first.tests[1].seeds[0]);
  CHECK(first.tests[0].matches_needed == 4);
  CHECK(good("seed: 2\n" + yaml).tests[1].seeds == moved.tests[1].seeds);
}

TEST_CASE("campaign: what is wrong is said with its place") {
  CHECK(error_of("name: x") == "c.yaml:1:1: campaign: \"tests\" is missing");
  CHECK(error_of("target: { name: refkv }").find("faultline run") != std::string::npos);
  CHECK(error_of("tests: []").find("c.yaml:1:8: tests: expected a list") == 0);
  CHECK(error_of("tests: [{ config: " + here + ", seed: 1 }]").find("did you mean \"seeds\"?") !=
        std::string::npos);
  CHECK(error_of("tests: [{ seeds: [1] }]").find("\"config\" is missing") != std::string::npos);
  CHECK(error_of("tests: [{ config: no.yaml }]").find("there is no file") != std::string::npos);
  CHECK(error_of("tests: [{ config: " + here + ", seeds: [one] }]").find("found \"one\"") !=
        std::string::npos);
  CHECK(error_of("tests: [{ config: " + here + ", seeds: [1], count: 2 }]")
            .find("seeds are given already") != std::string::npos);
  CHECK(error_of("tests: [{ config: " + here + ", seeds: [1, 2], find: 3 }]").find("found \"3\"") !=
        std::string::npos);
  CHECK(error_of("tests: [{ config: " + here + ", set: { time: [1] } }]")
            .find("time: expected a single value") != std::string::npos);
}

TEST_CASE("campaign: all means every seed, and every seed is run") {
  Seeds tried;
  CHECK(tested("all", {match, match}).exit_code() == ExitCode::valid);
  CHECK(tested("all", {other, match, match}, &tried).exit_code() == ExitCode::violation);
  CHECK(tried == Seeds{0, 1, 2});
}

TEST_CASE("campaign: any stops at the first match, and goes no further than the list") {
  Seeds tried;
  CHECK(tested("any", {other, match, match}, &tried).exit_code() == ExitCode::valid);
  CHECK(tried == Seeds{0, 1});
  tried.clear();
  CHECK(tested("any", {other, other}, &tried).exit_code() == ExitCode::violation);
  CHECK(tried == Seeds{0, 1});
}

TEST_CASE("campaign: a number is a rate, proven with every seed") {
  Seeds tried;
  CHECK(tested("2", {match, match, other}, &tried).exit_code() == ExitCode::valid);
  CHECK(tried == Seeds{0, 1, 2});
  CHECK(tested("2", {match, other, other}).exit_code() == ExitCode::violation);
}

TEST_CASE("campaign: what says nothing about the store is neither retried away nor counted") {
  CHECK(tested("any", {crash, match}).exit_code() == ExitCode::internal);
  CHECK(tested("2", {match, match, absent}).exit_code() == ExitCode::capability);
  const CampaignResult result = tested("all", {match, other, crash});
  CHECK(result.exit_code() == ExitCode::violation);
  CHECK(result.tests[0].matched() == 1);
  CHECK(result.tests[0].errors() == 1);
}

TEST_CASE("campaign: an interruption ends it, and decides nothing that was open") {
  Seeds tried;
  const CampaignResult result = tested("any", {other, stop, match}, &tried);
  CHECK(tried == Seeds{0, 1});
  CHECK(result.interrupted);
  CHECK(result.exit_code() == ExitCode::interrupted);
  CHECK(tested("all", {match, stop, match}).exit_code() == ExitCode::interrupted);
  // One miss of `all` is one too many, whatever would have come.
  CHECK(tested("all", {other, stop}).exit_code() == ExitCode::violation);
}

TEST_CASE("campaign: a run's results are read from its document") {
  RunProcess process;
  process.exit_code = 0;
  process.seconds = 6.25;
  process.output =
      "{\"schema\":\"faultline.run/1\",\"verdict\":\"invalid\",\"expected\":\"invalid\","
      "\"directory\":\"runs/x/1\",\"checks\":[{\"name\":\"linearizable\",\"verdict\":\"invalid\","
      "\"summary\":\"n2 read 7\",\"explanation\":\"a table\\nof two lines\\n\"},"
      "{\"name\":\"crash-free\",\"verdict\":\"valid\",\"summary\":\"fine\"}]}\n";
  const CampaignRun run = read_run(4, process);
  CHECK(run.matched());
  CHECK_FALSE(run.is_error());
  CHECK(run.verdict == "invalid");
  CHECK(run.directory == "runs/x/1");
  CHECK(run.findings ==
        std::vector<std::string>{"linearizable: n2 read 7", "  a table", "  of two lines"});
  const std::string line = run_line(good("tests: [{ config: " + here + " }]").tests[0], run);
  CHECK(line.find("ok     campaign_test") == 0);
  CHECK(line.find("seed 4") != std::string::npos);
  CHECK(line.find("6.2 s  runs/x/1\n") != std::string::npos);
  CHECK(line.find("\n         linearizable: n2 read 7\n") != std::string::npos);
}

TEST_CASE("campaign: a valid run that does not match says what it fell short of") {
  RunProcess process;
  process.exit_code = 4;
  process.output =
      "{\"verdict\":\"valid\",\"checks\":[],\"recovery\":{\"missing\":[\"n3: timeout\"]},"
      "\"thresholds\":{\"ok_rate\":{\"limit\":\">= 0.5\",\"value\":0.25,\"met\":false},"
      "\"outage_s\":{\"limit\":\"<= 9\",\"value\":1,\"met\":true}}}";
  const CampaignRun run = read_run(1, process);
  CHECK_FALSE(run.matched());
  CHECK_FALSE(run.is_error());
  REQUIRE(run.findings.size() == 2);
  CHECK(run.findings[0] == "not recovered: n3: timeout");
  CHECK(run.findings[1].starts_with("threshold missed: ok_rate >= 0.5, was 0.25"));
}

TEST_CASE("campaign: a run that crashed, hung or said nothing is an error, never a pass") {
  RunProcess process;
  process.log_tail = "starting\nfaultline: target: n1 never came up\nits log\nin runs/x/2\n";
  process.exit_code = 5;
  CampaignRun run = read_run(1, process);
  CHECK(run.exit_code == ExitCode::target_down);
  CHECK(run.error == "target: n1 never came up");
  CHECK(run.directory == "runs/x/2");

  process.exit_code = 0;
  run = read_run(1, process);
  CHECK(run.exit_code == ExitCode::internal);
  CHECK(run.error.find("without results") != std::string::npos);

  process.exit_code = 130;
  run = read_run(1, process);
  CHECK(run.error == "interrupted");
  CHECK(run_line(good("tests: [{ config: " + here + " }]").tests[0], run).find("stop ") == 0);

  process.exit_code = 17;
  CHECK(read_run(1, process).exit_code == ExitCode::internal);
  process.exit_code = -1;
  process.signal = 11;
  run = read_run(1, process);
  CHECK(run.exit_code == ExitCode::internal);
  CHECK(run.error.find("signal 11") != std::string::npos);

  process.signal = 0;
  process.exit_code = 0;
  process.timed_out = true;
  process.output = "{\"verdict\":\"valid\"}";
  run = read_run(1, process);
  CHECK(run.exit_code == ExitCode::internal);
  CHECK(run.error.find("did not end in time") == 0);
}

TEST_CASE("campaign: the table and the document") {
  const CampaignResult result = tested("any", {other, crash, match});
  const std::string text = campaign_table(result);
  CHECK(text.find("campaign_test  any       3     3        1      1       1") != std::string::npos);
  CHECK(text.find("stem: 0 of 1 tests as expected") != std::string::npos);
  CHECK(text.find("exit code 70\n") != std::string::npos);

  const auto document = parse_json(to_json(campaign_value(result)));
  REQUIRE(document);
  std::map<std::string, Value> top(document->map()->begin(), document->map()->end());
  CHECK(top["schema"] == Value("faultline.campaign/1"));
  CHECK(top["exit_code"] == Value(70));
  REQUIRE(top["tests"].list()->size() == 1);
  std::map<std::string, Value> test(top["tests"].list()->front().map()->begin(),
                                    top["tests"].list()->front().map()->end());
  CHECK(test["find"] == Value("any"));
  CHECK(test["ok"] == Value(false));
  CHECK(test["runs"].list()->size() == 3);
}

}  // namespace
}  // namespace faultline
