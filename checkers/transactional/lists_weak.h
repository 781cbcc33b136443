// The levels of isolation between read committed and snapshot isolation, of lists. Their order of
// versions is known, so that nothing must be inferred: a level says of whom a reader knows, and the
// list that it read must hold what those appended, or the level does not hold (Biswas & Enea,
// OOPSLA 2019; Cerone, Bernardi & Gotsman, CONCUR 2015).
//
// An append by itself is not taken for a read: whoever read a list knows of the transaction that
// appended its last element, not of all others that appended to it.
#pragma once

#include <cstdint>

#include "checkers/transactional/cycles.h"
#include "checkers/transactional/lists.h"

namespace faultline::transactional {

/// The models that this decides, and those that nothing else rules out where it finds something.
ModelSet list_levels();

/// Decides all that some of `wanted` is or implies, the weak before the strong. `cycles` are those
/// of the whole graph; what is found is added to them. Adds to `holds` as it goes. Throws
/// OutOfBudget and OutOfBytes; `bytes_used` are taken already.
void decide_list_levels(const Lists& lists, ModelSet wanted, std::uint64_t bytes_used, Meter& meter,
                        CycleFindings& cycles, ModelSet& holds);

}  // namespace faultline::transactional
