#include "harness/campaign/campaign.h"

#include <algorithm>
#include <charconv>

#include "harness/core/rng.h"

namespace faultline {
namespace {

constexpr std::int64_t seeds_max = 10'000;

template <typename T>
bool parse(const std::string& text, T& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size();
}

/// `seeds: [1, 2]`, or `count: 3`, which derives them from the campaign's seed and the test's
/// place.
void read_seeds(Params& params, std::uint64_t campaign_seed, std::size_t index,
                CampaignTest& test) {
  if (params.has("seeds") && params.has("count"))
    params.fail("count", "seeds are given already; expected one of: seeds, count");
  const std::int64_t count = params.integer("count", 1, 1, seeds_max);
  for (const std::string& text : params.texts("seeds", {})) {
    std::uint64_t seed = 0;
    if (!parse(text, seed))
      params.fail("seeds", "expected integers from 0, found \"" + text + "\"");
    test.seeds.push_back(seed);
  }
  if (params.has("seeds")) {
    if (test.seeds.empty()) params.fail("seeds", "expected at least one seed");
    return;
  }
  Rng rng = Rng(campaign_seed).fork("campaign test", index);
  // Short enough to be typed: they are printed to be repeated.
  for (std::int64_t i = 0; i < count; ++i) test.seeds.push_back(rng.below(1'000'000));
}

void read_find(Params& params, CampaignTest& test) {
  const std::string find = params.text("find", "all");
  test.matches_needed = test.seeds.size();
  if (find == "all") return;
  if (find == "any") {
    test.matches_needed = 1;
    test.stops_at_match = true;
    return;
  }
  if (!parse(find, test.matches_needed) || test.matches_needed < 1 ||
      test.matches_needed > test.seeds.size())
    params.fail("find", "expected all, any, or an integer from 1 to the number of seeds, found \"" +
                            find + "\"");
}

void read_settings(Params& params, CampaignTest& test) {
  const ConfigNode* set = params.node("set");
  if (set == nullptr) return;
  if (set->kind != ConfigNode::Kind::mapping)
    params.fail("set", "expected a mapping like { time: 10s }");
  for (const ConfigNode::Member& member : set->members)
    if (member.value.kind == ConfigNode::Kind::scalar)
      test.settings.push_back(member.key + "=" + member.value.scalar);
    else
      params.fail(member.value.where, member.key + ": expected a single value");
}

Result<CampaignTest> read_test(const ConfigNode& node, const std::filesystem::path& directory,
                               std::uint64_t campaign_seed, std::size_t index) {
  Params params(node, "test");
  CampaignTest test;
  const std::filesystem::path config = params.required_text("config");
  test.config = directory / config;
  test.label = config.stem().string();
  if (std::error_code error;
      !config.empty() && !std::filesystem::is_regular_file(test.config, error))
    params.fail("config", "there is no file " + test.config.string());
  read_seeds(params, campaign_seed, index, test);
  read_find(params, test);
  read_settings(params, test);
  if (const Status finished = params.finish(); !finished) return finished.error();
  return test;
}

}  // namespace

Result<Campaign> make_campaign(const ConfigNode& root, const std::filesystem::path& directory,
                               const std::string& name, std::optional<std::uint64_t> seed) {
  Params params(root, "campaign");
  Campaign campaign;
  campaign.name = params.text("name", name);
  const std::int64_t configured = params.integer("seed", 1, 0, INT64_MAX);
  campaign.seed = seed.value_or(static_cast<std::uint64_t>(configured));
  campaign.timeout = params.duration("timeout", std::chrono::minutes(10));
  const ConfigNode* tests = params.node("tests");
  if (tests == nullptr)
    params.fail(root.where,
                root.find("target") == nullptr
                    ? "campaign: \"tests\" is missing"
                    : "this is a single test, not a campaign; run it with faultline run");
  else if (tests->kind != ConfigNode::Kind::sequence || tests->items.empty())
    params.fail("tests", "expected a list like [{ config: quick.yaml, seeds: [1] }]");
  if (const Status finished = params.finish(); !finished) return finished.error();
  for (const ConfigNode& item : tests->items) {
    auto test = read_test(item, directory, campaign.seed, campaign.tests.size());
    if (!test) return test.error();
    campaign.tests.push_back(*std::move(test));
  }
  return campaign;
}

bool CampaignRun::is_error() const {
  switch (exit_code) {
    case ExitCode::valid:
    case ExitCode::violation:
    case ExitCode::unknown:
    case ExitCode::vacuous:
    case ExitCode::threshold:
      return false;
    case ExitCode::target_down:
    case ExitCode::usage:
    case ExitCode::capability:
    case ExitCode::internal:
    case ExitCode::interrupted:
      return true;
  }
  return true;
}

std::size_t CampaignTestResult::matched() const {
  return static_cast<std::size_t>(std::ranges::count_if(runs, &CampaignRun::matched));
}
std::size_t CampaignTestResult::errors() const {
  return static_cast<std::size_t>(std::ranges::count_if(runs, &CampaignRun::is_error));
}

ExitCode CampaignTestResult::exit_code() const {
  const auto interrupted = static_cast<std::size_t>(
      std::ranges::count(runs, ExitCode::interrupted, &CampaignRun::exit_code));
  const std::size_t untried = test.seeds.size() - runs.size() + interrupted;
  // Whether the runs that did not match already decide against the test.
  const bool too_few = matched() + (interrupted > 0 ? untried : 0) < test.matches_needed;
  ExitCode worst = ExitCode::valid;
  for (const CampaignRun& run : runs)
    if (too_few || run.is_error()) worst = worse(worst, run.exit_code);
  // Nothing that was run and nothing that matched is no pass.
  return too_few && worst == ExitCode::valid ? ExitCode::internal : worst;
}

ExitCode CampaignResult::exit_code() const {
  ExitCode worst = interrupted ? ExitCode::interrupted : ExitCode::valid;
  for (const CampaignTestResult& test : tests) worst = worse(worst, test.exit_code());
  return worst;
}

CampaignResult run_campaign(Campaign campaign, const RunTest& run_test,
                            const RunFinished& finished) {
  const auto began = std::chrono::steady_clock::now();
  CampaignResult result;
  for (const CampaignTest& test : campaign.tests) {
    CampaignTestResult& tested = result.tests.emplace_back(CampaignTestResult{test, {}});
    for (const std::uint64_t seed : test.seeds) {
      const CampaignRun& run = tested.runs.emplace_back(run_test(test, seed));
      finished(test, run);
      result.interrupted = run.exit_code == ExitCode::interrupted;
      if (result.interrupted || (test.stops_at_match && run.matched())) break;
    }
    if (result.interrupted) break;
  }
  result.campaign = std::move(campaign);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return result;
}

}  // namespace faultline
