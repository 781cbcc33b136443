#include "nemesis/nemeses.h"

#include <algorithm>
#include <array>

namespace faultline {
namespace {

constexpr auto table = std::to_array<NemesisEntry>({
#define NEMESIS(name, doc) {dashed<#name>(), doc, &make_##name},
#include "nemesis/list.def"
#undef NEMESIS
});
static_assert(std::ranges::adjacent_find(table, std::ranges::greater_equal{},
                                         &NemesisEntry::name) == table.end(),
              "nemesis/list.def: alphabetical, please, and no name twice");

}  // namespace

std::span<const NemesisEntry> nemeses() { return table; }

}  // namespace faultline
