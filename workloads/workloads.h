// The table of workloads/list.def. Adding one: its file with make_NAME(), its test, its line there.
#pragma once

#include <span>

#include "harness/core/catalogue.h"

namespace faultline {

#define WORKLOAD(name, doc) \
  Result<std::unique_ptr<Workload>> make_##name(Params&, std::span<const Function>);
#include "workloads/list.def"
#undef WORKLOAD

std::span<const WorkloadEntry> workloads();  ///< Alphabetical.

}  // namespace faultline
