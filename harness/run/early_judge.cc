#include "harness/run/early_judge.h"

#include <algorithm>
#include <chrono>
#include <map>

#include <sys/resource.h>

#include "harness/io/load.h"

namespace faultline {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto look_interval = std::chrono::milliseconds(50);
constexpr int politeness = 10;  ///< As nice(1) has it.
/// To name what was found may take a while: not more than a fifth of the time.
constexpr int rest = 4;

}  // namespace

bool EarlyJudge::is_wanted(const Plan& plan) {
  return plan.fail_fast || std::ranges::any_of(plan.checks, [](const CheckPlan& check) {
           return check.checker->online({}) != nullptr;
         });
}

EarlyJudge::EarlyJudge(const Plan& plan, std::filesystem::path history,
                       std::function<std::uint64_t()> events)
    : plan_(plan), history_(std::move(history)), events_(std::move(events)), tail_(history_) {
  Budget budget;
  budget.bytes_max = plan.budget_memory;
  budget.stop = &stop_;
  for (std::size_t i = 0; i < plan.checks.size(); ++i)
    if (auto checker = plan.checks[i].checker->online(budget))
      fed_.push_back({i, std::move(checker)});
  thread_ = std::thread([this] { run(); });
}

EarlyJudge::~EarlyJudge() {
  {
    const std::lock_guard lock(mutex_);
    dismissed_ = true;
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

std::optional<EarlyFinding> EarlyJudge::finding() const {
  const std::lock_guard lock(mutex_);
  return finding_;
}

void EarlyJudge::tell(Progress& progress) const {
  const std::lock_guard lock(mutex_);
  if (finding_)
    progress.violation = "violation proven: " + anomalies_text(finding_->anomalies);
  else if (!anomalies_.empty())
    progress.violation = "anomalies: " + anomalies_text(anomalies_);
}

void EarlyJudge::run() {
  // Of this thread alone, on Linux; where it is refused, the judge is merely less polite.
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, politeness));
  while (await_more()) {
    if (!follow()) fed_.clear();  // the recorder tells what is wrong
    if (plan_.fail_fast && (finding() || look_again())) return;
  }
}

/// False: dismissed.
bool EarlyJudge::await_more() {
  std::unique_lock lock(mutex_);
  return !changed_.wait_for(lock, look_interval, [this] { return dismissed_; });
}

bool EarlyJudge::is_fed(std::size_t check) const {
  return std::ranges::any_of(fed_, [&](const Fed& fed) {
    return fed.check == check && fed.checker != nullptr && fed.checker->finds_all();
  });
}

/// Feeds what was added. False: it cannot be read.
bool EarlyJudge::follow() {
  const auto visit = [this](const ValuePool& pool, const OnlineEvent& event) {
    for (Fed& fed : fed_)
      if (fed.checker != nullptr) fed.checker->feed(pool, event);
  };
  const auto is_live = [](const Fed& fed) { return fed.checker != nullptr; };
  while (!stop_ && std::ranges::any_of(fed_, is_live)) {
    const auto taken = tail_.read(visit);
    if (!taken) return false;
    if (*taken == 0) break;
    is_asked_ = false;
    ask();
    if (plan_.fail_fast && finding()) return true;
  }
  ask();
  return true;
}

void EarlyJudge::ask() {
  const auto begin = Clock::now();
  if (is_asked_ || stop_ || begin < ask_after_) return;
  is_asked_ = true;
  std::map<std::string, std::uint64_t> all;
  for (Fed& fed : fed_) {
    if (fed.checker != nullptr) fed.findings = fed.checker->findings();
    // What it found stays true, but it looks at nothing any more.
    if (!fed.findings.ended.empty()) fed.checker.reset();
    for (const auto& [name, count] : fed.findings.anomalies) all[name] += count;
    if (plan_.fail_fast && !fed.findings.anomalies.empty())
      end_with({fed.check, fed.findings.anomalies});
  }
  ask_after_ = Clock::now() + rest * (Clock::now() - begin);
  const std::lock_guard lock(mutex_);
  anomalies_.assign(all.begin(), all.end());
}

/// At all there is, if a quarter was added. True: a violation is proven, or it was dismissed.
bool EarlyJudge::look_again() {
  bool all_fed = true;
  for (std::size_t i = 0; i < plan_.checks.size(); ++i) all_fed = all_fed && is_fed(i);
  const std::uint64_t events = events_();
  if (all_fed || events <= looked_at_ + looked_at_ / 4) return false;
  looked_at_ = events;
  const auto loaded = load_history(history_, {.threads = 1});
  if (!loaded) return false;  // there is nothing yet, or the recorder tells what is wrong
  for (std::size_t i = 0; i < plan_.checks.size(); ++i) {
    if (is_fed(i)) continue;
    const Allowance allowance{plan_.budget_time, plan_.budget_memory, &stop_, 1};
    const Verdict verdict = judge(*plan_.checks[i].checker, loaded->history, allowance).verdict;
    if (stop_) return true;
    if (verdict.validity != Validity::invalid) continue;
    end_with({i, verdict.anomalies});
    return true;
  }
  return false;
}

void EarlyJudge::end_with(EarlyFinding finding) {
  const std::lock_guard lock(mutex_);
  if (!finding_) finding_ = std::move(finding);
}

std::string anomalies_text(const std::vector<std::pair<std::string, std::uint64_t>>& anomalies) {
  std::string text;
  for (const auto& [name, count] : anomalies)
    text += (text.empty() ? "" : ", ") + name + " " + std::to_string(count);
  return text;
}

}  // namespace faultline
