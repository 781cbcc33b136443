// The table of checkers/list.def. Adding one: its file with make_NAME(), its test, its line there.
#pragma once

#include <span>

#include "harness/core/catalogue.h"

namespace faultline {

#define CHECKER(name, doc) Result<std::unique_ptr<Checker>> make_##name(Params&);
#include "checkers/list.def"
#undef CHECKER

std::span<const CheckerEntry> checkers();  ///< Alphabetical.

}  // namespace faultline
