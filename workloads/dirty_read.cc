// dirty-read: transactions that read and write both keys of a place, so many at once that the store
// refuses some, and others that only read them. Nobody may ever see what was refused, nor what its
// own writer replaced.
#include "workloads/shapes.h"
#include "workloads/workloads.h"

namespace faultline {
namespace shaped_workloads {
namespace {

void contended_keys(Turn& turn) {
  const bool writes = turn.chance(60);
  for (const std::uint64_t i : {0, 1}) {
    turn.read(turn.key(i));
    if (writes) turn.write(turn.key(i));
  }
}

}  // namespace
}  // namespace shaped_workloads

Result<std::unique_ptr<Workload>> make_dirty_read(Params& params,
                                                  std::span<const Function> available) {
  return shaped_workload(
      {"dirty-read", "read-committed", 2, 2, 2, true, &shaped_workloads::contended_keys}, params,
      available);
}

}  // namespace faultline
