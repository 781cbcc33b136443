// The table of targets/list.def. Adding one: its file with make_NAME(), its test, its line there.
#pragma once

#include <span>

#include "harness/core/catalogue.h"

namespace faultline {

#define TARGET(name, doc) Result<std::unique_ptr<Target>> make_##name(Params&);
#include "targets/list.def"
#undef TARGET

std::span<const TargetEntry> targets();  ///< Alphabetical.

}  // namespace faultline
