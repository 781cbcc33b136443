// causal-reverse: single writes of fresh keys by many, and reads of many of them at a time. A
// reader that saw a write without one that had been acknowledged before it began proves that real
// time was not kept (Jepsen's causal-reverse).
#include "workloads/groups.h"
#include "workloads/workloads.h"

namespace faultline {

Result<std::unique_ptr<Workload>> make_causal_reverse(Params& params,
                                                      std::span<const Function> available) {
  return group_workload({"causal-reverse", 16}, params, available);
}

}  // namespace faultline
