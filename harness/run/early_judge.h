// Puts what is recorded before its checkers while the run goes on, so that `run --fail-fast` can
// end it as soon as a violation is proven.
//
// What a client saw stays true whatever comes after it, so that a violation in the beginning of a
// history is one in all of it. The final verdict is that of the whole history all the same: an
// aborted write, say, is only known for one when its transaction has ended.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "harness/run/judge.h"
#include "harness/run/plan.h"

namespace faultline {

/// A violation, and in which check's judgement.
struct EarlyFinding {
  std::size_t check = 0;  ///< Of the configured ones.
  Verdict verdict;
  std::uint64_t events = 0;  ///< That it looked at.
};

/// Reads the file again and again, each time when a quarter has been added to it: in all it looks
/// at five times as much as there is, in a thread of its own, which gives way to others. Ends with
/// the first violation, and when it is destroyed, in the middle of a check if need be.
class EarlyJudge {
 public:
  /// `history`: history.jsonl, being written, with so many `events` in it, which is asked by
  /// another thread. The plan says the checks and what each may use up; it outlives this.
  EarlyJudge(const Plan& plan, std::filesystem::path history,
             std::function<std::uint64_t()> events);
  ~EarlyJudge();
  EarlyJudge(const EarlyJudge&) = delete;
  EarlyJudge& operator=(const EarlyJudge&) = delete;

  /// Thread-safe.
  std::optional<EarlyFinding> finding() const;
  std::uint64_t looked_at() const { return looked_at_.load(); }  ///< Events, by the last look.

 private:
  void run();
  bool look();
  bool await_more();

  const Plan& plan_;
  const std::filesystem::path history_;
  const std::function<std::uint64_t()> events_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool dismissed_ = false;
  std::optional<EarlyFinding> finding_;
  std::atomic<bool> stop_{false};
  std::atomic<std::uint64_t> looked_at_{0};
  std::thread thread_;  ///< The last member: it uses all the others.
};

/// "violation proven: G-single-item 3, lost-update 1"
std::string early_text(const EarlyFinding& finding);

}  // namespace faultline
