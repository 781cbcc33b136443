// mav: all keys of a place are written in one transaction, and read in the opposite order in
// another one. A transaction is visible as a whole: who saw a part of it and missed another part
// read what never was (Bailis et al. 2013, monotonic atomic view).
#include "workloads/shapes.h"
#include "workloads/workloads.h"

namespace faultline {
namespace shaped_workloads {
namespace {

void all_or_none(Turn& turn) {
  const bool writes = turn.chance(40);
  for (std::uint64_t i = 0; i < turn.width; ++i) {
    turn.read(turn.key(writes ? i : turn.width - 1 - i));
    if (writes) turn.write(turn.key(i));
  }
}

}  // namespace
}  // namespace shaped_workloads

Result<std::unique_ptr<Workload>> make_mav(Params& params, std::span<const Function> available) {
  return shaped_workload(
      {"mav", "monotonic-atomic-view", 3, 2, 16, true, &shaped_workloads::all_or_none}, params,
      available);
}

}  // namespace faultline
