// A part of a campaign for one of several machines. Every test is in exactly one shard, and which
// one does not depend on the order of the list: the tests are ordered by a hash of their names and
// dealt in turn, so that shards differ by one test at most and none is empty.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "harness/campaign/campaign.h"
#include "harness/core/result.h"

namespace faultline {

struct Shard {
  std::size_t index = 1;  ///< From 1.
  std::size_t count = 1;

  std::string text() const { return std::to_string(index) + "/" + std::to_string(count); }
};

/// "2/8". Errors are of kind usage.
Result<Shard> parse_shard(std::string_view text);

/// Leaves the shard's tests, in the order of the file, with the seeds that they have in the whole
/// campaign. An error (usage) if there are more shards than tests: a shard without tests would pass
/// without looking at anything.
Status apply_shard(Campaign& campaign, const Shard& shard);

}  // namespace faultline
