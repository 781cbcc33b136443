// How often a recorded verdict comes back when its run is replayed: the counting and what is said
// about it. How a replay is run is the caller's business, as in campaign.h.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "harness/campaign/campaign.h"
#include "harness/campaign/proportion.h"
#include "harness/core/value.h"

namespace faultline {

/// What a run found, from its results.json.
struct RunFindings {
  std::string verdict;                             ///< "valid", "invalid", "unknown".
  std::string reason;                              ///< Of an unknown one: "vacuous", "steps" …
  std::set<std::string> checks;                    ///< Those that are invalid.
  std::map<std::string, std::uint64_t> anomalies;  ///< Of these checks together.
  /// Of each invalid check that has a witness, the index of the last operation of it.
  std::vector<std::int64_t> witness_ends;
};
/// An error, of kind usage, if `results` has no verdict: the run never came to one.
Result<RunFindings> read_findings(const Value& results);

/// Seconds into the load at which the last operation of the earliest witness was asked: by then the
/// violation can be proved. It may have happened before. Nothing without a witness.
std::optional<double> violation_time(const RunFindings& findings,
                                     const std::filesystem::path& history_jsonl);

enum class Returned { yes, no, cannot_tell };

/// Whether `again` is the recorded verdict. Invalid comes back only by a check that found something
/// then: a store that crashes instead shows another bug. A replay that found neither valid nor
/// invalid cannot tell, unless that is what was recorded.
Returned comes_back(const RunFindings& recorded, const RunFindings& again);

struct ReproRun {
  CampaignRun run;
  std::optional<RunFindings> findings;
  Returned returned = Returned::cannot_tell;
  std::optional<double> violation_s;
};

struct Repro {
  std::filesystem::path run;  ///< The recorded one.
  RunFindings recorded;
  bool as_planned = false;
  std::vector<std::string> settings;
  std::size_t planned = 0;             ///< Replays.
  std::size_t at_least = 1;            ///< So often must it come back …
  std::optional<std::size_t> at_most;  ///< … and no more often, if given.
  std::vector<ReproRun> runs;          ///< In order.
  double seconds = 0;

  std::size_t count(Returned returned) const;
  bool interrupted() const;
  /// 0: it came back as often as was asked for. 1: it did not, whatever the replays that could not
  /// tell would have said. Otherwise these decide: the worst of their codes. 130 if interrupted.
  ExitCode exit_code() const;
};

/// Runs replays until all are run or one was interrupted; `finished` is called after each.
void run_repro(Repro& repro, const std::function<CampaignRun()>& replay,
               const std::function<void(const ReproRun&)>& finished);

/// A line or two about the last run. Ends in a newline.
std::string repro_line(const Repro& repro);
/// How often, with the interval; per anomaly; when. Ends in a newline.
std::string repro_text(const Repro& repro);
/// repro.json, schema "faultline.repro/1".
Value repro_value(const Repro& repro);

}  // namespace faultline
