// The quick answer for histories in which nothing is wrong: one search that sees, at once, that no
// way leads back to where it began, and none to what had ended before that began.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "checkers/meter.h"
#include "checkers/transactional/cycles.h"
#include "checkers/transactional/graph.h"
#include "harness/core/big_vector.h"

namespace faultline::transactional {

/// Whether some serial order agrees with all edges and with real time. A depth-first search, in
/// which a node is done when all that it leads to is; then the earliest end of all that is known,
/// and real time forbids its begin to be later than that. (One edge of real time in a cycle is
/// enough: Finder::sweep.) The search begins at the end of the history, since most edges lead to
/// what is later, so that most nodes find all their successors done.
class SerialSearch {
 public:
  SerialSearch(const Graph& graph, const History& history, Meter& meter)
      : graph_(graph), begins_(history.begin()), ends_(history.end()), meter_(meter) {}

  bool finds_order() {
    least_.assign(graph_.size(), unseen);
    for (Node v = static_cast<Node>(graph_.size()); v-- > 0;)
      if (least_[v] == unseen && !search(v)) return false;
    return true;
  }

 private:
  static constexpr Position unseen = 0xffffffffu, open = 0xfffffffeu, latest = 0xfffffffdu;

  struct Frame {
    Node node = 0;
    std::uint32_t next = 0;  ///< Of its arrows; those before lead to what is done.
  };

  bool search(Node root) {
    std::uint64_t steps = 0;
    frames_.push_back({root});
    while (!frames_.empty()) {
      Frame& frame = frames_.back();
      const auto arrows = graph_.from(frame.node);
      if (frame.next == 0 || frame.next == arrows.size()) {
        steps += arrows.size() + 1;
        if (steps >= 4096 && !meter_.spend(std::exchange(steps, 0))) throw OutOfBudget();
        // Without a branch for each arrow.
        Position least = latest, most = 0;
        for (const Arrow arrow : arrows) {
          const Position there = least_[arrow.to()];
          least = std::min(least, there);
          most = std::max(most, there);
        }
        if (most < open) {
          const Node node = frame.node;
          frames_.pop_back();
          if (!close(node, least)) return false;
          continue;
        }
        least_[frame.node] = open;
      }
      while (frame.next < arrows.size() && least_[arrows[frame.next].to()] < open) ++frame.next;
      if (frame.next == arrows.size()) continue;
      const Node to = arrows[frame.next].to();
      if (least_[to] == open) return false;
      frames_.push_back({to});
    }
    if (!meter_.spend(steps)) throw OutOfBudget();
    return true;
  }

  bool close(Node node, Position least) {
    if (graph_.is_transaction(node)) {
      if (begins_[node] > least) return false;
      least = std::min(least, ends_[node]);
    }
    least_[node] = std::min(least, latest);
    return true;
  }

  const Graph& graph_;
  const std::span<const Position> begins_, ends_;
  Meter& meter_;
  BigVector<Position> least_;  ///< By node: the earliest end of what it leads to, and its own.
  std::vector<Frame> frames_;  ///< Each leads to the next.
};

}  // namespace faultline::transactional
