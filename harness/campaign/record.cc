#include "harness/campaign/record.h"

#include <algorithm>
#include <map>
#include <utility>

#include "harness/campaign/summary.h"
#include "harness/io/document.h"
#include "harness/io/json.h"
#include "harness/run/sha256.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

constexpr const char* schema = "faultline.plan/1";
constexpr const char* plan_name = "plan.json";
constexpr const char* runs_name = "runs.jsonl";

/// Every file that says what is run, by the path that was given, with its digest.
Result<Map> digests(const Campaign& campaign, const CampaignOrigin& origin) {
  std::map<std::string, std::string> files;
  const auto add = [&](const fs::path& path) -> Status {
    auto& digest = files[path.string()];
    if (!digest.empty()) return Ok{};
    auto made = sha256_of_file(path);
    if (!made) return made.error();
    digest = *std::move(made);
    return Ok{};
  };
  if (const Status added = add(origin.config); !added) return added.error();
  for (const CampaignTest& test : campaign.tests)
    if (const Status added = add(test.config); !added) return added.error();
  return Map(files.begin(), files.end());
}

Value test_value(const CampaignTest& test) {
  List seeds;
  for (const std::uint64_t seed : test.seeds) seeds.emplace_back(seed);
  return Map{{"name", test.name},
             {"config", test.config.string()},
             {"find", find_text(test)},
             {"set", List(test.settings.begin(), test.settings.end())},
             {"seeds", std::move(seeds)}};
}

Result<Value> plan_value(const Campaign& campaign, const CampaignOrigin& origin) {
  const auto files = digests(campaign, origin);
  if (!files) return files.error();
  List tests;
  for (const CampaignTest& test : campaign.tests) tests.push_back(test_value(test));
  Value seed, shard;
  if (origin.seed) seed = *origin.seed;
  if (!origin.shard.empty()) shard = origin.shard;
  return Value(Map{{"schema", schema},
                   {"name", campaign.name},
                   {"program", origin.program},
                   {"config", origin.config.string()},
                   {"seed", std::move(seed)},
                   {"shard", std::move(shard)},
                   {"files", *files},
                   {"tests", std::move(tests)}});
}

Result<Value> read_plan(const fs::path& directory) {
  const fs::path path = directory / plan_name;
  std::error_code failed;
  if (!fs::exists(path, failed))
    return Error{directory.string() +
                     " has no plan.json; expected the directory of a campaign, as "
                     "runs/NAME/2026-11-21T10-15-00Z-s1",
                 ErrorKind::usage};
  const auto text = read_file(path);
  if (!text) return Error{text.error().what, ErrorKind::usage};
  auto plan = parse_json(*text);
  if (!plan) return Error{path.string() + ": " + plan.error().what, ErrorKind::usage};
  if (text_in(*plan, "schema") != schema)
    return Error{path.string() + ": schema \"" + text_in(*plan, "schema") + "\"; expected \"" +
                     schema + "\"",
                 ErrorKind::usage};
  return plan;
}

/// What differs between the plan that was begun and the one made now, in words; empty: nothing.
std::string difference(const Value& then, const Value& now) {
  if (text_in(then, "program") != text_in(now, "program"))
    return "it was begun by " + text_in(then, "program") + ", and this is " +
           text_in(now, "program");
  const Value* files_then = member_of(then, "files");
  const Value* files_now = member_of(now, "files");
  if (files_then != nullptr && files_now != nullptr && files_now->map() != nullptr)
    for (const auto& [path, digest] : *files_now->map()) {
      const Value* before = member_of(*files_then, path);
      if (before != nullptr && !(*before == digest))
        return path + " has changed since it was begun";
    }
  const Value* tests_then = member_of(then, "tests");
  const Value* tests_now = member_of(now, "tests");
  const bool same = tests_then != nullptr && tests_now != nullptr && *tests_then == *tests_now;
  return same ? "" : "its list of tests has changed since it was begun";
}

/// The task of a line of runs.jsonl; nothing if it is none of this campaign's.
std::optional<CampaignTask> task_of(const Value& line, const Campaign& campaign) {
  const std::string name = text_in(line, "test");
  const auto test = std::ranges::find(campaign.tests, name, &CampaignTest::name);
  const auto index = integer_in(line, "index");
  if (test == campaign.tests.end() || !index || *index < 0 ||
      static_cast<std::size_t>(*index) >= test->seeds.size())
    return std::nullopt;
  return CampaignTask{static_cast<std::size_t>(test - campaign.tests.begin()),
                      static_cast<std::size_t>(*index)};
}

}  // namespace

Result<CampaignOrigin> read_origin(const fs::path& directory) {
  const auto plan = read_plan(directory);
  if (!plan) return plan.error();
  CampaignOrigin origin;
  origin.config = text_in(*plan, "config");
  if (const auto seed = integer_in(*plan, "seed")) origin.seed = static_cast<std::uint64_t>(*seed);
  origin.shard = text_in(*plan, "shard");
  origin.program = text_in(*plan, "program");
  return origin;
}

Result<CampaignRecord> CampaignRecord::create(const RunDir& directory, const Campaign& campaign,
                                              const CampaignOrigin& origin) {
  const auto plan = plan_value(campaign, origin);
  if (!plan) return plan.error();
  auto lines = JsonLines::create(directory.file(runs_name));
  if (!lines) return lines.error();
  if (const Status written = directory.write(plan_name, to_json_pretty(*plan)); !written)
    return written.error();
  return CampaignRecord(*std::move(lines));
}

Result<CampaignRecord> CampaignRecord::reopen(const RunDir& directory, const CampaignOrigin& origin,
                                              CampaignQueue& queue) {
  const auto then = read_plan(directory.path());
  if (!then) return then.error();
  const auto now = plan_value(queue.campaign(), origin);
  if (!now) return now.error();
  if (const std::string changed = difference(*then, *now); !changed.empty())
    return Error{"cannot resume " + directory.path().string() + ": " + changed +
                     "; put it back, or begin a new campaign",
                 ErrorKind::usage};
  const fs::path path = directory.file(runs_name);
  auto lines = JsonLines::reopen(path);
  if (!lines)
    return Error{"cannot resume " + directory.path().string() + ": " + lines.error().what,
                 lines.error().kind};
  CampaignRecord record(*std::move(lines));
  const auto values = read_json_lines(path);
  if (!values) return values.error();
  for (std::size_t i = 0; i < values->size(); ++i) {
    const auto task = task_of((*values)[i], queue.campaign());
    auto run = run_of_value((*values)[i]);
    if (!task || !run || run->seed != queue.seed(*task))
      return Error{path.string() + ":" + std::to_string(i + 1) +
                       ": expected a run of this campaign" + (run ? "" : ": " + run.error().what),
                   ErrorKind::usage};
    queue.finish(*task, *std::move(run));
    ++record.kept_;
  }
  return record;
}

Status CampaignRecord::append(const CampaignTask& task, const CampaignTest& test,
                              const CampaignRun& run) {
  if (!run.is_finished()) return Ok{};
  Value line = run_value(run);
  Map map = {{"test", test.name}, {"index", static_cast<std::int64_t>(task.seed)}};
  for (const auto& member : *line.map()) map.push_back(member);
  if (const Status appended = lines_.append(map); !appended) return appended;
  return lines_.sync();
}

}  // namespace faultline
