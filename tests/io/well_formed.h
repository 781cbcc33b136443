// What HistoryBuilder promises to everybody who reads a history, looked over from outside.
#pragma once

#include <string>
#include <vector>

#include "harness/core/history.h"

namespace faultline {

/// What of it does not hold, or "".
inline std::string defect_of(const History& h) {
  std::vector<bool> taken(h.events(), false);
  const auto take = [&](Position at) {
    if (at >= h.events() || taken[at]) return false;
    taken[at] = true;
    return true;
  };
  for (std::size_t i = 0; i < h.size(); ++i) {
    const std::string row = "row " + std::to_string(i) + ": ";
    if (i > 0 && h.begin()[i] <= h.begin()[i - 1]) return row + "begins before the last one";
    if (!take(h.begin()[i])) return row + "begins outside the history, or where another event is";
    if ((h.end()[i] == never) != (h.fate()[i] == Fate::info)) return row + "only an info is open";
    if (h.end()[i] != never && h.end()[i] <= h.begin()[i]) return row + "ends before it begins";
    if (h.end()[i] != never && !take(h.end()[i]))
      return row + "ends outside the history, or where another event is";
    if (static_cast<std::size_t>(h.function()[i]) >= function_names().size())
      return row + "no such function";
    if (h.key()[i] != no_key && h.key()[i] >= h.key_count()) return row + "no such key";
    if (h.node()[i] != no_node && h.node()[i] >= h.node_count()) return row + "no such node";
    // Readable at all: a sanitizer watches.
    if (h.key()[i] != no_key) (void)h.key_text(h.key()[i]);
    if (h.error()[i] != no_error) (void)h.error_text(h.error()[i]);
    (void)h.values().to_text(h.argument()[i]);
    (void)h.values().to_text(h.output()[i]);
  }
  if (h.events() > 0 && h.index_of(h.events() - 1) < h.events() - 1) return "indexes do not rise";
  return "";
}

}  // namespace faultline
