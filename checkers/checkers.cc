#include "checkers/checkers.h"

#include <algorithm>
#include <array>

namespace faultline {
namespace {

constexpr auto table = std::to_array<CheckerEntry>({
#define CHECKER(name, doc) {dashed<#name>(), doc, &make_##name},
#include "checkers/list.def"
#undef CHECKER
});
static_assert(std::ranges::adjacent_find(table, std::ranges::greater_equal{},
                                         &CheckerEntry::name) == table.end(),
              "checkers/list.def: alphabetical, please, and no name twice");

}  // namespace

std::span<const CheckerEntry> checkers() { return table; }

}  // namespace faultline
