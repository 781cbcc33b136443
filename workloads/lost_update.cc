// lost-update: a key is read and then written in one transaction, by many at once. Of two that read
// the same version, one undoes the other.
#include "workloads/shapes.h"
#include "workloads/workloads.h"

namespace faultline {
namespace shaped_workloads {
namespace {

void updated_key(Turn& turn) {
  turn.read(turn.key(0));
  if (turn.chance(70)) turn.write(turn.key(0));
}

}  // namespace
}  // namespace shaped_workloads

Result<std::unique_ptr<Workload>> make_lost_update(Params& params,
                                                   std::span<const Function> available) {
  return shaped_workload(
      {"lost-update", "cursor-stability", 1, 1, 1, true, &shaped_workloads::updated_key}, params,
      available);
}

}  // namespace faultline
