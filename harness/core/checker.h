// A checker is a pure function from history to verdict: no clock, no network, no files, no globals;
// threads at most while it runs.
// That is what lets `faultline check RUN` redo a verdict offline, years later.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/core/history.h"
#include "harness/core/online.h"

namespace faultline {

/// Ordered so that the worst of several verdicts is std::max of them.
enum class Validity : std::uint8_t { valid, unknown, invalid };
std::string_view name_of(Validity validity);

/// The work a checker may do before it must answer `unknown`. It has no clock: whoever calls it may
/// keep one, and raises `stop`, which the checker polls at least every few thousand steps.
struct Budget {
  std::uint64_t steps_max = 4'000'000'000;
  std::uint64_t bytes_max = std::uint64_t{4} << 30;  ///< Of the checker's own memory.
  const std::atomic<bool>* stop = nullptr;
  /// Threads it may use, the caller's among them. More of them change no verdict but `unknown`.
  unsigned threads = 1;
};

/// `invalid` is a proof and carries a witness; `unknown` says why and how far it got; `valid` is
/// only said where the engine is complete for the model.
struct Verdict {
  std::string name;    ///< Of the check: "linearizable".
  std::string model;   ///< "register"; empty if the check has none.
  std::string engine;  ///< Which algorithm decided: "zones", "search", "zones+search".
  Validity validity = Validity::unknown;
  /// Why unknown, one word: "vacuous", "steps", "memory", "stopped", "exception", or "incomplete",
  /// of a record that is not whole. Empty otherwise.
  std::string reason;
  /// Of whatever validity: what was not finished when the budget ended, so that more may be wrong
  /// than is said. Empty: nothing.
  std::string incomplete;
  std::string summary;  ///< One sentence that a tired reader understands.
  /// The witness as a small table in time order, several lines; empty unless invalid.
  std::string explanation;
  /// JSON "cases": the explanation in parts, a map for each anomaly that is told, for who draws it
  /// (docs/isolation.md). Empty for checks of other things than transactions.
  List cases;
  std::vector<OperationId>
      witness;  ///< Rows of the history, in time order; minimal where affordable.
  std::vector<std::pair<std::string, std::uint64_t>> anomalies;  ///< {"stale-read", 1}, by name.
  /// JSON "not": models proven violated; where one implies another, the weakest of them.
  std::vector<std::string> refuted;
  std::vector<std::string> also_refuted;  ///< JSON "also_not": those that imply one of these.
  std::vector<std::string> not_refuted;   ///< JSON "not_ruled_out".
  /// What it looked at: {"reads", 600}, … A check that looked at nothing is no pass.
  std::vector<std::pair<std::string, std::uint64_t>> counted;
  std::vector<std::string> keys_invalid;
  /// What it found out of each of several things, for people; JSON "table": {"G0", "prevented"}.
  std::vector<std::pair<std::string, std::string>> table;
};

/// Stateless after construction: check() may be called from several threads at once.
class Checker {
 public:
  virtual ~Checker() = default;
  virtual std::string_view name() const = 0;
  virtual Verdict check(const History& history, const Budget& budget) const = 0;
  /// Every name that the `anomalies` of its verdicts can have; each is explained in the glossary
  /// (harness/cli/glossary.cc).
  virtual std::vector<std::string_view> anomalies() const { return {}; }
  /// The history is plainly one for this check, and for no other that is meant unless it is named.
  virtual bool suits(const History&) const { return false; }
  /// The models that it can judge by, with what each is.
  virtual std::vector<std::pair<std::string_view, std::string_view>> models() const { return {}; }
  /// The same question, answered while the history grows; nullptr if it cannot be. The flag of the
  /// budget must outlive it.
  virtual std::unique_ptr<OnlineChecker> online(const Budget&) const { return nullptr; }
};

}  // namespace faultline
