// Cycles that are known to be there before one is made out: a component of the graph tells. Where
// the budget ends in between, Elle's PL-x-cycle-exists says so.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "checkers/transactional/components.h"
#include "checkers/transactional/cycle_names.h"
#include "checkers/transactional/cycles.h"

namespace faultline::transactional {

inline KnownCycle& known_at(CycleFindings& findings, Level level, Order order) {
  return findings.known[3 * static_cast<std::size_t>(level) + static_cast<std::size_t>(order)];
}

/// Of those transactions, each once.
inline KnownCycle known_of(std::vector<Transaction> members) {
  std::ranges::sort(members);
  const auto twice = std::ranges::unique(members);
  members.erase(twice.begin(), twice.end());
  KnownCycle known{members.size(), std::move(members)};
  known.members.resize(std::min(known.size, std::uint64_t{KnownCycle::members_max}));
  return known;
}

/// Of the smallest component with a cycle; there is one.
template <typename Automaton>
KnownCycle smallest_known(const Graph& graph, const Components<Automaton>& parts) {
  const auto places = parts.order();
  std::span<const typename Components<Automaton>::Place> smallest = places;
  for (std::size_t i = 0; i < places.size();) {
    const std::size_t first = i;
    while (i < places.size() && parts.of(places[i]) == parts.of(places[first])) ++i;
    if (parts.is_cyclic(parts.of(places[first])) && i - first < smallest.size())
      smallest = places.subspan(first, i - first);
  }
  std::vector<Transaction> members;
  for (const auto place : smallest)
    if (const Node node = Components<Automaton>::node_of(place); graph.is_transaction(node))
      members.push_back(node);
  return known_of(std::move(members));
}

/// If there is one.
template <typename Automaton>
void note_known(const Graph& graph, const Components<Automaton>& parts, Level level, Order order,
                CycleFindings& into) {
  KnownCycle& known = known_at(into, level, order);
  if (!parts.acyclic() && known.size == 0) known = smallest_known(graph, parts);
}

/// Of one that ended before something began that leads to it.
inline void note_known_late(const std::vector<bool>& late, Level level, CycleFindings& into) {
  KnownCycle& known = known_at(into, level, Order::realtime);
  const auto first = std::ranges::find(late, true);
  if (first == late.end() || known.size > 0) return;
  known = {1, {static_cast<Transaction>(first - late.begin())}};
}

/// From the numbers in a part of the history to those in the whole one.
inline void rename_known(const std::vector<Transaction>& numbers, CycleFindings& findings) {
  for (KnownCycle& known : findings.known)
    for (Transaction& t : known.members) t = numbers[t];
}

/// What a cycle of that kind is called if only that is known of it. `by_predicates`: it may be one
/// with an rw by a predicate.
constexpr Anomaly cycle_exists_at(Level level, Order order, bool by_predicates) {
  using enum Anomaly;
  constexpr Anomaly names[4][3] = {
      {PL_1_cycle_exists, strong_session_PL_1_cycle_exists, strong_PL_1_cycle_exists},
      {PL_2_cycle_exists, strong_session_PL_2_cycle_exists, strong_PL_2_cycle_exists},
      {PL_SI_cycle_exists, strong_session_snapshot_isolation_cycle_exists,
       strong_snapshot_isolation_cycle_exists},
      {PL_2_99_cycle_exists, strong_session_serializable_cycle_exists, PL_SS_cycle_exists}};
  if (level == Level::all && order == Order::none && by_predicates) return PL_3_cycle_exists;
  // With one rw it is one without two that are neighbours, too: Elle has no name of its own.
  const unsigned row = level <= Level::ww_wr ? static_cast<unsigned>(level)
                       : level == Level::all ? 3
                                             : 2;
  return names[row][static_cast<unsigned>(order)];
}

}  // namespace faultline::transactional
