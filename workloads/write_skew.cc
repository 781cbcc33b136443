// write-skew: pairs of keys of which a transaction reads both and writes one. Two that each wrote
// the other key without seeing it can stand in no order (Adya's G2; Jepsen's adya asks the same
// with guarded inserts: whether it inserts or not, what it read decides).
#include "workloads/shapes.h"
#include "workloads/workloads.h"

namespace faultline {
namespace shaped_workloads {
namespace {

void skewed_pair(Turn& turn) {
  turn.read(turn.key(0));
  turn.read(turn.key(1));
  if (turn.chance(80)) turn.write(turn.key(turn.rng.below(2)));
}

}  // namespace
}  // namespace shaped_workloads

Result<std::unique_ptr<Workload>> make_write_skew(Params& params,
                                                  std::span<const Function> available) {
  return shaped_workload(
      {"write-skew", "serializable", 2, 2, 2, true, &shaped_workloads::skewed_pair}, params,
      available);
}

}  // namespace faultline
