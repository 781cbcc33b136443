// sequential: every worker writes fresh keys in their order, each in a transaction of its own, and
// others read them in the opposite order. Who sees a later one and misses an earlier one did not
// see them in the order of their process (Jepsen's sequential). Without that order such a read is
// serializable.
#include "workloads/shapes.h"
#include "workloads/workloads.h"

namespace faultline {
namespace shaped_workloads {
namespace {

void chain_of_writes(Turn& turn) {
  const std::uint64_t turns = turn.asked / 2, chain = turns / turn.width;
  if (turn.asked % 2 == 0) {
    turn.place = "w" + std::to_string(turn.worker) + "-" + std::to_string(chain);
    return turn.write(turn.key(turns % turn.width));
  }
  turn.place = "w" + std::to_string(turn.rng.below(turn.workers)) + "-" + std::to_string(chain);
  for (std::uint64_t i = turn.width; i-- > 0;) turn.read(turn.key(i));
}

}  // namespace
}  // namespace shaped_workloads

Result<std::unique_ptr<Workload>> make_sequential(Params& params,
                                                  std::span<const Function> available) {
  return shaped_workload({"sequential", "strong-session-serializable", 5, 2, 16, false,
                          &shaped_workloads::chain_of_writes},
                         params, available);
}

}  // namespace faultline
