// The checker `list-append`, fed while the history grows.
#pragma once

#include <memory>

#include "checkers/transactional/isolation.h"
#include "harness/core/checker.h"

namespace faultline::transactional {

/// Finds what list-append finds of the whole history, of what is certain so far (online_lists.h).
/// A cycle is noticed when its last edge is known, and then classified by the search that
/// list-append itself makes (cycles.h), among the transactions that are on a cycle with it.
///
/// Of the budget the memory counts, and the flag, which must outlive it. `asked`: what is violated.
std::unique_ptr<OnlineChecker> online_list_append(ModelSet asked, const Budget& budget);

}  // namespace faultline::transactional
