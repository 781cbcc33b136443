// The table of nemesis/list.def. Adding one: its file with make_NAME(), its test, its line there.
#pragma once

#include <span>

#include "harness/core/catalogue.h"

namespace faultline {

#define NEMESIS(name, doc) Result<std::unique_ptr<Nemesis>> make_##name(Params&);
#include "nemesis/list.def"
#undef NEMESIS

std::span<const NemesisEntry> nemeses();  ///< Alphabetical.

}  // namespace faultline
