// long-fork: single writes of fresh keys, and reads of a few of them at a time. Two readers that
// saw two writes in different orders prove that there is no one order (Jepsen's long-fork).
#include "workloads/groups.h"
#include "workloads/workloads.h"

namespace faultline {

Result<std::unique_ptr<Workload>> make_long_fork(Params& params,
                                                 std::span<const Function> available) {
  return group_workload({"long-fork", 3}, params, available);
}

}  // namespace faultline
