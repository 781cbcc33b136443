#include "nemesis/grudge.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string>

#include "harness/core/check.h"

namespace faultline {
namespace {

using Nodes = std::vector<std::size_t>;

constexpr std::array<std::string_view, 7> kind_names = {
    "halves", "majority-minority", "isolate-one", "isolate-leader",
    "bridge", "majority-ring",     "one-way"};

Nodes shuffled(std::size_t count, Rng& rng) {
  Nodes nodes(count);
  std::iota(nodes.begin(), nodes.end(), std::size_t{0});
  for (std::size_t i = count; i > 1; --i) std::swap(nodes[i - 1], nodes[rng.below(i)]);
  return nodes;
}

Nodes all_but(std::size_t count, std::span<const std::size_t> without) {
  Nodes rest;
  for (std::size_t node = 0; node < count; ++node)
    if (std::ranges::find(without, node) == without.end()) rest.push_back(node);
  return rest;
}

/// The smaller side and the larger one.
Result<std::pair<Nodes, Nodes>> unequal_sides(const GrudgeChoice& choice, Rng& rng) {
  Nodes side(choice.victims.begin(), choice.victims.end());
  if (side.size() == choice.nodes) {
    side = shuffled(choice.nodes, rng);
    side.resize(std::max<std::size_t>(1, (choice.nodes - 1) / 2));
  }
  Nodes rest = all_but(choice.nodes, side);
  if (side.size() == rest.size() && choice.kind == PartitionKind::majority_minority)
    return Error{"the victims are exactly half of the nodes: neither side is a majority",
                 ErrorKind::usage};
  if (side.size() > rest.size()) side.swap(rest);
  return std::pair(std::move(side), std::move(rest));
}

/// Every node of `alone` by itself, all others together.
Grudge isolate(std::size_t count, std::span<const std::size_t> alone) {
  std::vector<Nodes> groups = {all_but(count, alone)};
  for (const std::size_t node : alone) groups.push_back({node});
  return cut_between(groups);
}

}  // namespace

std::span<const std::string_view> partition_kind_names() { return kind_names; }

std::size_t nodes_min(PartitionKind kind) {
  switch (kind) {
    case PartitionKind::halves:
    case PartitionKind::isolate_one:
    case PartitionKind::isolate_leader:
    case PartitionKind::one_way:
      return 2;
    case PartitionKind::majority_minority:
    case PartitionKind::bridge:
      return 3;
    case PartitionKind::majority_ring:
      return 4;
  }
  return 2;
}

Grudge cut_one_way(std::span<const std::size_t> from, std::span<const std::size_t> to) {
  Grudge grudge;
  for (const std::size_t a : from)
    for (const std::size_t b : to) grudge.insert({a, b});
  return grudge;
}

Grudge cut_between(std::span<const std::vector<std::size_t>> groups) {
  Grudge grudge;
  for (const Nodes& from : groups)
    for (const Nodes& to : groups)
      if (&from != &to) grudge.merge(cut_one_way(from, to));
  return grudge;
}

Grudge bridge(std::span<const std::size_t> order) {
  FAULTLINE_CHECK(order.size() >= 3);
  const auto half = order.begin() + static_cast<std::ptrdiff_t>(order.size() / 2);
  return cut_between(std::vector<Nodes>{Nodes(order.begin(), half), Nodes(half + 1, order.end())});
}

Grudge majority_ring(std::span<const std::size_t> order) {
  const std::size_t n = order.size();
  FAULTLINE_CHECK(n >= 4);
  const std::size_t neighbours = n / 2;  // Beside itself: a majority is n/2 + 1.
  const bool opposite = neighbours % 2 == 1 && n % 2 == 0;
  const std::size_t reach = opposite ? neighbours / 2 : (neighbours + 1) / 2;
  Grudge grudge;
  for (std::size_t i = 0; i < n; ++i)
    for (std::size_t j = 0; j < n; ++j) {
      const std::size_t apart = (j + n - i) % n, distance = std::min(apart, n - apart);
      if (distance > reach && !(opposite && distance == n / 2)) grudge.insert({order[i], order[j]});
    }
  return grudge;
}

Result<Grudge> choose_grudge(const GrudgeChoice& choice, Rng& rng) {
  FAULTLINE_CHECK(choice.nodes >= nodes_min(choice.kind) && !choice.victims.empty());
  switch (choice.kind) {
    case PartitionKind::halves: {
      const Nodes order = shuffled(choice.nodes, rng);
      const auto half = order.begin() + static_cast<std::ptrdiff_t>(choice.nodes / 2);
      return cut_between(std::vector<Nodes>{Nodes(order.begin(), half), Nodes(half, order.end())});
    }
    case PartitionKind::majority_minority: {
      auto sides = unequal_sides(choice, rng);
      if (!sides) return sides.error();
      return cut_between(std::vector<Nodes>{sides->first, sides->second});
    }
    case PartitionKind::one_way: {
      auto sides = unequal_sides(choice, rng);
      if (!sides) return sides.error();
      const bool unheard = choice.minority_unheard.value_or(rng.below(2) == 0);
      return unheard ? cut_one_way(sides->first, sides->second)
                     : cut_one_way(sides->second, sides->first);
    }
    case PartitionKind::isolate_one:
      return isolate(choice.nodes, Nodes{choice.victims[rng.below(choice.victims.size())]});
    case PartitionKind::isolate_leader:
      if (choice.leaders.empty()) return Error{"no node said that it leads"};
      return isolate(choice.nodes, choice.leaders);
    case PartitionKind::bridge: {
      Nodes order = shuffled(choice.nodes, rng);
      const std::size_t chosen = choice.victims[rng.below(choice.victims.size())];
      std::swap(*std::ranges::find(order, chosen), order[choice.nodes / 2]);
      return bridge(order);
    }
    case PartitionKind::majority_ring:
      return majority_ring(shuffled(choice.nodes, rng));
  }
  FAULTLINE_CHECK(false);
}

std::vector<Nodes> components(std::size_t nodes, const Grudge& cut) {
  std::vector<Nodes> found;
  std::vector<bool> seen(nodes);
  for (std::size_t start = 0; start < nodes; ++start) {
    if (seen[start]) continue;
    seen[start] = true;
    Nodes component = {start};
    for (std::size_t next = 0; next < component.size(); ++next)
      for (std::size_t other = 0; other < nodes; ++other) {
        if (seen[other] || cut.contains({component[next], other}) ||
            cut.contains({other, component[next]}))
          continue;
        seen[other] = true;
        component.push_back(other);
      }
    std::ranges::sort(component);
    found.push_back(std::move(component));
  }
  return found;
}

}  // namespace faultline
