// An order of nodes that is kept topological while edges are added, and of which nodes it cannot
// be: those that lead to each other are one component from then on, and the order goes on between
// components.
//
// Pearce & Kelly, "A Dynamic Topological Sort Algorithm for Directed Acyclic Graphs" (2007), with
// the contraction of cycles as in Haeupler et al. 2012. An edge that goes forward costs nothing.
// One that goes back is followed by a search of what lies between its ends alone: with nodes added
// in the order in which transactions end, that is about as many as there were open at a time.
#pragma once

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "checkers/transactional/bond.h"
#include "checkers/transactional/graph.h"
#include "checkers/transactional/isolation.h"
#include "harness/core/big_vector.h"

namespace faultline::transactional {

/// Not thread-safe. About 28 bytes a node and 16 an edge.
class OnlineOrder {
 public:
  /// At the end. `owner` is whatever the caller knows it by.
  Node add(std::uint32_t owner);
  void tie(Node from, Node to, Bond why);

  std::uint32_t owner(Node node) const { return nodes_[node].owner; }
  std::size_t size() const { return nodes_.size(); }
  std::size_t edges() const { return edges_.size(); }
  /// Those that lead to each other have the same.
  Node component(Node node) const;
  bool precedes(Node a, Node b) const {
    return nodes_[component(a)].label < nodes_[component(b)].label;
  }
  std::uint64_t bytes() const;

  /// A component of several nodes.
  struct Cyclic {
    Node nodes = 1;
    std::uint32_t inside = none;  ///< Edges, a ring of which this is the last.
    bool is_changed = false;
    /// Of the caller, who takes it away and writes it anew; when components become one, all theirs.
    std::vector<std::pair<Anomaly, std::uint64_t>> found;
  };
  /// Any node of each component that got an edge since this was asked last.
  std::vector<Node> take_changed();
  Cyclic& cyclic(Node any) { return cyclic_.at(component(any)); }

  template <typename Visit>
  void each_member(Node any, Visit visit) const {
    Node at = any;
    do {
      visit(at);
      at = nodes_[at].next_member;
    } while (at != any);
  }
  /// All edges between the nodes of a cyclic component, as visit(from, to, why).
  template <typename Visit>
  void each_edge_inside(Node any, Visit visit) {
    const Node c = component(any);
    each_neighbour<Out>(c, [](Node) {});  // brings the rest of them there
    const std::uint32_t last = cyclic_.at(c).inside;
    if (last == none) return;
    std::uint32_t at = last;
    do {
      at = edges_[at].next_out;
      visit(edges_[at].from, edges_[at].to.node(), edges_[at].to.tie());
    } while (at != last);
  }
  template <typename Visit>
  void each_edge(Visit visit) const {
    for (const Link& edge : edges_) visit(edge.from, edge.to.node(), edge.to.tie());
  }

 private:
  static constexpr std::uint32_t none = 0xffffffffu;

  struct Target {
    std::uint32_t bits = 0;
    Node node() const { return bits >> 4; }
    Bond tie() const { return static_cast<Bond>(bits & 15); }
  };
  /// In two rings, of what leads out of a component and of what leads into one; or in the ring of
  /// what is inside, by `next_out`.
  struct Link {
    Node from = 0;
    Target to;
    std::uint32_t next_out = none, next_in = none;
  };
  struct Vertex {
    Node parent = 0;  ///< Towards the component's node; that one's own is itself.
    std::uint32_t label = 0;
    std::uint32_t out = none, in = none;  ///< The last of its ring.
    Node next_member = 0;
    std::uint32_t owner = 0;
    std::uint32_t seen = 0;  ///< By which search.
  };
  struct Out {
    static std::uint32_t& ring(Vertex& v) { return v.out; }
    static std::uint32_t& next(Link& e) { return e.next_out; }
    static Node end(const Link& e) { return e.to.node(); }
    static constexpr bool forward = true;
  };
  struct In {
    static std::uint32_t& ring(Vertex& v) { return v.in; }
    static std::uint32_t& next(Link& e) { return e.next_in; }
    static Node end(const Link& e) { return e.from; }
    static constexpr bool forward = false;
  };

  Node find(Node node);
  template <typename Direction>
  void push(std::uint32_t& ring, std::uint32_t edge);
  template <typename Direction>
  void join(std::uint32_t& into, std::uint32_t other);
  template <typename Direction, typename Visit>
  void each_neighbour(Node c, Visit visit);
  template <typename Direction>
  void search(Node start, std::uint32_t bound, std::vector<Node>& reached);
  void reorder(Node from, Node to);
  void contract(const std::vector<Node>& cycle);
  void note_change(Node c);

  BigVector<Vertex> nodes_;
  BigVector<Link> edges_;
  std::unordered_map<Node, Cyclic> cyclic_;
  std::vector<Node> changed_;
  std::uint32_t next_label_ = 0, search_ = 0;
  std::vector<Node> before_, after_, stack_;  ///< Of a search; kept for their memory.
  std::vector<Node> moved_before_, cycle_;
  std::vector<std::uint32_t> labels_;
};

template <typename Direction>
void OnlineOrder::push(std::uint32_t& ring, std::uint32_t edge) {
  if (ring == none) {
    Direction::next(edges_[edge]) = edge;
  } else {
    Direction::next(edges_[edge]) = Direction::next(edges_[ring]);
    Direction::next(edges_[ring]) = edge;
  }
  ring = edge;
}

/// Edges that have come to be inside of the component leave the ring on the way.
template <typename Direction, typename Visit>
void OnlineOrder::each_neighbour(Node c, Visit visit) {
  std::uint32_t& ring = Direction::ring(nodes_[c]);
  if (ring == none) return;
  const std::uint32_t last = ring;
  std::uint32_t before = last;
  for (bool is_end = false; !is_end;) {
    const std::uint32_t at = Direction::next(edges_[before]);
    is_end = at == last;
    const Node other = find(Direction::end(edges_[at]));
    if (other != c) {
      visit(other);
      before = at;
      continue;
    }
    Direction::next(edges_[before]) = Direction::next(edges_[at]);
    if (at == ring) ring = before == at ? none : before;
    if constexpr (Direction::forward) push<Out>(cyclic_.at(c).inside, at);
  }
}

}  // namespace faultline::transactional
