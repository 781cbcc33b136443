// Who comes before somebody by what is known, and yet began only after that one had ended.
#pragma once

#include <algorithm>
#include <ranges>
#include <vector>

#include "checkers/transactional/components.h"
#include "checkers/transactional/graph.h"
#include "harness/core/history.h"

namespace faultline::transactional {

/// By component, of what leads there and of its own.
template <typename Automaton>
std::vector<Position> latest_begins(const History& history, const Graph& graph,
                                    const Components<Automaton>& parts) {
  using Parts = Components<Automaton>;
  const auto begins = history.begin();
  std::vector<Position> latest(parts.size(), 0);
  const auto order = parts.order();
  for (const auto at : order)
    if (const Node node = Parts::node_of(at);
        graph.is_transaction(node) && Parts::state_of(at) == 0)
      latest[parts.of(at)] = std::max(latest[parts.of(at)], begins[node]);
  for (const auto at : std::views::reverse(order)) {
    const Position here = latest[parts.of(at)];
    for (const Arrow arrow : graph.from(Parts::node_of(at))) {
      const unsigned state = Automaton::next(Parts::state_of(at), arrow.edge());
      if (state == dead_end) continue;
      Position& there = latest[parts.of(Parts::place(arrow.to(), state))];
      there = std::max(there, here);
    }
  }
  return latest;
}

/// Whether a transaction ended before another one began that a way leads from to it. One edge of
/// real time is enough: of those in a longer cycle, take the way whose end ended first. That
/// needs no edges: it is enough to know, for each component, the last begin that leads there.
/// If `flagged` is given, marks those transactions.
template <typename Automaton>
bool is_any_late(const History& history, const Graph& graph, const Components<Automaton>& parts,
                 std::vector<bool>* flagged) {
  using Parts = Components<Automaton>;
  const std::vector<Position> latest = latest_begins(history, graph, parts);
  const auto ends = history.end();
  bool any = false;
  for (const auto at : parts.order()) {
    const Node node = Parts::node_of(at);
    if (!graph.is_transaction(node) || latest[parts.of(at)] <= ends[node]) continue;
    any = true;
    if (flagged == nullptr) return true;
    (*flagged)[node] = true;
  }
  return any;
}

}  // namespace faultline::transactional
