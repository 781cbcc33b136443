// The files that a CI system reads, `--report junit,markdown --report-dir D`: which there are, and
// writing them so that none is ever half written or stale.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "harness/campaign/campaign.h"
#include "harness/core/result.h"

namespace faultline {

/// Writes junit.xml and summary.md into a directory.
class Reports {
 public:
  Reports() = default;  ///< None.
  /// `kinds` are the words of --report, several to a word if separated by commas. Makes the
  /// directory. Errors are of kind usage: an unknown kind, or a directory that cannot be made or
  /// written to, said before anything is run.
  static Result<Reports> open(const std::vector<std::string>& kinds,
                              const std::filesystem::path& directory);
  /// Only what open() says of the words, for when the directory is not known yet.
  static Status check(const std::vector<std::string>& kinds);

  bool empty() const { return !junit_ && !markdown_; }
  /// Each whole or not at all; the first error. May be called again as more is known.
  Status write(const CampaignResult& result) const;

 private:
  std::filesystem::path directory_;
  bool junit_ = false, markdown_ = false;
};

/// One run that was no campaign's, as a campaign of that run; nothing has become of it yet if there
/// is no `run`.
CampaignResult campaign_of(const std::string& name, const std::filesystem::path& config,
                           const std::optional<CampaignRun>& run);

/// UTC to the second, ISO 8601: "2026-11-21T10:15:00Z".
std::string time_text_now();

}  // namespace faultline
