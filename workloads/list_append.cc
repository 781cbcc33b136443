// list-append: transactions that append unique elements to lists and read them. What was read tells
// the order of the versions, so that a checker can say which transaction came before which.
#include "workloads/transactional.h"
#include "workloads/workloads.h"

namespace faultline {

Result<std::unique_ptr<Workload>> make_list_append(Params& params,
                                                   std::span<const Function> available) {
  return transactional_workload({"list-append", "append", "append", "appends_per_key", false},
                                params, available);
}

}  // namespace faultline
