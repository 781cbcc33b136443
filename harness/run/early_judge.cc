#include "harness/run/early_judge.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <sys/resource.h>

#include "harness/io/load.h"

namespace faultline {
namespace {

constexpr auto look_interval = std::chrono::milliseconds(100);
constexpr int politeness = 10;  ///< As nice(1) has it.

}  // namespace

EarlyJudge::EarlyJudge(const Plan& plan, std::filesystem::path history,
                       std::function<std::uint64_t()> events)
    : plan_(plan),
      history_(std::move(history)),
      events_(std::move(events)),
      thread_([this] { run(); }) {}

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

void EarlyJudge::run() {
  // Of this thread alone, on Linux; where it is refused, the judge is merely less polite.
  static_cast<void>(::setpriority(PRIO_PROCESS, 0, politeness));
  while (await_more())
    if (look()) return;
}

/// False: dismissed.
bool EarlyJudge::await_more() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (changed_.wait_for(lock, look_interval, [this] { return dismissed_; })) return false;
    const std::uint64_t before = looked_at_.load();
    if (events_() > before + before / 4) return true;
  }
}

/// True: a violation is proven.
bool EarlyJudge::look() {
  const std::uint64_t events = events_();
  const auto loaded = load_history(history_, {.threads = 1});
  looked_at_ = events;
  if (!loaded) return false;  // there is nothing yet, or the recorder tells what is wrong
  for (std::size_t i = 0; i < plan_.checks.size(); ++i) {
    const Allowance allowance{plan_.budget_time, plan_.budget_memory, &stop_, 1};
    Verdict verdict = judge(*plan_.checks[i].checker, loaded->history, allowance).verdict;
    if (stop_) return true;
    if (verdict.validity != Validity::invalid) continue;
    const std::lock_guard lock(mutex_);
    finding_ = {i, std::move(verdict), events};
    return true;
  }
  return false;
}

std::string early_text(const EarlyFinding& finding) {
  std::string text = "violation proven";
  for (const auto& [name, count] : finding.verdict.anomalies)
    text +=
        (text.find(':') == std::string::npos ? ": " : ", ") + name + " " + std::to_string(count);
  return text;
}

}  // namespace faultline
