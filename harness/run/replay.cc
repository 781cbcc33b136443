#include "harness/run/replay.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "harness/core/text.h"
#include "harness/io/document.h"
#include "harness/io/json.h"
#include "harness/io/run_dir.h"
#include "harness/run/yaml.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

Error usage(const fs::path& file, const std::string& what) {
  return {file.string() + ": " + what, ErrorKind::usage};
}

/// A run's directory, or what the user may have meant instead.
Result<fs::path> find_run(const fs::path& run) {
  std::error_code failed;
  const fs::path path = fs::canonical(run, failed);
  if (failed) return usage(run, "there is no such run: " + failed.message());
  if (!fs::is_directory(path)) return usage(run, "expected a run's directory, found a file");
  if (fs::exists(path / "config.yaml") && fs::exists(path / "schedule.json")) return path;
  std::string what = fs::exists(path / "config.yaml")
                         ? "it has no schedule.json; it was over before anything was planned"
                         : "this is no run: it has no config.yaml";
  if (fs::exists(path / "latest"))
    what += "; did you mean " + (run / "latest").string() + "?";
  else if (fs::exists(path / "campaign.json") || fs::exists(path / "repro.json"))
    what += "; it holds many: name one of the runs below it";
  return usage(run, what);
}

/// A setting that would make the replay another test.
Status check_setting(const std::string& setting) {
  const std::string key = setting.substr(0, setting.find('='));
  const std::string top = key.substr(0, key.find('.'));
  const bool contradicts = top == "seed" || top == "time" || top == "workload" || top == "faults" ||
                           top == "phases" || top == "clients" || key == "target" ||
                           key == "target.nodes";
  if (!contradicts) return Ok{};
  return Error{"--set " + setting + ": a replay takes " +
                   (top == "target" ? "the nodes" : "the " + top) +
                   " from the recorded run; for another test: faultline run RUN/config.yaml",
               ErrorKind::usage};
}

Result<Plan> read_plan(const fs::path& run, const ReplayOptions& options,
                       const Catalogues& catalogues) {
  Result<ConfigNode> root = load_config(run / "config.yaml");
  if (!root) return root.error();
  // Without it every replay would draw another one.
  if (root->find("seed") == nullptr) return usage(run / "config.yaml", "the seed is missing");
  for (const std::string& setting : options.settings) {
    if (const Status fits = check_setting(setting); !fits) return fits.error();
    if (const Status set = set_config(*root, setting); !set) return set.error();
  }
  return make_plan(*root, catalogues, {run.parent_path().filename().string(), 0});
}

std::optional<Nanoseconds> time_in(const Value& line, std::string_view key) {
  constexpr double seconds_max = 1e9;
  const auto seconds = number_in(line, key);
  if (!seconds || !(*seconds >= 0) || *seconds > seconds_max) return std::nullopt;
  // Written with microseconds.
  return std::chrono::microseconds(std::llround(*seconds * 1e6));
}

/// Reads the strikes of schedule.json and checks them against the plan.
class ScheduleReader {
 public:
  ScheduleReader(fs::path file, const Plan& plan) : file_(std::move(file)), plan_(plan) {}

  Result<std::vector<PlannedFault>> read() {
    const auto text = read_file(file_);
    if (!text) return text.error();
    const auto document = parse_json(*text);
    if (!document) return usage(file_, document.error().what);
    if (const std::string schema = text_in(*document, "schema"); schema != "faultline.schedule/1")
      return usage(file_, "expected the schema faultline.schedule/1, found \"" + schema + "\"");
    const Value* faults = member_of(*document, "faults");
    if (faults == nullptr || faults->list() == nullptr)
      return usage(file_, "expected a list \"faults\"");
    std::vector<PlannedFault> schedule;
    for (const Value& line : *faults->list()) {
      const auto planned = read_strike(line, schedule.size() + 1);
      if (!planned) return planned.error();
      schedule.push_back(*planned);
    }
    std::ranges::stable_sort(schedule, {}, &PlannedFault::start);
    return schedule;
  }

