// Makes the proof of a violation small: a few calls that are not linearizable by themselves, and
// whose violation is one of the whole history as well.
#pragma once

#include <vector>

#include "checkers/linearizable/call.h"

namespace faultline::linearizable {

struct SmallProof {
  std::vector<Call> calls;  ///< Ordered by begin, with the object's values.
  bool minimal = false;     ///< No single call can be dropped (but the pinned ones were not tried).
};

/// From the search's answer: `failed` is the call that could not take effect by its end, so that
/// the calls begun up to then are a proof. Spends `meter`, and returns what it has when that is
/// used up.
SmallProof shrink(const Object& object, std::size_t failed, Meter& meter);

/// Drops what can be dropped of `calls`, which are no linearizable history. Never drops `pinned`.
SmallProof minimize(std::vector<Call> calls, const std::vector<OperationId>& pinned, Meter& meter);

}  // namespace faultline::linearizable
