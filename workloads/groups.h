// Groups of keys that are written once each, blindly, one key a transaction, while others read a
// whole group in any order: what long-fork and causal-reverse have in common. A key is never
// written again, so that a history costs what is asked and nothing of what was before.
//
// Key i is worker i modulo their number's to write, in its turn, and groups are keys that follow
// one another. So nobody shares a count, and every key is written once: what a worker asks is a
// function of its seed. Each reads where it is about to write itself, and a little before and
// after, as others are faster or slower.
#pragma once

#include <memory>
#include <span>

#include "harness/core/catalogue.h"
#include "harness/core/params.h"

namespace faultline {

namespace group_workloads {

/// In what they differ.
struct GroupQuestion {
  const char* name;  ///< Of the workload, and of the check that reads its histories. A literal.
  std::int64_t group_size;
};

}  // namespace group_workloads

/// Parameters: group_size, mix of read and write.
Result<std::unique_ptr<Workload>> group_workload(const group_workloads::GroupQuestion& question,
                                                 Params& params,
                                                 std::span<const Function> available);

}  // namespace faultline
