// Which anti-dependencies close a cycle by dependencies alone.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "checkers/meter.h"
#include "checkers/transactional/components.h"
#include "checkers/transactional/cycles.h"

namespace faultline::transactional {

/// So many are followed at a time.
struct Lanes {
  static constexpr std::size_t count = 256;
  std::array<std::uint64_t, count / 64> words{};

  void set(std::size_t lane) { words[lane / 64] |= std::uint64_t{1} << lane % 64; }
  bool test(std::size_t lane) const { return (words[lane / 64] >> lane % 64 & 1) != 0; }
  bool any() const {
    std::uint64_t all = 0;
    for (const std::uint64_t word : words) all |= word;
    return all != 0;
  }
  void operator|=(const Lanes& other) {
    for (std::size_t i = 0; i < words.size(); ++i) words[i] |= other.words[i];
  }
};

/// Sets is_single of each of the edges of which `from` can be reached from `to`, components of
/// `reach` both, and sorts them. Many at a time, in one sweep over the components between them:
/// those of about the same length together, as a single long one would have the sweep of all others
/// go as far. Exact, and linear for each sweep. Throws OutOfBudget.
template <typename Reaching, typename AntiEdge>
void mark_singles(const Graph& graph, const Components<Reaching>& reach,
                  std::vector<AntiEdge>& edges, Meter& meter) {
  std::vector<std::uint64_t> begins{0};
  const auto order = reach.order();
  for (std::size_t i = 0; i < order.size(); ++i)
    while (begins.size() <= reach.of(order[i])) begins.push_back(i);
  begins.push_back(order.size());
  // What can be reached comes no later in the order.
  for (AntiEdge& edge : edges) edge.is_single = false;
  const auto may_be =
      std::span(edges.begin(), std::ranges::stable_partition(edges, [](const AntiEdge& edge) {
                                 return edge.from <= edge.to;
                               }).begin());
  const auto place = [](const AntiEdge& edge) {
    return std::pair(std::bit_width(edge.to - edge.from), ~edge.to);
  };
  std::ranges::stable_sort(may_be, {}, place);
  std::vector<Lanes> reached(reach.size());
  for (std::size_t first = 0; first < may_be.size(); first += Lanes::count) {
    const auto batch = may_be.subspan(first, std::min(Lanes::count, may_be.size() - first));
    std::uint32_t highest = 0, lowest = batch.front().from;
    for (const AntiEdge& edge : batch) {
      lowest = std::min<std::uint32_t>(lowest, edge.from);
      highest = std::max<std::uint32_t>(highest, edge.to);
    }
    std::fill(reached.begin() + lowest, reached.begin() + highest + 1, Lanes{});
    for (std::size_t i = 0; i < batch.size(); ++i) reached[batch[i].to].set(i);
    std::uint64_t steps = 0;
    for (std::uint32_t c = highest + 1; c-- > lowest;) {
      if (!reached[c].any()) continue;
      for (std::size_t at = begins[c]; at < begins[c + 1]; ++at)
        for (const Arrow arrow : graph.from(order[at])) {
          ++steps;
          if (Reaching::next(0, arrow.edge()) == dead_end) continue;
          const std::uint32_t to = reach.of(arrow.to());
          if (to != reach.none && to >= lowest) reached[to] |= reached[c];
        }
    }
    for (std::size_t i = 0; i < batch.size(); ++i)
      batch[i].is_single = reached[batch[i].from].test(i);
    if (!meter.spend(steps + 1)) throw OutOfBudget();
  }
}

}  // namespace faultline::transactional
