// What a test's result is called, and says, in a report: what JUnit and Markdown share.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "harness/campaign/campaign.h"

namespace faultline {

enum class TestOutcome {
  passed,   ///< As expected.
  failed,   ///< Says something about the store: exit code 1, 2, 3 or 4.
  broken,   ///< Says something about us or the machine: 5, 64, 69, 70.
  not_run,  ///< Not run, or not far enough to be decided.
};
TestOutcome outcome_of(const CampaignTestResult& test);

/// "violation", "missed" (a violation was expected), "unknown", "vacuous", "threshold"; of a broken
/// one "target-down", "usage", "capability", "internal"; "interrupted"; "ok".
std::string_view kind_of(const CampaignRun& run);

/// What became of a run, in one line: "invalid, expected valid: linearizable: key k6: …".
std::string sentence_of(const CampaignRun& run);
/// Of a test: of the run that decides it, and of how many. Empty if it passed.
std::string sentence_of(const CampaignTestResult& test);

/// The run to which the test owes its exit code; nullptr if none was run.
const CampaignRun* telling_run(const CampaignTestResult& test);
/// At most `count` runs, those that did not match first.
std::vector<const CampaignRun*> telling_runs(const CampaignTestResult& test, std::size_t count);

/// Any bytes as well-formed UTF-8 without control characters but tab and newline: what is neither
/// becomes "\x1b", so that a store's output can break neither XML nor a terminal.
std::string printable(std::string_view text);
/// The same, its first line only, and at most `bytes` of it (and "…").
std::string printable_line(std::string_view text, std::size_t bytes);

/// Relative to the current directory if it is below that, otherwise as it is.
std::string shown_path(const std::filesystem::path& path);

}  // namespace faultline
