#include "harness/run/results.h"

#include <algorithm>
#include <cmath>

#include <fmt/printf.h>

#include "harness/core/text.h"
#include "harness/io/json.h"
#include "harness/run/judge.h"

namespace faultline {
namespace {

/// Whether an ok of it tells anything about the state.
bool observes(Function function) {
  switch (function) {
    case Function::write:
    case Function::add:
    case Function::remove:
    case Function::enqueue:
    case Function::push:
    case Function::release:
    case Function::transfer:
      return false;
    default:
      return true;
  }
}

bool observed_anything(const History& history) {
  for (OperationId id = 0; id < history.size(); ++id)
    if (history.fate()[id] == Fate::ok && observes(history.function()[id])) return true;
  return false;
}

/// Why the run proves nothing even if no check objects; empty if it does.
std::string vacuous_because(const Findings& f) {
  if (!observed_anything(f.history)) return "no read succeeded";
  for (const FaultTally& fault : f.faults)
    if (fault.effective == 0)
      return "the fault " + fault.fault + " was never effective (" +
             std::to_string(fault.injected) + " of " + std::to_string(fault.planned) + " injected)";
  return {};
}

void weigh_verdict(const Findings& f, Answer& answer) {
  if (f.unchecked) {
    answer.reason = "interrupted";
    answer.sentence = "interrupted before the checks";
    return;
  }
  std::vector<const Verdict*> verdicts;
  for (const Judgement& check : f.checks) verdicts.push_back(&check.verdict);
  verdicts.push_back(&f.crash_free);
  answer.verdict = Validity::valid;
  for (const Verdict* verdict : verdicts)
    answer.verdict = std::max(answer.verdict, verdict->validity);

  const auto reason_of = [&](Validity validity) {
    const Verdict* chosen = nullptr;  // of several unknowns, one that is not merely vacuous
    for (const Verdict* verdict : verdicts)
      if (verdict->validity == validity && (chosen == nullptr || chosen->reason == "vacuous"))
        chosen = verdict;
    return chosen;
  };
  if (answer.verdict != Validity::valid) {
    const Verdict* worst = reason_of(answer.verdict);
    answer.reason = answer.verdict == Validity::unknown ? worst->reason : "";
    answer.sentence = worst->name + ": " + worst->summary;
  }
  const std::string vacuous = vacuous_because(f);
  if (!vacuous.empty() && answer.verdict == Validity::valid) {
    answer.verdict = Validity::unknown;
    answer.reason = "vacuous";
    answer.sentence = vacuous;
  } else if (answer.verdict == Validity::valid) {
    answer.sentence =
        f.checks.empty() ? "no check was asked for" : f.checks.front().verdict.summary;
  }
  // Nothing was found in what there is, and nobody knows what there would have been.
  if (f.broken && answer.verdict != Validity::invalid) {
    answer.verdict = Validity::unknown;
    answer.reason = "incomplete";
    answer.sentence = f.broken->what;
  }
}

/// By name of fault, entries of the same name added up.
Value faults_value(const std::vector<FaultTally>& tallies) {
  std::vector<FaultTally> sums;
  for (const FaultTally& tally : tallies) {
    auto at = std::find_if(sums.begin(), sums.end(),
                           [&](const FaultTally& sum) { return sum.fault == tally.fault; });
    if (at == sums.end()) at = sums.insert(sums.end(), {tally.fault, 0, 0, 0});
    at->planned += tally.planned;
    at->injected += tally.injected;
    at->effective += tally.effective;
    at->heals_failed += tally.heals_failed;
    at->doubts.insert(tally.doubts.begin(), tally.doubts.end());
  }
  Map map;
  for (const FaultTally& sum : sums) {
    Map told = {{"planned", sum.planned}, {"injected", sum.injected}, {"effective", sum.effective}};
    if (sum.heals_failed > 0) told.emplace_back("heals_failed", sum.heals_failed);
    if (!sum.doubts.empty())
      told.emplace_back("doubts", List(sum.doubts.begin(), sum.doubts.end()));
    map.emplace_back(sum.fault, std::move(told));
  }
  return map;
}

Value recovery_value(const Findings::Recovery& recovery) {
  Map map = {{"within", rounded(recovery.within)}, {"awaited", recovery.awaited}};
  if (!recovery.awaited) return map;
  map.emplace_back("recovered", recovery.recovered);
  map.emplace_back("seconds", rounded(recovery.seconds));
  map.emplace_back("missing", List(recovery.missing.begin(), recovery.missing.end()));
  return map;
}

Value thresholds_value(const std::vector<ThresholdResult>& results) {
  Map map;
  for (const ThresholdResult& result : results)
    map.emplace_back(result.threshold.metric,
                     Map{{"limit", result.threshold.limit_text()},
                         {"value", result.value ? Value(*result.value) : Value()},
                         {"met", result.met}});
  return map;
}

std::string measured_text(const std::optional<std::int64_t>& v) {
  return v ? "in " + format_seconds(*v) : std::string("not measured");
}

std::string availability_text(const Findings& f) {
  const Availability& a = f.availability;
  const Counts& c = a.counts;
  const auto percent = [&](std::uint64_t part) {
    return fmt::sprintf("%.1f %%", 100 * c.share(part).value_or(0));
  };
  const double length = static_cast<double>(a.load.end - a.load.begin) * 1e-9;
  std::string text =
      fmt::sprintf("availability: %llu operations, ", static_cast<unsigned long long>(c.total())) +
      percent(c.served()) + " ok, " + percent(c.fail) + " fail, " + percent(c.info) + " info, " +
      fmt::sprintf("%.0f/s", length > 0 ? static_cast<double>(c.served()) / length : 0.0) +
      "; longest outage " + format_seconds(a.outage.length) + "\n";
  const LatencyHistogram all = a.latencies.all();
  text += fmt::sprintf("latency: p50 %.1f ms, p99 %.1f ms, max %.1f ms",
                       1e-6 * double(all.quantile(0.5)), 1e-6 * double(all.quantile(0.99)),
                       1e-6 * double(all.max()));
  if (!f.faults.empty())
    text += "; after a heal: first ok " + measured_text(a.longest_first_ok()) + ", full rate " +
            measured_text(a.longest_full_rate());
  return text + "\n";
}

std::string faults_text(const Findings& f) {
  std::string text;
  for (const FaultTally& fault : f.faults)
    text += (text.empty() ? "faults: " : ", ") + fault.fault + " " +
            std::to_string(fault.effective) + " of " + std::to_string(fault.planned) + " effective";
  if (!text.empty()) text += "\n";
  std::string failed;
  for (const FaultTally& fault : f.faults)
    if (fault.heals_failed > 0)
      failed += (failed.empty() ? "" : ", ") + fault.fault + " " +
                std::to_string(fault.heals_failed) + " of " + std::to_string(fault.injected);
  if (!failed.empty())
    text += "warning: heals failed: " + failed +
            "; what came after them may have been broken still (faults.jsonl)\n";
  for (const FaultTally& fault : f.faults)
    for (const std::string& doubt : fault.doubts)
      text += "doubt: " + fault.fault + ": " + doubt + "; see docs/clocks.md\n";
  return text;
}

std::string verdict_line(const Findings& f, const Answer& answer) {
  std::string text = std::string(name_of(answer.verdict));
  if (!answer.reason.empty()) text += " (" + answer.reason + ")";
  if (f.expected)
    text += std::string(", expected ") + std::string(name_of(*f.expected)) +
            (answer.matched ? ": as expected" : ": NOT as expected");
  return text + ": " + answer.sentence + "\n";
}

/// What else than the verdict decides the exit code, a line each.
std::string shortfalls(const Findings& f, const Answer& answer) {
  std::string text;
  for (const ThresholdResult& t : f.thresholds)
    if (!t.met)
      text += "threshold missed: " + t.threshold.metric + " " + t.threshold.limit_text() +
              ", was " + (t.value ? fmt::sprintf("%g", *t.value) : std::string("not measured")) +
              "\n";
  if (f.recovery.awaited && !f.recovery.recovered)
    for (const std::string& missing : f.recovery.missing)
      text += "not recovered: " + missing + "\n";
  if (f.interrupted) text += "interrupted, and healed\n";
  if (f.ended_early)
    text += "the load ended at " +
            fmt::sprintf("%.2f s", static_cast<double>(*f.ended_early) / 1e9) +
            ": a violation was proven\n";
  if (f.broken && answer.reason != "incomplete")
    text += "the run is incomplete: " + f.broken->what + "\n";
  return text;
}

}  // namespace

Answer weigh(const Findings& f) {
  Answer answer;
  weigh_verdict(f, answer);
  answer.exit_code = exit_code_of(answer.verdict, answer.reason);
  if (f.expected) {
    Validity checked = Validity::valid;
    for (const Judgement& check : f.checks) checked = std::max(checked, check.verdict.validity);
    const bool vacuous = answer.verdict == Validity::unknown;  // an invalid one needs no more proof
    answer.matched = checked == *f.expected && !(vacuous && checked == Validity::valid) &&
                     f.crash_free.validity != Validity::invalid;
    const bool had_no_time = (f.interrupted || f.broken) && answer.verdict != Validity::invalid;
    if (answer.matched)
      answer.exit_code = ExitCode::valid;
    else if (!had_no_time)
      answer.exit_code = ExitCode::violation;
  }
  const bool missed = std::any_of(f.thresholds.begin(), f.thresholds.end(),
                                  [](const ThresholdResult& t) { return !t.met; });
  if (missed) answer.exit_code = worse(answer.exit_code, ExitCode::threshold);
  if (f.recovery.awaited && !f.recovery.recovered)
    answer.exit_code = worse(answer.exit_code, ExitCode::threshold);
  if (f.interrupted) answer.exit_code = worse(answer.exit_code, ExitCode::interrupted);
  if (f.broken) answer.exit_code = worse(answer.exit_code, exit_code_of(*f.broken));
  return answer;
}

Map results_value(const Findings& f, const Answer& answer) {
  Map map = {{"schema", "faultline.results/1"},
             {"name", f.name},
             {"seed", f.seed},
             {"verdict", std::string(name_of(answer.verdict))}};
  if (!answer.reason.empty()) map.emplace_back("reason", answer.reason);
  map.emplace_back("summary", answer.sentence);
  if (f.expected) map.emplace_back("expected", std::string(name_of(*f.expected)));
  if (f.expected) map.emplace_back("matched", answer.matched);
  map.emplace_back("exit_code", static_cast<std::int64_t>(answer.exit_code));
  map.emplace_back("interrupted", f.interrupted);
  if (f.ended_early) map.emplace_back("ended_early_ns", *f.ended_early);
  if (f.broken) map.emplace_back("error", f.broken->what);
  map.emplace_back("operations", f.history.size());
  List checks;
  for (const Judgement& check : f.checks)
    checks.push_back(verdict_value(check.verdict, f.history, check.seconds));
  checks.push_back(verdict_value(f.crash_free, f.history, 0));
  map.emplace_back("checks", std::move(checks));
  map.emplace_back("faults", faults_value(f.faults));
  map.emplace_back("recovery", recovery_value(f.recovery));
  map.emplace_back("thresholds", thresholds_value(f.thresholds));
  map.emplace_back("availability",
                   availability_value(f.availability, f.intended ? &*f.intended : nullptr));
  if (f.load != nullptr) map.emplace_back("load", load_value(*f.load, f.law));
  if (!f.phases.empty()) map.emplace_back("phases", phases_value(f.phases));
  return map;
}

Value failed_value(const std::string& name, std::uint64_t seed, const Error& error) {
  return Map{{"schema", "faultline.results/1"},
             {"name", name},
             {"seed", seed},
             {"verdict", "error"},
             {"error", error.what},
             {"exit_code", static_cast<std::int64_t>(exit_code_of(error))}};
}

std::string results_brief(const Findings& f, const Answer& answer) {
  std::string text = verdict_line(f, answer) + shortfalls(f, answer);
  text.pop_back();
  return text;
}

std::string results_text(const Findings& f, const Answer& answer) {
  std::string text = verdict_line(f, answer);
  std::vector<const Verdict*> verdicts;
  for (const Judgement& check : f.checks) verdicts.push_back(&check.verdict);
  verdicts.push_back(&f.crash_free);
  for (const Verdict* verdict : verdicts) {
    if (verdict->validity != Validity::invalid || verdict->explanation.empty()) continue;
    text += "\n" + verdict->explanation;
    if (text.back() != '\n') text += '\n';
    text += '\n';
  }
  for (const Verdict* verdict : verdicts) text += table_text(*verdict);
  text += faults_text(f) + availability_text(f);
  if (f.load != nullptr) text += load_text(*f.load, f.law, f.phases);
  return text + shortfalls(f, answer);
}

}  // namespace faultline