 private:
  Result<PlannedFault> read_strike(const Value& line, std::size_t number) {
    const auto bad = [&](const std::string& what) {
      return usage(file_, "fault " + std::to_string(number) + ": " + what);
    };
    const auto id = integer_in(line, "id"), entry = integer_in(line, "entry");
    const auto start = time_in(line, "planned"), end = time_in(line, "until");
    if (!id || *id < 1 || *id > static_cast<std::int64_t>(planned_faults_max) || !entry || !start ||
        !end || *end <= *start)
      return bad("expected id, entry, and planned before until");
    if (!ids_.insert(*id).second) return bad("there are two of id " + std::to_string(*id));
    if (*entry < 0 || static_cast<std::size_t>(*entry) >= plan_.faults.size())
      return bad("config.yaml has no entry " + std::to_string(*entry) + " of faults");
    const FaultPlan& fault = plan_.faults[static_cast<std::size_t>(*entry)];
    if (const std::string name = text_in(line, "fault"); name != fault.fault)
      return bad("it is a \"" + name + "\", but config.yaml says " + fault.fault);
    for (const auto& [key, value] : fault.nemesis->parameters())
      if (const Value* recorded = member_of(line, key); recorded == nullptr || *recorded != value)
        return bad(key + " differs from config.yaml's " + to_text(value));
    if (*end > plan_.time + std::chrono::microseconds(1))
      return bad("it ends after the load, which lasts " + format_duration(plan_.time));
    return PlannedFault{static_cast<FaultId>(*id), static_cast<std::size_t>(*entry), *start, *end};
  }

  fs::path file_;
  const Plan& plan_;
  std::set<std::int64_t> ids_;
};

/// Reads what became of the strikes from faults.jsonl.
class StrikesReader {
 public:
  StrikesReader(fs::path file, const Plan& plan, std::span<const PlannedFault> schedule,
                bool as_planned)
      : file_(std::move(file)), plan_(plan), schedule_(schedule), as_planned_(as_planned) {
    for (std::size_t node = 0; node < plan.nodes; ++node)
      names_.push_back("n" + std::to_string(node + 1));
    for (std::size_t client = 0; client < plan.client_machines; ++client)
      names_.push_back("c" + std::to_string(client + 1));
  }

  Result<std::map<FaultId, RecordedStrike>> read() {
    if (!fs::exists(file_)) return strikes_;
    const auto lines = read_json_lines(file_);
    if (!lines) return lines.error();
    for (std::size_t i = 0; i < lines->size(); ++i)
      if (const Status status = read_line((*lines)[i]); !status)
        return usage(file_.string() + ":" + std::to_string(i + 1), status.error().what);
    return strikes_;
  }

 private:
  Status read_line(const Value& line) {
    const auto id = integer_in(line, "id");
    const auto planned = std::ranges::find(
        schedule_, id.value_or(0), [](const PlannedFault& one) { return std::int64_t{one.id}; });
    if (planned == schedule_.end()) return Error{"expected the id of a fault of schedule.json"};
    const FaultPlan& fault = plan_.faults[planned->entry];
    if (text_in(line, "fault") != fault.fault)
      return Error{"fault " + std::to_string(*id) + " is a " + fault.fault + " in schedule.json"};
    const Value* reached = member_of(line, "reached");
    if (reached != nullptr && *reached == Value(false)) return Ok{};
    if (as_planned_ && fault.needs_leader()) return Ok{};

    RecordedStrike strike;
    const Value* applied = member_of(line, "applied");
    if (applied == nullptr) return Error{"expected \"applied\""};
    strike.struck = !applied->is_nil();
    if (strike.struck)
      if (const Status read = read_struck(line, *planned, strike); !read) return read;
    if (!strikes_.emplace(planned->id, std::move(strike)).second)
      return Error{"fault " + std::to_string(*id) + " is there already"};
    return Ok{};
  }

  Status read_struck(const Value& line, const PlannedFault& planned, RecordedStrike& strike) {
    const auto applied = time_in(line, "applied");
    if (!applied) return Error{"applied: expected seconds since the load began"};
    strike.applied = *applied;
    auto victims = machines_in(line, "victims");
    if (!victims) return victims.error();
    if (victims->empty()) return Error{"victims: expected the nodes that were struck"};
    const bool of_clients = plan_.faults[planned.entry].nemesis->strikes_clients();
    for (const std::size_t victim : *victims)
      if ((victim >= plan_.nodes) != of_clients)
        return Error{"victims: " + names_[victim] + " is " + (of_clients ? "no" : "a") +
                     " client machine"};
    strike.victims = *std::move(victims);
    if (member_of(line, "leaders") != nullptr) {
      auto leaders = machines_in(line, "leaders");
      if (!leaders) return leaders.error();
      strike.leaders = *std::move(leaders);
    }
    const Value* evidence = member_of(line, "evidence");
    if (evidence == nullptr || evidence->map() == nullptr) return Error{"expected \"evidence\""};
    const FaultPlan& fault = plan_.faults[planned.entry];
    return fault.nemesis->recall(planned.id, *evidence->map(), names_);
  }

