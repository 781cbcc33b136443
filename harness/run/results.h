// From verdicts and figures to one answer: results.json, the exit code, and what a person reads.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "harness/core/checker.h"
#include "harness/core/exit_code.h"
#include "harness/core/value.h"
#include "harness/run/availability.h"
#include "harness/run/injector.h"
#include "harness/run/judge.h"
#include "harness/run/load_report.h"
#include "harness/run/thresholds.h"

namespace faultline {

/// What a run found out, before it is weighed.
struct Findings {
  const History& history;
  std::string name;
  std::uint64_t seed = 0;
  std::vector<Judgement> checks;  ///< As configured.
  Verdict crash_free;
  Availability availability;
  std::optional<Latencies> intended;  ///< Nothing: unlimited rate.
  std::vector<FaultTally> faults;     ///< An entry of `faults:` each.
  std::vector<ThresholdResult> thresholds;
  std::optional<Validity> expected;
  bool interrupted = false;
  bool unchecked = false;       ///< Interrupted twice: the checks were left out.
  std::optional<Error> broken;  ///< Why the load ended early or a heal failed: our side's failure.
  struct Recovery {
    bool awaited = false;    ///< Not after an interrupt.
    bool recovered = false;  ///< Every node served again in time (but those that had crashed).
    double seconds = 0;      ///< From the last heal until then.
    double within = 0;
    std::vector<std::string> missing;  ///< Nodes that did not, and why.
  } recovery;
  const LoadReport* load = nullptr;  ///< nullptr: unlimited rate.
  LittlesLaw law = {};
  std::vector<PhaseAvailability> phases = {};  ///< If the configuration has any.
  /// The load ended then, since a violation was proven (nanoseconds).
  std::optional<std::int64_t> ended_early = {};
};

/// The findings, weighed.
struct Answer {
  Validity verdict = Validity::unknown;  ///< Of the checks and of crash-free together.
  std::string reason;                    ///< Why unknown: "vacuous" or a check's reason.
  std::string sentence;                  ///< The verdict in one sentence.
  bool matched = true;                   ///< As expected, or nothing was expected.
  ExitCode exit_code = ExitCode::internal;
};

/// The worst verdict wins. A run in which no answer was observed, or in which an entry of `faults:`
/// was never effective, cannot be valid: it is vacuous; one that broke off is incomplete.
/// `expected` is compared with the configured checks alone: a crash never matches, or a store that
/// crashes by chance would pass for one whose bug was found. A violation that an interrupted run
/// had no time to find is no mismatch.
Answer weigh(const Findings& findings);

Map results_value(const Findings& findings, const Answer& answer);
/// Of a run that has nothing to judge.
Value failed_value(const std::string& name, std::uint64_t seed, const Error& error);
/// The verdict, and what else the exit code comes from; lines with a newline between them.
std::string results_brief(const Findings& findings, const Answer& answer);
/// Several lines, ending in a newline.
std::string results_text(const Findings& findings, const Answer& answer);

}  // namespace faultline
