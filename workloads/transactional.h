// Transactions of reads and changes over a few keys at a time, as Jepsen's tests of isolation ask
// them: what list-append and rw-register have in common.
//
// A slot goes on under a new key after about so many changes. As in `register`, that follows each
// worker's own count, never a shared one: what a worker asks is a function of its seed.
#pragma once

#include <memory>
#include <span>

#include "harness/core/catalogue.h"
#include "harness/core/params.h"

namespace faultline {

namespace transactional_workloads {

/// In what they differ. Texts are literals.
struct Question {
  const char* name;     ///< Of the workload, and of the check that reads its histories.
  const char* change;   ///< The access that changes a key: "append" or "w".
  const char* mix;      ///< Its name in `mix:`.
  const char* per_key;  ///< The parameter: how many of them a key lives through.
  bool may_read_first;  ///< Has the parameter `read_first`.
};

}  // namespace transactional_workloads

Result<std::unique_ptr<Workload>> transactional_workload(
    const transactional_workloads::Question& question, Params& params,
    std::span<const Function> available);

}  // namespace faultline
