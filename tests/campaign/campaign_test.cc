#include "harness/campaign/campaign.h"

#include <algorithm>
#include <cstdint>
#include <map>

#include <doctest/doctest.h>

#include "harness/campaign/summary.h"
#include "harness/io/json.h"
#include "harness/run/yaml.h"
#include "tests/usage_error.h"

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
std::string error_of(const std::string& yaml) { return usage_error(make(yaml)); }

using Seeds = std::vector<std::uint64_t>;

/// Runs that end with the code that their seed stands for, in the order in which they began or, if
/// `last_first`, in the reverse.
struct FakeRunner : CampaignRunner {
  explicit FakeRunner(std::vector<ExitCode> codes_by_seed) : codes(std::move(codes_by_seed)) {}

  void start(const CampaignTask& task, const CampaignTest& test) override {
    running.emplace_back(task, test.seeds[task.seed]);
    tried.push_back(test.seeds[task.seed]);
    most_at_once = std::max(most_at_once, running.size());
  }
  std::pair<CampaignTask, CampaignRun> wait() override {
    REQUIRE_FALSE(running.empty());
    const auto [task, seed] = last_first ? running.back() : running.front();
    running.erase(last_first ? running.end() - 1 : running.begin());
    CampaignRun run;
    run.seed = seed;
    run.exit_code = codes[seed];
    return {task, run};
  }
  bool interrupted() override { return tried.size() >= interrupted_after; }

  std::vector<ExitCode> codes;
  std::vector<std::pair<CampaignTask, std::uint64_t>> running;
  Seeds tried;
  std::size_t most_at_once = 0, interrupted_after = SIZE_MAX;
  bool last_first = false;
};

const RunFinished nobody = [](const CampaignTask&, const CampaignRun&) {};

/// One test of seeds 0 … n-1, whose runs end with these codes.
CampaignResult tested(const std::string& find, const std::vector<ExitCode>& codes,
                      Seeds* tried = nullptr) {
  std::string seeds;
  for (std::size_t i = 0; i < codes.size(); ++i) seeds += (i > 0 ? ", " : "") + std::to_string(i);
  CampaignQueue queue(
      good("tests: [{ config: " + here + ", seeds: [" + seeds + "], find: " + find + " }]"));
  FakeRunner runner(codes);
  run_campaign(queue, {}, runner, nobody);
  if (tried != nullptr) *tried = runner.tried;
  return queue.result();
}

constexpr ExitCode match = ExitCode::valid, no_match = ExitCode::violation,
                   crash = ExitCode::internal, absent = ExitCode::capability,
                   stop = ExitCode::interrupted;

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
  CHECK(error_of("timeout: 0s\ntests: [{ config: " + here + " }]")
            .find("c.yaml:1:10: timeout: expected a time greater than 0") == 0);
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
  CHECK(tested("all", {no_match, match, match}, &tried).exit_code() == ExitCode::violation);
  CHECK(tried == Seeds{0, 1, 2});
}

TEST_CASE("campaign: any stops at the first match, and goes no further than the list") {
  Seeds tried;
  CHECK(tested("any", {no_match, match, match}, &tried).exit_code() == ExitCode::valid);
  CHECK(tried == Seeds{0, 1});
  tried.clear();
  CHECK(tested("any", {no_match, no_match}, &tried).exit_code() == ExitCode::violation);
  CHECK(tried == Seeds{0, 1});
}

TEST_CASE("campaign: a number is a rate, proven with every seed") {
  Seeds tried;
  CHECK(tested("2", {match, match, no_match}, &tried).exit_code() == ExitCode::valid);
  CHECK(tried == Seeds{0, 1, 2});
  CHECK(tested("2", {match, no_match, no_match}).exit_code() == ExitCode::violation);
}

TEST_CASE("campaign: what says nothing about the store is neither retried away nor counted") {
  CHECK(tested("any", {crash, match}).exit_code() == ExitCode::internal);
  CHECK(tested("2", {match, match, absent}).exit_code() == ExitCode::capability);
  const CampaignResult result = tested("all", {match, no_match, crash});
  CHECK(result.exit_code() == ExitCode::violation);
  CHECK(result.tests[0].matched() == 1);
  CHECK(result.tests[0].errors() == 1);
}

TEST_CASE("campaign: an interruption ends it, and decides nothing that was open") {
  Seeds tried;
  const CampaignResult result = tested("any", {no_match, stop, match}, &tried);
  CHECK(tried == Seeds{0, 1});
  CHECK(result.stopped == Stop::interrupted);
  CHECK(result.exit_code() == ExitCode::interrupted);
  CHECK(tested("all", {match, stop, match}).exit_code() == ExitCode::interrupted);
  // One miss of `all` is one too many, whatever would have come.
  CHECK(tested("all", {no_match, stop}).exit_code() == ExitCode::violation);
}

/// Tests of one seed each, but the second of three and with find: any.
Campaign three_tests() {
  return good("tests:\n  - { config: " + here + ", seeds: [0] }\n  - { config: " + here +
              ", seeds: [1, 2, 3], find: any }\n  - { config: " + here + ", seeds: [4, 5] }\n");
}

