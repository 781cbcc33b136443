// Shortest ways through a graph of transactions, breadth first.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "checkers/meter.h"
#include "checkers/transactional/components.h"
#include "checkers/transactional/cycles.h"
#include "harness/core/big_vector.h"

namespace faultline::transactional {

/// Keeps its memory from one search to the next. Ways obey the automaton; each search goes either
/// along the edges or, in a graph that was turned round, against them.
template <typename Automaton>
class Walks {
 public:
  using Parts = Components<Automaton>;
  using Place = typename Parts::Place;

  Walks(const Graph& graph, Meter& meter)
      : graph_(graph), meter_(meter), reached_(graph.size() * Automaton::states) {}

  /// From `start` to the nearest place that is_goal, within what `may_enter`. The steps from the
  /// start to the goal, without the goal; nothing if there is no way.
  template <typename Goal, typename May>
  std::optional<Steps> forward(Place start, Goal is_goal, May may_enter) {
    begin();
    reach(start, start, Edge::free);
    const auto goal = search(is_goal, [&](Place here, auto go) {
      for (const Arrow arrow : graph_.from(Parts::node_of(here))) {
        const unsigned state = Automaton::next(Parts::state_of(here), arrow.edge());
        if (state == dead_end) continue;
        const Place to = Parts::place(arrow.to(), state);
        if (may_enter(to)) go(to, arrow.edge());
      }
    });
    if (!goal) return std::nullopt;
    Steps steps;
    for (Place at = *goal; at != start; at = reached_[at].from)
      steps.push_back({Parts::node_of(reached_[at].from), reached_[at].edge});
    std::ranges::reverse(steps);
    return steps;
  }

  /// In a graph turned round: back from `node`, in whatever state a way may end there, to the
  /// nearest start that is_goal; a start is in state 0. The steps from that start to `node`,
  /// without `node`.
  template <typename Goal>
  std::optional<Steps> backward(Node node, Goal is_goal) {
    begin();
    for (unsigned state = 0; state < Automaton::states; ++state) {
      const Place end = Parts::place(node, state);
      reach(end, end, Edge::free);
    }
    const auto goal =
        search([&](Place at) { return Parts::state_of(at) == 0 && is_goal(Parts::node_of(at)); },
               [&](Place here, auto go) {
                 for (const Arrow arrow : graph_.from(Parts::node_of(here)))
                   for (unsigned state = 0; state < Automaton::states; ++state)
                     if (Automaton::next(state, arrow.edge()) == Parts::state_of(here))
                       go(Parts::place(arrow.to(), state), arrow.edge());
               });
    if (!goal) return std::nullopt;
    Steps steps;
    for (Place at = *goal; reached_[at].from != at; at = reached_[at].from)
      steps.push_back({Parts::node_of(at), reached_[at].edge});
    return steps;
  }

 private:
  struct Reached {
    std::uint32_t search = 0;
    Edge edge = Edge::free;
    Place from = 0;
  };

  void begin() {
    ++search_;
    queue_.clear();
  }
  void reach(Place place, Place from, Edge edge) {
    if (reached_[place].search == search_) return;
    reached_[place] = {search_, edge, from};
    queue_.push_back(place);
  }

  template <typename Goal, typename Neighbours>
  std::optional<Place> search(Goal is_goal, Neighbours neighbours) {
    std::uint64_t steps = 0;
    for (std::size_t i = 0; i < queue_.size(); ++i) {
      const Place here = queue_[i];
      if (is_goal(here)) {
        if (!meter_.spend(steps + 1)) throw OutOfBudget();
        return here;
      }
      neighbours(here, [&](Place to, Edge edge) {
        ++steps;
        reach(to, here, edge);
      });
      if (steps >= 4096 && !meter_.spend(std::exchange(steps, 0))) throw OutOfBudget();
    }
    if (!meter_.spend(steps + 1)) throw OutOfBudget();
    return std::nullopt;
  }

  const Graph& graph_;
  Meter& meter_;
  BigVector<Reached> reached_;
  std::vector<Place> queue_;
  std::uint32_t search_ = 0;
};

}  // namespace faultline::transactional
