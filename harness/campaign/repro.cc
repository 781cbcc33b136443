#include "harness/campaign/repro.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>

#include "harness/core/text.h"
#include "harness/io/document.h"
#include "harness/io/json.h"
#include "harness/io/run_dir.h"

namespace faultline {
namespace {

std::string format(const char* pattern, double value) {
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, pattern, value);
  return buffer;
}
/// "37.5 %", but "100 %": as many digits as a rate of some dozen runs is worth.
std::string percent(double share) {
  const double tenths = std::round(share * 1000) / 10;
  return format(tenths == std::round(tenths) ? "%.0f %%" : "%.1f %%", tenths);
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

/// "invalid (linearizable: stale-read, lost-write)", "unknown (vacuous)".
std::string findings_text(const RunFindings& findings) {
  std::string text = findings.verdict;
  if (!findings.reason.empty()) return text + " (" + findings.reason + ")";
  if (findings.checks.empty()) return text;
  std::vector<std::string> anomalies;
  for (const auto& [name, count] : findings.anomalies) anomalies.push_back(name);
  text += " (" + joined({findings.checks.begin(), findings.checks.end()});
  return text + (anomalies.empty() ? "" : ": " + joined(anomalies)) + ")";
}

/// How many of the replays that could tell showed each anomaly; a recorded one is there even at 0.
std::map<std::string, std::size_t> anomaly_counts(const Repro& repro) {
  std::map<std::string, std::size_t> counts;
  for (const auto& [name, count] : repro.recorded.anomalies) counts[name] = 0;
  for (const ReproRun& one : repro.runs)
    if (one.returned != Returned::cannot_tell && one.findings)
      for (const auto& [name, count] : one.findings->anomalies) ++counts[name];
  return counts;
}

/// Of those that came back, sorted.
std::vector<double> violation_times(const Repro& repro) {
  std::vector<double> times;
  for (const ReproRun& one : repro.runs)
    if (one.returned == Returned::yes && one.violation_s) times.push_back(*one.violation_s);
  std::ranges::sort(times);
  return times;
}

double median(const std::vector<double>& sorted) {
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

const char* word_of(Returned returned) {
  switch (returned) {
    case Returned::yes:
      return "came-back";
    case Returned::no:
      return "did-not";
    case Returned::cannot_tell:
      break;
  }
  return "cannot-tell";
}

Value findings_value(const RunFindings& findings) {
  Map anomalies;
  for (const auto& [name, count] : findings.anomalies) anomalies.emplace_back(name, count);
  return Map{{"verdict", findings.verdict},
             {"reason", findings.reason},
             {"checks", List(findings.checks.begin(), findings.checks.end())},
             {"anomalies", std::move(anomalies)}};
}

Value run_value(const ReproRun& one) {
  Map map = {{"outcome", word_of(one.returned)},
             {"exit_code", static_cast<int>(one.run.exit_code)},
             {"found", one.findings ? findings_value(*one.findings) : Value()},
             {"violation_s", one.violation_s ? Value(rounded(*one.violation_s)) : Value()}};
  if (!one.run.error.empty()) map.emplace_back("reason", one.run.error);
  map.emplace_back("directory", one.run.directory);
  map.emplace_back("seconds", rounded(one.run.seconds));
  return map;
}

/// Its findings, and whether they are the recorded ones.
void judge(const RunFindings& recorded, ReproRun& one) {
  if (one.run.is_error() || one.run.directory.empty()) return;
  const std::filesystem::path directory = one.run.directory;
  const auto text = read_file(directory / "results.json");
  const auto results = text ? parse_json(*text) : Result<Value>(text.error());
  const auto findings = results ? read_findings(*results) : Result<RunFindings>(results.error());
  if (!findings) {
    one.run.error = findings.error().what;
    one.run.exit_code = ExitCode::internal;
    return;
  }
  one.findings = *findings;
  one.returned = comes_back(recorded, *findings);
  one.violation_s = violation_time(*findings, directory / "history.jsonl");
}

}  // namespace

Result<RunFindings> read_findings(const Value& results) {
  RunFindings findings;
  findings.verdict = text_in(results, "verdict");
  findings.reason = text_in(results, "reason");
  if (findings.verdict != "valid" && findings.verdict != "invalid" &&
      findings.verdict != "unknown") {
    const std::string why = text_in(results, "error");
    return Error{"it has no verdict" + (why.empty() ? "" : ": " + why.substr(0, why.find('\n'))),
                 ErrorKind::usage};
  }
  const Value* checks = member_of(results, "checks");
  if (checks == nullptr || checks->list() == nullptr)
    return Error{"it has no list of checks", ErrorKind::usage};
  for (const Value& check : *checks->list()) {
    if (text_in(check, "verdict") != "invalid") continue;
    findings.checks.insert(text_in(check, "name"));
    const Value* anomalies = member_of(check, "anomalies");
    if (anomalies != nullptr && anomalies->map() != nullptr)
      for (const auto& [name, count] : *anomalies->map())
        if (count.integer() != nullptr && *count.integer() > 0)
          findings.anomalies[name] += static_cast<std::uint64_t>(*count.integer());
    std::int64_t last = -1;
    if (const Value* witness = member_of(check, "witness"); witness && witness->list())
      for (const Value& index : *witness->list())
        if (index.integer() != nullptr) last = std::max(last, *index.integer());
    if (last >= 0) findings.witness_ends.push_back(last);
  }
  return findings;
}

std::optional<double> violation_time(const RunFindings& findings,
                                     const std::filesystem::path& history_jsonl) {
  if (findings.witness_ends.empty()) return std::nullopt;
  const std::int64_t wanted = std::ranges::min(findings.witness_ends);
  // Our indexes are dense: line n is event n.
  std::ifstream file(history_jsonl);
  std::string line;
  for (std::int64_t index = 0; std::getline(file, line); ++index) {
    if (index < wanted) continue;
    const auto event = parse_json(line);
    if (!event || integer_in(*event, "index") != wanted) return std::nullopt;
    const auto time = integer_in(*event, "time");
    return time ? std::optional(static_cast<double>(*time) * 1e-9) : std::nullopt;
  }
  return std::nullopt;
}

Returned comes_back(const RunFindings& recorded, const RunFindings& again) {
  if (again.verdict == "unknown")
    return recorded.verdict == "unknown" && recorded.reason == again.reason ? Returned::yes
                                                                            : Returned::cannot_tell;
  if (again.verdict != recorded.verdict) return Returned::no;
  if (recorded.checks.empty()) return Returned::yes;
  const bool same = std::ranges::any_of(
      recorded.checks, [&](const std::string& check) { return again.checks.contains(check); });
  return same ? Returned::yes : Returned::no;
}

std::size_t Repro::count(Returned returned) const {
  return static_cast<std::size_t>(std::ranges::count(runs, returned, &ReproRun::returned));
}

bool Repro::interrupted() const {
  return !runs.empty() && runs.back().run.exit_code == ExitCode::interrupted;
}

ExitCode Repro::exit_code() const {
  if (interrupted()) return ExitCode::interrupted;
  const std::size_t sure = count(Returned::yes), possible = planned - count(Returned::no);
  const std::size_t most = at_most.value_or(planned);
  if (sure >= at_least && possible <= most) return ExitCode::valid;
  if (possible < at_least || sure > most) return ExitCode::violation;
  ExitCode worst = ExitCode::unknown;
  for (const ReproRun& one : runs)
    if (one.returned == Returned::cannot_tell && one.run.is_error())
      worst = worse(worst, one.run.exit_code);
  return worst;
}

void run_repro(Repro& repro, const std::function<CampaignRun()>& replay,
               const std::function<void(const ReproRun&)>& finished) {
  const auto began = std::chrono::steady_clock::now();
  while (repro.runs.size() < repro.planned && !repro.interrupted()) {
    ReproRun& one = repro.runs.emplace_back();
    one.run = replay();
    judge(repro.recorded, one);
    finished(one);
  }
  repro.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

std::string repro_line(const Repro& repro) {
  const ReproRun& one = repro.runs.back();
  const char* mark = one.returned == Returned::yes  ? "came back  "
                     : one.returned == Returned::no ? "did not    "
                                                    : "cannot tell";
  std::string text = std::to_string(repro.runs.size()) + " of " + std::to_string(repro.planned);
  text = padded(std::move(text), 10) + "  " + mark + "  " + format("%6.1f s", one.run.seconds);
  text += "  " + (one.findings ? findings_text(*one.findings) : "no verdict");
  if (one.violation_s) text += ", shown at " + format("%.2f s", *one.violation_s);
  if (!one.run.directory.empty()) text += "  " + one.run.directory;
  text += '\n';
  if (!one.run.error.empty()) text += "            " + one.run.error + '\n';
  return text;
}

std::string repro_text(const Repro& repro) {
  const std::size_t k = repro.count(Returned::yes), n = k + repro.count(Returned::no);
  std::string text = findings_text(repro.recorded) + ": ";
  if (n == 0) {
    text += "no replay could tell whether it comes back\n";
  } else {
    text += "came back in " + std::to_string(k) + " of " + std::to_string(n) + " replays";
    const Interval interval = clopper_pearson(k, n);
    if (k == 0)
      text += ": at most " + percent(never_bound(n)) + " of replays show it (95 %, one-sided)\n";
    else
      text += ", " + percent(static_cast<double>(k) / static_cast<double>(n)) + "; 95 % interval " +
              percent(interval.low) + " to " + percent(interval.high) + " (Clopper-Pearson)\n";
  }
  std::vector<std::string> anomalies;
  for (const auto& [name, count] : anomaly_counts(repro))
    anomalies.push_back(name + " " + std::to_string(count));
  if (!anomalies.empty() && n > 0)
    text += "of " + std::to_string(n) + " showed: " + joined(anomalies) + '\n';
  if (const auto times = violation_times(repro); !times.empty())
    text += "time to a violation that can be proved: median " + format("%.2f s", median(times)) +
            ", from " + format("%.2f s", times.front()) + " to " + format("%.2f s", times.back()) +
            " of load\n";
  if (const std::size_t apart = repro.count(Returned::cannot_tell); apart > 0)
    text += std::to_string(apart) + " more could not tell, and count for neither\n";
  if (repro.interrupted())
    text += "interrupted after " + std::to_string(repro.runs.size()) + " of " +
            std::to_string(repro.planned) + " replays\n";
  return text + "exit code " + std::to_string(static_cast<int>(repro.exit_code())) + ", " +
         format("%.1f s", repro.seconds) + "\n";
}

Value repro_value(const Repro& repro) {
  const std::size_t k = repro.count(Returned::yes), n = k + repro.count(Returned::no);
  const Interval interval = clopper_pearson(k, n);
  Map anomalies;
  for (const auto& [name, count] : anomaly_counts(repro)) anomalies.emplace_back(name, count);
  Value times;
  if (const auto sorted = violation_times(repro); !sorted.empty())
    times = Map{{"min", rounded(sorted.front())},
                {"median", rounded(median(sorted))},
                {"max", rounded(sorted.back())}};
  List runs;
  for (const ReproRun& one : repro.runs) runs.push_back(run_value(one));
  return Map{
      {"schema", "faultline.repro/1"},
      {"run", repro.run.string()},
      {"as_planned", repro.as_planned},
      {"set", List(repro.settings.begin(), repro.settings.end())},
      {"recorded", findings_value(repro.recorded)},
      {"planned", repro.planned},
      {"came_back", k},
      {"did_not", repro.count(Returned::no)},
      {"cannot_tell", repro.count(Returned::cannot_tell)},
      {"rate", n > 0 ? Value(rounded(static_cast<double>(k) / static_cast<double>(n))) : Value()},
      {"interval", Map{{"method", "clopper-pearson"},
                       {"confidence", 0.95},
                       {"low", rounded(interval.low)},
                       {"high", rounded(interval.high)}}},
      {"never_bound", k == 0 ? Value(rounded(never_bound(n))) : Value()},
      {"anomalies", std::move(anomalies)},
      {"violation_s", std::move(times)},
      {"at_least", repro.at_least},
      {"at_most", repro.at_most ? Value(*repro.at_most) : Value()},
      {"interrupted", repro.interrupted()},
      {"runs", std::move(runs)},
      {"seconds", rounded(repro.seconds)},
      {"exit_code", static_cast<int>(repro.exit_code())}};
}

}  // namespace faultline
