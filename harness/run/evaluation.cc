#include "harness/run/evaluation.h"

#include <atomic>
#include <chrono>
#include <future>
#include <optional>
#include <utility>

#include "harness/run/judge.h"
#include "harness/run/log_check.h"

namespace faultline {

void measure(const Plan& plan, const PastLoad& load, Findings& findings) {
  const History& history = findings.history;
  const std::vector<LoadStretch> stretches = load_stretches(plan.load, load.crew_begin.count());
  findings.availability =
      measure_availability(history, fault_windows(load.faults), load.period, stretches);
  std::optional<Latencies> intended;
  if (!plan.load.unlimited()) {
    findings.load = &load.report;
    findings.law = apply_littles_law(load.report, history, load.period);
    intended = load.report.total().intended;
  }
  findings.intended = intended;
  if (plan.has_phases)
    findings.phases = measure_phases(load.report, history, load.period, stretches);
  Metrics metrics = availability_metrics(findings.availability, intended ? &*intended : nullptr);
  for (auto& metric : load_metrics(findings.load, findings.availability.counts))
    metrics.push_back(std::move(metric));
  findings.thresholds = judge_thresholds(plan.thresholds, metrics);
}

void check(const Plan& plan, const std::filesystem::path& directory,
           const std::function<bool()>& poll, Findings& findings) {
  using Clock = std::chrono::steady_clock;
  std::atomic<bool> out_of_patience{false};
  for (const CheckPlan& planned : plan.checks) {
    auto judging = std::async(std::launch::async, [&] {
      return judge(*planned.checker, findings.history,
                   {plan.budget_time, plan.budget_memory, &out_of_patience});
    });
    while (judging.wait_for(std::chrono::milliseconds(20)) != std::future_status::ready)
      if (!poll()) out_of_patience = true;
    findings.checks.push_back(judging.get());
  }
  if (plan.logs.empty()) return;
  const auto begin = Clock::now();
  Verdict verdict = check_logs(directory, plan.logs);
  findings.checks.push_back(
      {std::move(verdict), std::chrono::duration<double>(Clock::now() - begin).count()});
}

}  // namespace faultline
