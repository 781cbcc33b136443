// A checker that is fed a history while it grows, so that a run can tell what it found so far and
// end as soon as a violation is proven. It finds what the checker itself would find, but its word
// is not the verdict: that is given by Checker::check of the whole history.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "harness/core/history.h"

namespace faultline {

/// The next event of a history. What the process completes is what it invoked last.
struct OnlineEvent {
  std::uint32_t process = 0;
  bool is_invoke = true;
  Fate fate = Fate::info;  ///< Of a completion.
  Function function = Function::read;
  ValueHandle value{};  ///< The argument, or the output of an ok.
};

/// What is proven so far: whatever comes later, it will be part of the verdict.
struct OnlineFindings {
  /// What the models that were asked for forbid, with how often; by name. Empty: no violation so
  /// far. At least that often: what a verdict would count differently is counted once.
  std::vector<std::pair<std::string, std::uint64_t>> anomalies;
  /// All models that are ruled out, asked for or not.
  std::vector<std::string> refuted;
  /// Why it does not look at what comes, one word as Verdict::reason has it; empty: it does.
  std::string ended;
};

/// Not thread-safe; one for each history.
class OnlineChecker {
 public:
  virtual ~OnlineChecker() = default;
  /// Takes the next event, in the order of the history. Handles are those of `pool`, which is
  /// looked at during the call alone: each event may come with another one.
  virtual void feed(const ValuePool& pool, const OnlineEvent& event) = 0;
  /// May take some time if much has changed since it was asked last; feeding does not.
  virtual OnlineFindings findings() = 0;
  /// False: what the checker itself can refute is not all found here, but may be in the whole.
  virtual bool finds_all() const { return true; }
  /// Nothing comes any more: what is open stays open, and what nobody did nobody will do.
  /// Nothing may be fed afterwards.
  virtual void finish() = 0;
  virtual std::uint64_t bytes() const = 0;  ///< Roughly what it holds on the heap.
};

}  // namespace faultline
