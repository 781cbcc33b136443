#include "targets/targets.h"

#include <algorithm>
#include <array>

namespace faultline {
namespace {

constexpr auto table = std::to_array<TargetEntry>({
#define TARGET(name, doc) {#name, doc, &make_##name},
#include "targets/list.def"
#undef TARGET
});
static_assert(std::ranges::adjacent_find(table, std::ranges::greater_equal{}, &TargetEntry::name) ==
                  table.end(),
              "targets/list.def: alphabetical, please, and no name twice");

}  // namespace

std::span<const TargetEntry> targets() { return table; }

}  // namespace faultline
