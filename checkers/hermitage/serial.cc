#include <algorithm>

#include "checkers/hermitage/anomalies.h"

namespace faultline::hermitage {
namespace {

/// Executes `actor` on `state`; false if that is not what it saw.
bool execute(const Actor& actor, Rows& state) {
  const bool told = actor.committed();
  for (const Deed& deed : actor.deeds) {
    if (deed.kind == Deed::Kind::write) {
      state[deed.key] = deed.cell.value_or(0);
      continue;
    }
    if (deed.kind == Deed::Kind::read) {
      const auto at = state.find(deed.key);
      if (told && deed.cell != (at == state.end() ? Cell() : Cell(at->second))) return false;
      continue;
    }
    Rows matching;
    for (const auto& [key, value] : state)
      if (deed.predicate.matches(key, value)) matching.emplace(key, value);
    if (told && matching != deed.rows) return false;
    if (deed.kind == Deed::Kind::erase)
      for (const auto& [key, value] : matching) state.erase(key);
  }
  return true;
}

bool explains(const Play& play, const std::vector<std::size_t>& order) {
  Rows state;
  return std::ranges::all_of(order, [&](std::size_t i) { return execute(play.actors[i], state); });
}

}  // namespace

bool has_serial_order(const Play& play) {
  std::vector<std::size_t> certain, unclear;
  for (std::size_t i = 0; i < play.actors.size(); ++i) {
    if (play.actors[i].committed()) certain.push_back(i);
    if (play.actors[i].fate == Fate::info) unclear.push_back(i);
  }
  for (std::size_t some = 0; some < (std::size_t{1} << unclear.size()); ++some) {
    std::vector<std::size_t> order = certain;
    for (std::size_t i = 0; i < unclear.size(); ++i)
      if ((some >> i & 1) != 0) order.push_back(unclear[i]);
    std::ranges::sort(order);
    do {
      if (explains(play, order)) return true;
    } while (std::ranges::next_permutation(order).found);
  }
  return false;
}

}  // namespace faultline::hermitage
