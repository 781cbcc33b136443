// Transactions of reads and writes, as multi-register has them.
#pragma once

#include "checkers/linearizable/model.h"

namespace faultline::linearizable {

/// The accesses of a transaction, in its order: lists of "r" or "w", register, value. Of an info
/// what it asked for.
std::span<const ValueHandle> accesses_of(const Operation& o, const Operations& all);
bool writes(ValueHandle access, const ValuePool& pool);
/// What is wrong with it, as "expected …"; empty if nothing.
std::string access_objection(ValueHandle access, const ValuePool& pool);

}  // namespace faultline::linearizable
