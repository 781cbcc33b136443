// The order of nodes that is kept while edges are added, against the plain definition of what it
// must be.
#include "checkers/transactional/online_order.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "harness/core/rng.h"

namespace faultline::transactional {
namespace {

using Pairs = std::vector<std::pair<Node, Node>>;

/// By trying: reaches[a][b].
std::vector<std::vector<bool>> reached_in(std::size_t nodes, const Pairs& edges) {
  std::vector reaches(nodes, std::vector<bool>(nodes, false));
  for (std::size_t n = 0; n < nodes; ++n) reaches[n][n] = true;
  for (const auto& [a, b] : edges) reaches[a][b] = true;
  for (std::size_t via = 0; via < nodes; ++via)
    for (std::size_t a = 0; a < nodes; ++a)
      for (std::size_t b = 0; b < nodes; ++b)
        if (reaches[a][via] && reaches[via][b]) reaches[a][b] = true;
  return reaches;
}

void check_order(OnlineOrder& order, const Pairs& edges) {
  const std::size_t nodes = order.size();
  const auto reaches = reached_in(nodes, edges);
  for (Node a = 0; a < nodes; ++a)
    for (Node b = 0; b < nodes; ++b) {
      const bool together = reaches[a][b] && reaches[b][a];
      REQUIRE((order.component(a) == order.component(b)) == together);
      if (reaches[a][b] && !together) REQUIRE(order.precedes(a, b));
    }
  for (Node a = 0; a < nodes; ++a) {
    std::set<Node> members, expected;
    order.each_member(a, [&](Node node) { members.insert(node); });
    for (Node b = 0; b < nodes; ++b)
      if (reaches[a][b] && reaches[b][a]) expected.insert(b);
    REQUIRE(members == expected);
    if (expected.size() == 1) continue;
    Pairs inside, all;
    order.each_edge_inside(a, [&](Node from, Node to, Bond) { inside.emplace_back(from, to); });
    for (const auto& edge : edges)
      if (expected.contains(edge.first) && expected.contains(edge.second)) all.push_back(edge);
    std::ranges::sort(inside);
    std::ranges::sort(all);
    REQUIRE(inside == all);
  }
}

TEST_CASE("online order: edges forward, back, and round") {
  OnlineOrder order;
  for (std::uint32_t n = 0; n < 4; ++n) CHECK(order.add(10 + n) == n);
  CHECK(order.owner(3) == 13);
  order.tie(0, 1, Bond::ww);
  order.tie(3, 0, Bond::wr);
  CHECK(order.precedes(3, 1));
  CHECK(order.precedes(0, 1));
  CHECK(order.take_changed().empty());
  order.tie(1, 3, Bond::rw);
  CHECK(order.component(0) == order.component(3));
  CHECK(order.component(2) != order.component(3));
  CHECK(order.take_changed().size() == 1);
  CHECK(order.take_changed().empty());
  order.tie(0, 3, Bond::rw);
  CHECK(order.take_changed().size() == 1);
  CHECK(order.cyclic(1).nodes == 3);
  check_order(order, {{0, 1}, {3, 0}, {1, 3}, {0, 3}});
}

TEST_CASE("online order: random edges, each time as the definition says") {
  Rng rng(5);
  int cyclic = 0;
  for (int round = 0; round < 300; ++round) {
    OnlineOrder order;
    Pairs edges;
    const auto most = 3 + rng.below(12);
    const bool is_dense = rng.below(3) == 0;
    for (int step = 0; step < 40; ++step) {
      if (order.size() < most && (order.size() < 2 || rng.below(3) == 0)) {
        order.add(0);
        continue;
      }
      auto a = static_cast<Node>(rng.below(order.size()));
      auto b = static_cast<Node>(rng.below(order.size()));
      if (a == b) continue;
      // Mostly forward, or there is soon nothing but one cycle.
      if (!is_dense && a > b && rng.below(4) > 0) std::swap(a, b);
      order.tie(a, b, Bond::ww);
      edges.emplace_back(a, b);
      const bool was_asked = rng.below(2) == 0;
      if (was_asked) check_order(order, edges);
    }
    check_order(order, edges);
    cyclic += !order.take_changed().empty();
  }
  CHECK(cyclic > 100);
  CHECK(cyclic < 300);
}

TEST_CASE("online order: what was found of components stays with what they become") {
  OnlineOrder order;
  for (std::uint32_t n = 0; n < 4; ++n) order.add(n);
  order.tie(0, 1, Bond::ww);
  order.tie(1, 0, Bond::ww);
  order.tie(2, 3, Bond::ww);
  order.tie(3, 2, Bond::ww);
  CHECK(order.take_changed().size() == 2);
  order.cyclic(0).found.emplace_back(Anomaly::G0, 1);
  order.cyclic(2).found.emplace_back(Anomaly::G1c, 1);
  order.tie(1, 2, Bond::ww);
  CHECK(order.take_changed().empty());
  order.tie(3, 1, Bond::ww);
  CHECK(order.take_changed().size() == 1);
  CHECK(order.cyclic(3).nodes == 4);
  CHECK(order.cyclic(3).found.size() == 2);
}

}  // namespace
}  // namespace faultline::transactional
