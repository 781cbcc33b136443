// rw-register: transactions that write unique values to registers and read them. Only where a
// transaction read what it then overwrote is the order of two versions certain: `read_first` makes
// every write one of those.
#include "workloads/transactional.h"
#include "workloads/workloads.h"

namespace faultline {

Result<std::unique_ptr<Workload>> make_rw_register(Params& params,
                                                   std::span<const Function> available) {
  return transactional_workload({"rw-register", "w", "write", "writes_per_key", true}, params,
                                available);
}

}  // namespace faultline
