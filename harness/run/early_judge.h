// Puts what is recorded before its checkers while the run goes on: so that people see what was
// found so far, and `run --fail-fast` can end it as soon as a violation is proven.
//
// What a client saw stays true whatever comes after it, so that a violation in the beginning of a
// history is one in all of it. The final verdict is that of the whole history all the same.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "harness/core/online.h"
#include "harness/io/tail.h"
#include "harness/run/judge.h"
#include "harness/run/plan.h"
#include "harness/run/runner.h"

namespace faultline {

/// A violation, and in which check's judgement.
struct EarlyFinding {
  std::size_t check = 0;  ///< Of the configured ones.
  std::vector<std::pair<std::string, std::uint64_t>> anomalies;
};

/// In a thread of its own, which gives way to others. A check that can be fed (online.h) is fed
/// with what is written, each line once. For the others, and only where a violation shall end the
/// run, it reads the file again and again, each time when a quarter has been added to it: in all
/// that is five times as much as there is. One that gave up (`ended`) is one of the others, and one
/// that does not find all is both.
///
/// Looks for violations until there is one, and ends when it is destroyed, in the middle of a check
/// if need be.
class EarlyJudge {
 public:
  /// Whether it has anything to do: a violation ends the run, or some check can be fed.
  static bool is_wanted(const Plan& plan);

  /// `history`: history.jsonl, being written, with so many `events` in it, which is asked by
  /// another thread. The plan says the checks and what each may use up; it outlives this.
  EarlyJudge(const Plan& plan, std::filesystem::path history,
             std::function<std::uint64_t()> events);
  ~EarlyJudge();
  EarlyJudge(const EarlyJudge&) = delete;
  EarlyJudge& operator=(const EarlyJudge&) = delete;

  /// What ends the run. Thread-safe.
  std::optional<EarlyFinding> finding() const;
  /// Says what was found so far. Thread-safe.
  void tell(Progress& progress) const;

 private:
  struct Fed {
    std::size_t check = 0;
    std::unique_ptr<OnlineChecker> checker;  ///< nullptr: it gave up.
    OnlineFindings findings{};
  };

  void run();
  bool await_more();
  bool follow();
  void ask();
  bool look_again();
  /// It needs not look again: what it is fed tells all.
  bool is_fed(std::size_t check) const;
  void end_with(EarlyFinding finding);

  const Plan& plan_;
  const std::filesystem::path history_;
  const std::function<std::uint64_t()> events_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool dismissed_ = false;
  std::optional<EarlyFinding> finding_;
  std::vector<std::pair<std::string, std::uint64_t>> anomalies_;  ///< Of all that are fed.
  std::atomic<bool> stop_{false};

  // The thread's own.
  HistoryTail tail_;
  std::vector<Fed> fed_;
  std::uint64_t looked_at_ = 0;  ///< Events, by the last look at all.
  bool is_asked_ = true;         ///< Nothing was fed since.
  std::chrono::steady_clock::time_point ask_after_{};

  std::thread thread_;  ///< The last member: it uses all the others.
};

/// "G-single-item 3, lost-update 1"
std::string anomalies_text(const std::vector<std::pair<std::string, std::uint64_t>>& anomalies);

}  // namespace faultline
