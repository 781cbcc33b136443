// What a campaign writes down as it goes, so that one that was killed at any moment can be resumed:
//   plan.json   what was going to be run, and the digests of the files that say so; written first
//   runs.jsonl  a line per finished run, in the order in which they ended
// A run without its line did not finish and is run again. A resume is refused if anything that the
// kept runs depend on has changed since: half of its answers would be to another question.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>

#include "harness/campaign/campaign.h"
#include "harness/core/result.h"
#include "harness/io/run_dir.h"

namespace faultline {

/// How a campaign was asked for.
struct CampaignOrigin {
  std::filesystem::path config;
  std::optional<std::uint64_t> seed;  ///< Of --seed.
  std::string shard;                  ///< Of --shard; empty: none.
  std::string program;                ///< Its version: runs of another one are not mixed in.
};

/// From plan.json. Errors are of kind usage.
Result<CampaignOrigin> read_origin(const std::filesystem::path& directory);

class CampaignRecord {
 public:
  /// Writes plan.json.
  static Result<CampaignRecord> create(const RunDir& directory, const Campaign& campaign,
                                       const CampaignOrigin& origin);
  /// Opens one that was left, and finishes in `queue`, whose campaign was made anew from what
  /// `origin` says, the runs that it has. Errors are of kind usage: something has changed, or
  /// another campaign is still writing it.
  static Result<CampaignRecord> reopen(const RunDir& directory, const CampaignOrigin& origin,
                                       CampaignQueue& queue);

  /// Keeps a run; one that was interrupted is not, for a resume is to run it.
  Status append(const CampaignTask& task, const CampaignTest& test, const CampaignRun& run);
  std::size_t kept() const { return kept_; }  ///< Runs that reopen() found.

 private:
  explicit CampaignRecord(JsonLines lines) : lines_(std::move(lines)) {}

  JsonLines lines_;
  std::size_t kept_ = 0;
};

}  // namespace faultline
