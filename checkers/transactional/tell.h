// Says what is wrong with transactions, for people: a sentence, then the transactions as a table
// and, for a cycle, why each of them must come before the next (Elle's manner: "Let T1 = …; then T1
// < T2, because …").
#pragma once

#include <string>
#include <vector>

#include "checkers/transactional/cycles.h"
#include "checkers/transactional/lists.h"

namespace faultline::transactional {

struct Told {
  std::string sentence, explanation;
  std::vector<OperationId> witness;  ///< Rows, in time order.
};

Told tell(const Lists& lists, const Offence& offence);
Told tell(const Lists& lists, const Cycle& cycle);

}  // namespace faultline::transactional
