// Which anti-dependencies close a cycle by dependencies alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "checkers/meter.h"
#include "checkers/transactional/components.h"
#include "checkers/transactional/cycles.h"

namespace faultline::transactional {

/// Sets is_single of each of the edges of which `from` can be reached from `to`, components of
/// `reach` both, and sorts them. Sixty-four at a time, in one sweep over the components between
/// them. Exact, and linear for each sweep. Throws OutOfBudget.
template <typename Reaching, typename AntiEdge>
void mark_singles(const Graph& graph, const Components<Reaching>& reach,
                  std::vector<AntiEdge>& edges, Meter& meter) {
  std::vector<std::uint64_t> begins{0};
  const auto order = reach.order();
  for (std::size_t i = 0; i < order.size(); ++i)
    while (begins.size() <= reach.of(order[i])) begins.push_back(i);
  begins.push_back(order.size());
  std::ranges::sort(edges, std::ranges::greater{}, &AntiEdge::to);
  std::vector<std::uint64_t> reached(reach.size(), 0);
  for (std::size_t first = 0; first < edges.size(); first += 64) {
    const auto batch =
        std::span(edges).subspan(first, std::min<std::size_t>(64, edges.size() - first));
    const std::uint32_t highest = batch.front().to;
    std::uint32_t lowest = highest;
    for (const AntiEdge& edge : batch) lowest = std::min({lowest, edge.from, edge.to});
    std::fill(reached.begin() + lowest, reached.begin() + highest + 1, 0);
    for (std::size_t i = 0; i < batch.size(); ++i) reached[batch[i].to] |= std::uint64_t{1} << i;
    std::uint64_t steps = 0;
    for (std::uint32_t c = highest + 1; c-- > lowest;) {
      if (reached[c] == 0) continue;
      for (std::size_t at = begins[c]; at < begins[c + 1]; ++at)
        for (const Arrow arrow : graph.from(order[at])) {
          ++steps;
          if (Reaching::next(0, arrow.edge()) == dead_end) continue;
          const std::uint32_t to = reach.of(arrow.to());
          if (to != reach.none && to >= lowest) reached[to] |= reached[c];
        }
    }
    for (std::size_t i = 0; i < batch.size(); ++i)
      batch[i].is_single = batch[i].from <= batch[i].to && (reached[batch[i].from] >> i & 1) != 0;
    if (!meter.spend(steps + 1)) throw OutOfBudget();
  }
}

}  // namespace faultline::transactional
