#include "harness/campaign/campaign.h"

#include <algorithm>
#include <charconv>
#include <set>

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
  test.name = test.label;
  for (const std::string& setting : test.settings)
    test.name += (&setting == &test.settings.front() ? " [" : ", ") + setting;
  if (!test.settings.empty()) test.name += "]";
  return test;
}

/// Its name, or that with the first free number: names of files, too, must differ.
std::string unique_name(const std::string& name, std::set<std::string>& used) {
  for (std::size_t number = 1;; ++number) {
    std::string candidate = number == 1 ? name : name + " #" + std::to_string(number);
    if (used.insert(file_name_of(candidate)).second) return candidate;
  }
}

}  // namespace

std::string file_name_of(std::string_view name) {
  std::string text(name);
  for (char& c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '.' || c == '_' || c == '=' || c == '-';
    if (!plain) c = '_';
  }
  return text;
}

Result<Campaign> make_campaign(const ConfigNode& root, const std::filesystem::path& directory,
                               const std::string& name, std::optional<std::uint64_t> seed) {
  Params params(root, "campaign");
  Campaign campaign;
  campaign.name = params.text("name", name);
  const std::int64_t configured = params.integer("seed", 1, 0, INT64_MAX);
  campaign.seed = seed.value_or(static_cast<std::uint64_t>(configured));
  campaign.timeout = params.duration("timeout", std::chrono::minutes(10));
  if (campaign.timeout <= std::chrono::nanoseconds(0))
    params.fail("timeout", "expected a time greater than 0, as in 10m");
  const ConfigNode* tests = params.node("tests");
  if (tests == nullptr)
    params.fail(root.where,
                root.find("target") == nullptr
                    ? "campaign: \"tests\" is missing"
                    : "this is a single test, not a campaign; run it with faultline run");
  else if (tests->kind != ConfigNode::Kind::sequence || tests->items.empty())
    params.fail("tests", "expected a list like [{ config: quick.yaml, seeds: [1] }]");
  if (const Status finished = params.finish(); !finished) return finished.error();
  std::set<std::string> names;
  for (const ConfigNode& item : tests->items) {
    auto test = read_test(item, directory, campaign.seed, campaign.tests.size());
    if (!test) return test.error();
    test->name = unique_name(test->name, names);
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

std::size_t CampaignTestResult::pending() const {
  if (test.stops_at_match && matched() > 0) return 0;
  const auto finished =
      static_cast<std::size_t>(std::ranges::count_if(runs, &CampaignRun::is_finished));
  return test.seeds.size() - finished;
}

bool CampaignTestResult::decided() const {
  const bool broken = std::ranges::any_of(
      runs, [](const CampaignRun& run) { return run.is_error() && run.is_finished(); });
  return broken || too_few_matched() || matched() >= test.matches_needed;
}

ExitCode CampaignTestResult::exit_code() const {
  const bool too_few = too_few_matched();
  ExitCode worst = ExitCode::valid;
  for (const CampaignRun& run : runs)
    if (too_few || run.is_error()) worst = worse(worst, run.exit_code);
  if (worst != ExitCode::valid || matched() >= test.matches_needed) return worst;
  switch (stopped) {
    case Stop::interrupted:
      return ExitCode::interrupted;
    case Stop::failed_fast:
    case Stop::out_of_time:
      return ExitCode::unknown;
    case Stop::none:
      break;
  }
  // Nothing that was run and nothing that matched is no pass.
  return ExitCode::internal;
}

ExitCode CampaignResult::exit_code() const {
  ExitCode worst = stopped == Stop::interrupted ? ExitCode::interrupted : ExitCode::valid;
  for (const CampaignTestResult& test : tests) worst = worse(worst, test.exit_code());
  return worst;
}

CampaignQueue::CampaignQueue(Campaign campaign) : campaign_(std::move(campaign)) {
  for (const CampaignTest& test : campaign_.tests)
    tests_.push_back({test, std::vector<std::optional<CampaignRun>>(test.seeds.size()),
                      std::vector<bool>(test.seeds.size(), false)});
}

std::optional<CampaignTask> CampaignQueue::next() {
  if (stopped_ != Stop::none) return std::nullopt;
  for (std::size_t index = 0; index < tests_.size(); ++index) {
    Entry& entry = tests_[index];
    if (entry.test.stops_at_match && (entry.running > 0 || entry.matched > 0)) continue;
    const auto seed = std::ranges::find(entry.begun, false);
    if (seed == entry.begun.end()) continue;
    *seed = true;
    ++entry.running;
    ++running_;
    return CampaignTask{index, static_cast<std::size_t>(seed - entry.begun.begin())};
  }
  return std::nullopt;
}

void CampaignQueue::finish(const CampaignTask& task, CampaignRun run) {
  Entry& entry = tests_[task.test];
  if (entry.begun[task.seed]) {
    --entry.running;
    --running_;
  }
  entry.begun[task.seed] = true;
  entry.matched += run.matched() ? 1 : 0;
  entry.finished += run.is_finished() ? 1 : 0;
  entry.runs[task.seed] = std::move(run);
}

void CampaignQueue::stop(Stop why) {
  if (stopped_ == Stop::none || why == Stop::interrupted) stopped_ = why;
}

bool CampaignQueue::has_ended(std::size_t test) const {
  const Entry& entry = tests_[test];
  return (entry.test.stops_at_match && entry.matched > 0) ||
         entry.finished == entry.test.seeds.size();
}

CampaignTestResult CampaignQueue::result_of(std::size_t test) const {
  const Entry& entry = tests_[test];
  CampaignTestResult result{entry.test, {}, Stop::none};
  for (const auto& run : entry.runs)
    if (run) result.runs.push_back(*run);
  if (result.pending() > 0) result.stopped = stopped_;
  return result;
}

CampaignResult CampaignQueue::result() const {
  CampaignResult result;
  result.campaign = campaign_;
  for (std::size_t test = 0; test < tests_.size(); ++test) {
    result.tests.push_back(result_of(test));
    if (result.tests.back().pending() > 0) result.stopped = stopped_;
  }
  return result;
}

void run_campaign(CampaignQueue& queue, const CampaignOptions& options, CampaignRunner& runner,
                  const RunFinished& finished) {
  const auto began = std::chrono::steady_clock::now();
  for (;;) {
    while (queue.running() < options.jobs) {
      if (runner.interrupted()) queue.stop(Stop::interrupted);
      if (options.max_time && std::chrono::steady_clock::now() - began >= *options.max_time)
        queue.stop(Stop::out_of_time);
      const auto task = queue.next();
      if (!task) break;
      runner.start(*task, queue.test(*task));
    }
    if (queue.running() == 0) return;
    const auto [task, run] = runner.wait();
    if (!run.is_finished()) queue.stop(Stop::interrupted);
    queue.finish(task, run);
    finished(task, run);
    if (!options.fail_fast) continue;
    const CampaignTestResult test = queue.result_of(task.test);
    if (test.decided() && !test.ok()) queue.stop(Stop::failed_fast);
  }
}

}  // namespace faultline
