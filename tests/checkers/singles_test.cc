// Which anti-dependencies are closed by dependencies: held against a search from each, where there
// are many more of them than are followed at a time.
#include "checkers/transactional/singles.h"

#include <vector>

#include <doctest/doctest.h>

#include "harness/core/rng.h"

namespace faultline::transactional {
namespace {

using Reaching = Any<all_dependencies | bit_of(Edge::free)>;

struct AntiEdge {
  std::uint32_t from = 0, to = 0;
  bool is_single = false;
  Node reader = 0, writer = 0;
};

bool leads(const Graph& graph, Node from, Node to) {
  std::vector<bool> seen(graph.size(), false);
  std::vector<Node> open{from};
  seen[from] = true;
  while (!open.empty()) {
    const Node here = open.back();
    open.pop_back();
    if (here == to) return true;
    for (const Arrow arrow : graph.from(here))
      if (!is_rw(arrow.edge()) && !seen[arrow.to()]) {
        seen[arrow.to()] = true;
        open.push_back(arrow.to());
      }
  }
  return false;
}

/// How many were found wrong, and how many are single, of a graph with so many edges of each kind.
struct Tried {
  std::size_t wrong = 0, single = 0, all = 0;
};
Tried try_one(Rng rng, std::size_t nodes, std::size_t forward, std::size_t back, std::size_t anti) {
  const auto any = [&] { return static_cast<Node>(rng.below(nodes)); };
  std::vector<std::pair<Node, Node>> readers;
  const Graph graph = Graph::of(nodes, nodes, [&](auto visit) {
    for (std::size_t i = 0; i < forward; ++i) {
      const Node a = any(), b = any();
      if (a != b) visit(std::min(a, b), std::max(a, b), i % 2 == 0 ? Edge::ww : Edge::wr);
    }
    for (std::size_t i = 0; i < back; ++i) {
      const Node a = any(), b = any();
      if (a != b) visit(std::max(a, b), std::min(a, b), Edge::wr);
    }
    for (std::size_t i = 0; i < anti; ++i) {
      const Node a = any(), b = any();
      if (a == b) continue;
      visit(a, b, Edge::rw);
      readers.emplace_back(a, b);
    }
  });
  Meter meter{Budget{}};
  const Components<Reaching> reach(graph, meter);
  std::vector<AntiEdge> edges;
  for (const auto& [reader, writer] : readers)
    edges.push_back({reach.of(reader), reach.of(writer), rng.below(2) == 0, reader, writer});
  mark_singles(graph, reach, edges, meter);
  Tried tried{0, 0, edges.size()};
  for (const AntiEdge& edge : edges) {
    tried.wrong += edge.is_single != leads(graph, edge.writer, edge.reader);
    tried.single += edge.is_single;
  }
  return tried;
}

TEST_CASE("singles: as many as a search from each of them finds") {
  Tried all;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const Rng rng(seed);
    const std::size_t nodes = 50 + 10 * seed;
    const Tried one = try_one(rng, nodes, 3 * nodes, 2 + seed % 6, 200 + 40 * seed);
    CHECK(one.wrong == 0);
    all.single += one.single;
    all.all += one.all;
  }
  // Of both kinds, and of each more than are followed at a time.
  CHECK(all.single > 10 * Lanes::count);
  CHECK(all.all - all.single > 10 * Lanes::count);
}

TEST_CASE("singles: none at all, and all in one component") {
  CHECK(try_one(Rng(1), 10, 0, 0, 0).all == 0);
  const Tried tangle = try_one(Rng(2), 20, 400, 400, 1000);
  CHECK(tangle.wrong == 0);
  CHECK(tangle.single == tangle.all);
}

}  // namespace
}  // namespace faultline::transactional