  /// Their indexes, sorted.
  Result<std::vector<std::size_t>> machines_in(const Value& line, const std::string& key) const {
    const Value* list = member_of(line, key);
    if (list == nullptr || list->list() == nullptr)
      return Error{key + ": expected a list of nodes"};
    std::set<std::size_t> nodes;
    for (const Value& item : *list->list()) {
      const auto at = std::ranges::find_if(
          names_, [&](const std::string& name) { return item == Value(name); });
      if (at == names_.end())
        return Error{key + ": expected nodes of n1 to " + names_.back() + ", found " +
                     to_text(item)};
      nodes.insert(static_cast<std::size_t>(at - names_.begin()));
    }
    return std::vector<std::size_t>(nodes.begin(), nodes.end());
  }

  fs::path file_;
  const Plan& plan_;
  std::span<const PlannedFault> schedule_;
  bool as_planned_;
  std::vector<std::string> names_;  ///< Of the machines, by index.
  std::map<FaultId, RecordedStrike> strikes_;
};

/// Of the strikes without a record, only those on a role may find another victim: everything else
/// is a function of the seed.
std::string unrecorded_note(const Plan& plan) {
  const Recording& recording = *plan.recording;
  std::size_t missing = 0, roles = 0;
  for (const PlannedFault& planned : recording.schedule) {
    if (recording.strikes.contains(planned.id)) continue;
    ++missing;
    roles += plan.faults[planned.entry].needs_leader() ? 1 : 0;
  }
  if (missing == 0) return {};
  std::string note = std::to_string(missing) + " of " + std::to_string(recording.schedule.size()) +
                     " planned faults left no record, for the run ended before; ";
  if (roles == 0) return note + "they are drawn from the seed again, which gives the same";
  return note + std::to_string(roles) + " of them strike a role, whose nodes are found out again";
}

}  // namespace

Result<Replay> plan_replay(const fs::path& run, const ReplayOptions& options,
                           const Catalogues& catalogues) {
  const auto path = find_run(run);
  if (!path) return path.error();
  auto plan = read_plan(*path, options, catalogues);
  if (!plan) return plan.error();
  Replay replay{*std::move(plan), *path, {}};
  auto schedule = ScheduleReader(*path / "schedule.json", replay.plan).read();
  if (!schedule) return schedule.error();
  auto strikes =
      StrikesReader(*path / "faults.jsonl", replay.plan, *schedule, options.as_planned).read();
  if (!strikes) return strikes.error();
  replay.plan.recording = Recording{*std::move(schedule), *std::move(strikes)};
  // With --as-planned, roles are found out again because the user says so.
  if (std::string note = unrecorded_note(replay.plan); !note.empty() && !options.as_planned)
    replay.notes.push_back(std::move(note));
  return replay;
}

std::vector<std::string> version_differences(const fs::path& run, const Value& now) {
  const auto text = read_file(run / "meta.json");
  const auto recorded = text ? parse_json(*text) : Result<Value>(text.error());
  if (!recorded)
    return {
        "the recording's meta.json cannot be read, so nobody can tell whether it was made with "
        "this "
        "faultline and this store"};
  std::vector<std::string> differences;
  const auto faultline = [](const Value& meta) {
    return text_in(meta, "version") + " (commit " + text_in(meta, "commit") + ")";
  };
  if (faultline(*recorded) != faultline(now))
    differences.push_back("faultline " + faultline(*recorded) + " made the recording, this is " +
                          faultline(now));
  static const Value nothing;
  const Value* before = member_of(*recorded, "store");
  const Value* after = member_of(now, "store");
  if (before == nullptr) before = &nothing;
  if (after == nullptr) after = &nothing;
  for (const auto& [key, what] :
       {std::pair("name", "store"), {"version", "store's version"}, {"sha256", "store's sha256"}}) {
    const std::string was = text_in(*before, key), is = text_in(*after, key);
    if (was != is)
      differences.push_back("the " + std::string(what) + " was " + (was.empty() ? "unknown" : was) +
                            " and is " + (is.empty() ? "unknown" : is));
  }
  return differences;
}

}  // namespace faultline
