// Puts a history before its checkers, on behalf of `run` and of `check`. A checker has no clock;
// the judge keeps it, and answers for what a checker may do wrong: one that throws is `unknown`,
// never `valid` and never the end of the run.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "harness/core/catalogue.h"
#include "harness/core/checker.h"
#include "harness/core/exit_code.h"

namespace faultline {

/// What each check may use up.
struct Allowance {
  std::chrono::nanoseconds time =
      std::chrono::seconds(60);                  ///< Wall time until it is told to stop.
  std::uint64_t bytes = std::uint64_t{4} << 30;  ///< Of the checker's own memory.
  /// Raised by whoever has lost patience, before the time is over; may be none.
  const std::atomic<bool>* stop = nullptr;
  unsigned threads = 0;  ///< That a checker may use; 0: as many as there are processors.
};

struct Judgement {
  Verdict verdict;
  double seconds = 0;  ///< Wall time that the check took.
};

/// Checks `history` in the calling thread, and as many more as it may use, while another keeps the
/// clock. Thread-safe.
Judgement judge(const Checker& checker, const History& history, const Allowance& allowance);

/// The checker of that name with `params` (a mapping, which may be empty), every one of them known
/// to it. Errors are of kind usage.
Result<std::unique_ptr<Checker>> make_checker(std::span<const CheckerEntry> catalogue,
                                              std::string_view name, const ConfigNode& params);

/// 0, 1, 2, or 3 for an unknown whose reason is "vacuous".
ExitCode exit_code_of(Validity validity, std::string_view reason);
inline ExitCode exit_code_of(const Verdict& verdict) {
  return exit_code_of(verdict.validity, verdict.reason);
}

}  // namespace faultline
