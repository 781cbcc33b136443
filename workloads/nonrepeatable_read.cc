// nonrepeatable-read: a key is read twice in one transaction, with another key between, while
// others read it and write it. Who read two versions of it saw no one state.
#include "workloads/shapes.h"
#include "workloads/workloads.h"

namespace faultline {
namespace shaped_workloads {
namespace {

void key_twice(Turn& turn) {
  const bool writes = turn.chance(40);
  turn.read(turn.key(0));
  if (!writes) turn.read(turn.key(1));
  if (!writes) return turn.read(turn.key(0));
  turn.write(turn.key(0));
}

}  // namespace
}  // namespace shaped_workloads

Result<std::unique_ptr<Workload>> make_nonrepeatable_read(Params& params,
                                                          std::span<const Function> available) {
  return shaped_workload(
      {"nonrepeatable-read", "repeatable-read", 2, 2, 2, true, &shaped_workloads::key_twice},
      params, available);
}

}  // namespace faultline
