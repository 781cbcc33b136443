// What a campaign says: a line per run as it ends, a table at the end, and the same as JSON.
#pragma once

#include <string>
#include <string_view>

#include "harness/campaign/campaign.h"
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

/// One line, and below it, indented, what a person wants to know of a run that was no plain pass: a
/// violation in words, or why there is no verdict. Ends in a newline.
std::string run_line(const CampaignTest& test, const CampaignRun& run);

/// A row per test and a sentence. Ends in a newline.
std::string campaign_table(const CampaignResult& result);

/// campaign.json, schema "faultline.campaign/1".
Value campaign_value(const CampaignResult& result);

}  // namespace faultline
