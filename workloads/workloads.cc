#include "workloads/workloads.h"

#include <algorithm>
#include <array>

namespace faultline {
namespace {

constexpr auto table = std::to_array<WorkloadEntry>({
#define WORKLOAD(name, doc) {dashed<#name>(), doc, &make_##name},
#include "workloads/list.def"
#undef WORKLOAD
});
static_assert(std::ranges::adjacent_find(table, std::ranges::greater_equal{},
                                         &WorkloadEntry::name) == table.end(),
              "workloads/list.def: alphabetical, please, and no name twice");

}  // namespace

std::span<const WorkloadEntry> workloads() { return table; }

}  // namespace faultline
