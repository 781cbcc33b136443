#include "nemesis/grudge.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <string>

#include "harness/core/check.h"

namespace faultline {
namespace {

using Nodes = std::vector<std::size_t>;

constexpr std::array<std::string_view, 9> kind_names = {
    "halves",        "majority-minority", "isolate-one", "isolate-leader", "bridge",
    "majority-ring", "one-way",           "clients",     "groups"};
constexpr std::array<std::string_view, 3> side_names = {"everywhere", "majority", "minority"};
constexpr std::array<std::string_view, 3> loss_names = {"both", "requests", "answers"};

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

/// Links to cut, and a node of the smaller and one of the larger side.
struct Split {
  Grudge grudge;
  std::size_t smaller = 0, larger = 0;
};

/// Two sides of which neither is empty.
Split split(const Nodes& one, const Nodes& other, Grudge grudge) {
  const bool other_is_larger = other.size() >= one.size();
  return {std::move(grudge), other_is_larger ? one[0] : other[0],
          other_is_larger ? other[0] : one[0]};
}

/// Every node of `alone` by itself, all others together.
Split isolate(std::size_t count, std::span<const std::size_t> alone) {
  std::vector<Nodes> groups = {all_but(count, alone)};
  for (const std::size_t node : alone) groups.push_back({node});
  const std::size_t larger = groups[0].empty() ? alone.back() : groups[0][0];
  return {cut_between(groups), alone[0], larger};
}

/// From now on the clients hear and are heard as `node` is.
void stand_with(std::size_t node, Grudge& grudge) {
  Grudge own;
  for (const Edge& edge : grudge) {
    if (edge.to == node) own.insert({edge.from, clients_end});
    if (edge.from == node) own.insert({clients_end, edge.to});
  }
  grudge.merge(own);
}

}  // namespace

std::span<const std::string_view> partition_kind_names() { return kind_names; }
std::span<const std::string_view> clients_side_names() { return side_names; }
std::span<const std::string_view> clients_loss_names() { return loss_names; }

bool has_sides(PartitionKind kind) {
  return kind != PartitionKind::majority_ring && kind != PartitionKind::clients &&
         kind != PartitionKind::groups;
}

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
    case PartitionKind::clients:
    case PartitionKind::groups:
      return 1;
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

namespace {

/// The kinds that has_sides().
Result<Split> choose_split(const GrudgeChoice& choice, Rng& rng) {
  if (choice.kind == PartitionKind::isolate_one)
    return isolate(choice.nodes, Nodes{choice.victims[rng.below(choice.victims.size())]});
  if (choice.kind == PartitionKind::isolate_leader) {
    if (choice.leaders.empty()) return Error{"no node said that it leads"};
    return isolate(choice.nodes, choice.leaders);
  }
  if (choice.kind == PartitionKind::halves || choice.kind == PartitionKind::bridge) {
    Nodes order = shuffled(choice.nodes, rng);
    const auto half = order.begin() + static_cast<std::ptrdiff_t>(choice.nodes / 2);
    if (choice.kind == PartitionKind::halves) {
      const std::vector<Nodes> sides = {Nodes(order.begin(), half), Nodes(half, order.end())};
      return split(sides[0], sides[1], cut_between(sides));
    }
    const std::size_t chosen = choice.victims[rng.below(choice.victims.size())];
    std::swap(*std::ranges::find(order, chosen), *half);
    return split(Nodes(order.begin(), half), Nodes(half + 1, order.end()), bridge(order));
  }
  auto sides = unequal_sides(choice, rng);
  if (!sides) return sides.error();
  const auto& [smaller, larger] = *sides;
  if (choice.kind == PartitionKind::majority_minority)
    return split(smaller, larger, cut_between(std::vector<Nodes>{smaller, larger}));
  FAULTLINE_CHECK(choice.kind == PartitionKind::one_way);
  const bool unheard = choice.minority_unheard.value_or(rng.below(2) == 0);
  return split(smaller, larger,
               unheard ? cut_one_way(smaller, larger) : cut_one_way(larger, smaller));
}

}  // namespace

Result<Grudge> choose_grudge(const GrudgeChoice& choice, Rng& rng) {
  FAULTLINE_CHECK(choice.nodes >= nodes_min(choice.kind) && !choice.victims.empty());
  FAULTLINE_CHECK(has_sides(choice.kind) || choice.clients_side == ClientsSide::everywhere);
  switch (choice.kind) {
    case PartitionKind::majority_ring:
      return majority_ring(shuffled(choice.nodes, rng));
    case PartitionKind::groups:
      return cut_between(choice.groups);
    case PartitionKind::clients: {
      Grudge grudge;
      const Nodes clients = {clients_end};
      if (choice.clients_loss != ClientsLoss::answers)
        grudge.merge(cut_one_way(clients, choice.victims));
      if (choice.clients_loss != ClientsLoss::requests)
        grudge.merge(cut_one_way(choice.victims, clients));
      return grudge;
    }
    default:
      break;
  }
  auto split = choose_split(choice, rng);
  if (!split) return split.error();
  if (choice.clients_side == ClientsSide::majority) stand_with(split->larger, split->grudge);
  if (choice.clients_side == ClientsSide::minority) stand_with(split->smaller, split->grudge);
  return std::move(split->grudge);
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
