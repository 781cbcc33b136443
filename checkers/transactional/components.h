// Strongly connected components (Tarjan 1972, without recursion) of a graph of transactions, along
// those paths that a level of isolation forbids to come back.
//
// Which edges may follow each other is told by an automaton: a node of the search is a transaction
// and a state. That way no edge is ever composed of others: with `Snapshot`, for instance, the
// cycles are those without two neighbouring rw edges, which is what snapshot isolation forbids
// (Cerone & Gotsman 2016).
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "checkers/meter.h"
#include "checkers/transactional/cycles.h"
#include "checkers/transactional/graph.h"
#include "harness/core/big_vector.h"

namespace faultline::transactional {

inline constexpr unsigned dead_end = 0xffu;
inline constexpr unsigned dependencies =
    bit_of(Edge::ww) | bit_of(Edge::wr) | bit_of(Edge::process);
/// With what must be so wherever a cycle with one rw is forbidden.
inline constexpr unsigned all_dependencies = dependencies | inferred_edges;

/// Edges of these kinds, in any order.
template <unsigned kinds>
struct Any {
  static constexpr unsigned states = 1;
  static unsigned next(unsigned, Edge edge) {
    constexpr unsigned all = kinds | ((kinds & rw_edges) != 0 ? bit_of(Edge::free) : 0);
    return all & bit_of(edge) ? 0 : dead_end;
  }
};
/// No rw right after an rw. State 1: the last edge was one.
struct Snapshot {
  static constexpr unsigned states = 2;
  static unsigned next(unsigned state, Edge edge) {
    if (edge == Edge::free) return state;
    if (!is_rw(edge)) return 0;
    return state == 0 ? 1 : dead_end;
  }
};
/// One rw at most. State 1: there was one.
struct Single {
  static constexpr unsigned states = 2;
  static unsigned next(unsigned state, Edge edge) {
    if (!is_rw(edge)) return state;
    return state == 0 ? 1 : dead_end;
  }
};

/// Where a search may go: everywhere, or only within components of a coarser search, or along some
/// nodes, out of which no edge leads.
struct Within {
  const BigVector<std::uint32_t>* component = nullptr;  ///< By node.
  const std::vector<bool>* cyclic = nullptr;            ///< By component.
  const std::vector<bool>* nodes = nullptr;
  bool has(Node node) const {
    if (nodes != nullptr && !(*nodes)[node]) return false;
    return component == nullptr || (*cyclic)[(*component)[node]];
  }
  bool has(Node from, Node to) const {
    return component == nullptr || (*component)[from] == (*component)[to];
  }
};

/// The components, numbered such that edges lead to lower or equal numbers.
template <typename Automaton>
class Components {
 public:
  static constexpr std::uint32_t none = 0xffffffffu;
  using Place = std::uint32_t;  ///< Node and state.
  static Place place(Node node, unsigned state) { return node * Automaton::states + state; }
  static Node node_of(Place place) { return place / Automaton::states; }
  static unsigned state_of(Place place) { return place % Automaton::states; }

  Components(const Graph& graph, Meter& meter, Within within = {})
      : graph_(graph), meter_(meter), within_(within) {
    component_.assign(graph.size() * Automaton::states, none);
    low_.assign(component_.size(), 0);
    // Most edges lead to what is later in the history: from its end, ways are short.
    for (Node v = static_cast<Node>(graph.size()); v-- > 0;)
      if (within_.has(v) && low_[place(v, 0)] == 0) search(place(v, 0));
    low_ = {};
  }

  std::size_t size() const { return cyclic_.size(); }
  bool acyclic() const { return !any_cyclic_; }
  /// none: no search came there.
  std::uint32_t of(Place place) const { return component_[place]; }
  bool same(Place a, Place b) const {
    return component_[a] != none && component_[a] == component_[b];
  }
  bool is_cyclic(std::uint32_t component) const { return cyclic_[component]; }
  /// All places, by component, lowest first.
  std::span<const Place> order() const { return order_; }
  /// The nodes among which it looked.
  Within nodes() const { return {.nodes = within_.nodes}; }
  /// For a search within: only with one state.
  Within within() const
    requires(Automaton::states == 1)
  {
    return {.component = &component_, .cyclic = &cyclic_, .nodes = within_.nodes};
  }

 private:
  struct Frame {
    Place place = 0;
    std::uint32_t next = 0;
  };

  void search(Place root) {
    std::uint64_t steps = 0;
    open(root);
    while (!frames_.empty()) {
      Frame& frame = frames_.back();
      const Place here = frame.place;
      const Node node = node_of(here);
      const auto arrows = graph_.from(node);
      bool deeper = false;
      while (frame.next < arrows.size()) {
        const Arrow arrow = arrows[frame.next++];
        ++steps;
        const unsigned state = Automaton::next(state_of(here), arrow.edge());
        if (state == dead_end || !within_.has(node, arrow.to())) continue;
        const Place to = place(arrow.to(), state);
        if (low_[to] == 0) {
          open(to);
          deeper = true;
          break;
        }
        if (component_[to] == none) low_[here] = std::min(low_[here], low_[to]);
      }
      if (deeper) continue;
      if (steps >= 4096 && !meter_.spend(std::exchange(steps, 0))) throw OutOfBudget();
      close(here);
    }
    if (!meter_.spend(steps + 1)) throw OutOfBudget();
  }

  void open(Place place) {
    low_[place] = ++opened_;
    stack_.push_back(place);
    frames_.push_back({place});
    starts_.push_back(opened_);
  }

  void close(Place here) {
    frames_.pop_back();
    const std::uint32_t start = starts_.back();
    starts_.pop_back();
    if (!frames_.empty())
      low_[frames_.back().place] = std::min(low_[frames_.back().place], low_[here]);
    if (low_[here] != start) return;
    const auto number = static_cast<std::uint32_t>(cyclic_.size());
    std::size_t members = 0;
    for (Place member = ~here; member != here; ++members) {
      member = stack_.back();
      stack_.pop_back();
      component_[member] = number;
      order_.push_back(member);
    }
    // There are no edges from a transaction to itself.
    cyclic_.push_back(members > 1);
    any_cyclic_ = any_cyclic_ || members > 1;
  }

  const Graph& graph_;
  Meter& meter_;
  Within within_;
  BigVector<std::uint32_t> component_, low_;  ///< low: 0 before the search came there.
  BigVector<Place> stack_, order_;
  std::vector<Frame> frames_;
  std::vector<std::uint32_t> starts_;
  std::vector<bool> cyclic_;
  bool any_cyclic_ = false;
  std::uint32_t opened_ = 0;
};

}  // namespace faultline::transactional
