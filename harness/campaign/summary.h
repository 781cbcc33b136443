// What a campaign says: a line per run as it ends, a table at the end, and the same as JSON.
#pragma once

#include <string>
#include <string_view>

#include "harness/campaign/campaign.h"
#include "harness/core/result.h"
#include "harness/core/value.h"

namespace faultline {

/// How a run's process ended, as the one who ran it knows.
struct RunProcess {
  int exit_code = -1;  ///< -1 if a signal ended it.
  int signal = 0;
  bool timed_out = false;
  double seconds = 0;
  std::string_view output;    ///< What `faultline run --json` wrote: results.json in one line.
  std::string_view log_tail;  ///< The end of what it wrote to stderr.
};
/// What became of a run, from how its process ended and what that wrote.
CampaignRun read_run(std::uint64_t seed, const RunProcess& process);

/// What became of a run that ended in this process, from its results.json.
CampaignRun read_results(const Value& document);

/// A run as campaign.json and runs.jsonl have it, and back.
Value run_value(const CampaignRun& run);
Result<CampaignRun> run_of_value(const Value& value);

/// "all", "any" or a number, as `find:` was written.
std::string find_text(const CampaignTest& test);
/// In words; empty if it did not.
const char* stop_text(Stop stop);
/// "12.4 s".
std::string seconds_text(double seconds);

/// One line, and below it, indented, what a person wants to know of a run that was no plain pass: a
/// violation in words, or why there is no verdict. Ends in a newline.
std::string run_line(const CampaignTest& test, const CampaignRun& run);

/// A row per test and a sentence. Ends in a newline.
std::string campaign_table(const CampaignResult& result);

/// campaign.json, schema "faultline.campaign/1".
Value campaign_value(const CampaignResult& result);

}  // namespace faultline