TEST_CASE("campaign: runs side by side, but of a test that stops at a match one at a time") {
  CampaignQueue queue(three_tests());
  FakeRunner runner({match, no_match, match, match, match, match});
  run_campaign(queue, {.jobs = 3, .fail_fast = false, .max_time = {}}, runner, nobody);
  CHECK(runner.most_at_once == 3);
  CHECK(runner.tried == Seeds{0, 1, 4, 5, 2});
  const CampaignResult result = queue.result();
  CHECK(result.exit_code() == ExitCode::valid);
  CHECK(result.stopped == Stop::none);

  // In whichever order they end, the result is the same: runs are in the order of the seeds.
  CampaignQueue again(three_tests());
  FakeRunner reversed({match, no_match, match, match, match, match});
  reversed.last_first = true;
  run_campaign(again, {.jobs = 4, .fail_fast = false, .max_time = {}}, reversed, nobody);
  for (std::size_t i = 0; i < 3; ++i) CHECK(again.result().tests[i].runs == result.tests[i].runs);
}

TEST_CASE("campaign: an interrupt lets nothing begin, and what runs is waited for") {
  CampaignQueue queue(three_tests());
  FakeRunner runner({match, match, match, match, match, match});
  runner.interrupted_after = 2;
  run_campaign(queue, {.jobs = 2, .fail_fast = false, .max_time = {}}, runner, nobody);
  CHECK(runner.tried == Seeds{0, 1});
  const CampaignResult result = queue.result();
  CHECK(result.stopped == Stop::interrupted);
  CHECK(result.exit_code() == ExitCode::interrupted);
  CHECK(result.tests[0].ok());
  CHECK(result.tests[2].exit_code() == ExitCode::interrupted);
}

TEST_CASE("campaign: fail-fast begins nothing after a test has failed, and says so of the rest") {
  CampaignQueue queue(three_tests());
  FakeRunner runner({no_match, match, match, match, match, match});
  run_campaign(queue, {.jobs = 1, .fail_fast = true, .max_time = {}}, runner, nobody);
  CHECK(runner.tried == Seeds{0});
  CHECK(queue.result().exit_code() == ExitCode::violation);
  CHECK(queue.result().tests[1].stopped == Stop::failed_fast);
  CHECK_FALSE(queue.result().tests[2].ok());

  // A run that did not match is no failed test while later seeds may.
  CampaignQueue open(three_tests());
  FakeRunner late({match, no_match, match, match, match, match});
  run_campaign(open, {.jobs = 1, .fail_fast = true, .max_time = {}}, late, nobody);
  CHECK(open.result().exit_code() == ExitCode::valid);
}

TEST_CASE("campaign: what the time did not suffice for is unknown, never a pass") {
  CampaignQueue queue(three_tests());
  FakeRunner runner({match, match, match, match, match, match});
  run_campaign(queue, {.jobs = 1, .fail_fast = false, .max_time = std::chrono::nanoseconds(0)},
               runner, nobody);
  CHECK(runner.tried.empty());
  CHECK(queue.result().stopped == Stop::out_of_time);
  CHECK(queue.result().exit_code() == ExitCode::unknown);
}

TEST_CASE("campaign: what an earlier session finished is not run again") {
  CampaignQueue queue(three_tests());
  CampaignRun found;
  found.seed = 1;
  found.exit_code = match;
  queue.finish({1, 0}, found);
  FakeRunner runner({match, no_match, no_match, no_match, match, match});
  run_campaign(queue, {}, runner, nobody);
  CHECK(runner.tried == Seeds{0, 4, 5});
  CHECK(queue.result().exit_code() == ExitCode::valid);
}

TEST_CASE("campaign: every test has a name of its own, whatever its seeds") {
  const Campaign campaign = good(
      "tests:\n  - { config: " + here + ", seeds: [1] }\n  - { config: " + here +
      ", seeds: [2], set: { time: 9s, a.b: c/d } }\n  - { config: " + here + ", seeds: [3] }\n");
  CHECK(campaign.tests[0].name == "campaign_test");
  CHECK(campaign.tests[1].name == "campaign_test [time=9s, a.b=c/d]");
  CHECK(campaign.tests[2].name == "campaign_test #2");
  CHECK(file_name_of(campaign.tests[1].name) == "campaign_test__time=9s__a.b=c_d_");
}

TEST_CASE("campaign: a run as JSON reads back the same") {
  CampaignRun run;
  run.seed = 77;
  run.exit_code = ExitCode::threshold;
  run.verdict = "unknown";
  run.expected = "valid";
  run.summary = "a \"quoted\" \x01 summary";
  run.unknown_reason = "steps";
  run.error = "why";
  run.findings = {"one", "  two"};
  run.directory = "runs/x";
  run.command = "faultline run x";
  run.seconds = 2;
  const auto parsed = parse_json(to_json(run_value(run)));
  REQUIRE(parsed);
  const auto again = run_of_value(*parsed);
  REQUIRE(again);
  CHECK(*again == run);
  CHECK_FALSE(run_of_value(Value(Map{{"seed", 1}})));
  CHECK_FALSE(run_of_value(Value(Map{{"seed", 1}, {"exit_code", 17}})));
  CHECK_FALSE(run_of_value(Value(3)));
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

TEST_CASE("campaign: what speaks against a finding is told with it, and with nothing else") {
  RunProcess process;
  const std::string faults = R"("faults":{"clock":{"doubts":["n1 waits until noon"]}}})";
  const std::string found =
      R"({"verdict":"invalid","checks":[{"name":"set","verdict":"invalid","summary":"3 is lost"}],)" +
      faults;
  process.exit_code = 1;
  process.output = found;
  CHECK(read_run(1, process).findings ==
        std::vector<std::string>{"set: 3 is lost", "doubt: clock: n1 waits until noon"});
  const std::string fine = R"({"verdict":"valid","checks":[],)" + faults;
  process.exit_code = 0;
  process.output = fine;
  CHECK(read_run(1, process).findings.empty());
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
  const CampaignResult result = tested("any", {no_match, crash, match});
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
