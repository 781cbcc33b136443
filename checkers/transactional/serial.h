// The quick answer for histories in which nothing is wrong, or little: one search that sees, at
// once, whether a way leads back to where it began, or to what had ended before that began; and
// when that was.
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
///
/// If there is none, find_windows() goes on without the edges that lead back to where the search
/// is on its way (1), and notes, with begins and ends as moments of one time,
///
///   - of each edge (1), all of the time that its ends take, with what is between them;
///   - of each node that leads, without (1), to what ended before it began, the time from the
///     earliest such end to its begin.
///
/// Whoever is on a cycle, with or without edges of processes and of real time, was open in one of
/// these windows. For take a moment in none of them. No way leads from what began after it to what
/// ended before it: if the way has no edge (1) between the last of the former and the first of the
/// latter after it, the second kind of window has the moment, and else the first kind, since who
/// stands between is open at that moment. So a cycle has none of the former, or none of the latter.
/// Now let somebody on a cycle be open in no window. By that, of the moments right before and after
/// it, all the others on the cycle were open at some time together with it. But the cycle has an
/// edge (1), or a node that leads, without (1), to what ended before it began; and so the window of
/// that has a moment at which somebody is open who was not to be.
///
/// All this holds of any ends that are not before the begins and not after the true ends, since the
/// edges of processes and of real time lead from such an end to a later begin, too. So those that
/// never end, which would leave a window open for ever, may be taken to end as they begin.
///
/// `Ties` has nodes(), is_transaction(node) and each_from(node, visit), which tells where edges
/// lead; one of the search's own keeps it from being virtual.
template <typename Ties>
class SerialSearch {
 public:
  SerialSearch(const Ties& ties, const History& history, Meter& meter)
      : SerialSearch(ties, history.begin(), history.end(), meter) {}
  SerialSearch(const Ties& ties, std::span<const Position> begins, std::span<const Position> ends,
               Meter& meter)
      : ties_(ties), begins_(begins), ends_(ends), meter_(meter) {}

  bool finds_order() { return look(false); }

  struct Window {
    Position first = 0, last = 0;
  };
  /// Ascending, none of which meets another; none if there is a serial order. Only where each node
  /// is a transaction.
  std::vector<Window> find_windows() {
    if (look(true)) return {};
    std::ranges::sort(windows_, {}, &Window::first);
    std::vector<Window> apart;
    for (const Window& window : windows_)
      if (apart.empty() || window.first > apart.back().last)
        apart.push_back(window);
      else
        apart.back().last = std::max(apart.back().last, window.last);
    return apart;
  }
  /// Of what was looked at.
  std::uint64_t edges() const { return edges_; }

 private:
  static constexpr Position unseen = 0xffffffffu, open = 0xfffffffeu, latest = 0xfffffffdu;

  bool look(bool goes_on) {
    goes_on_ = goes_on;
    is_serial_ = true;
    least_.assign(ties_.nodes(), unseen);
    for (Node v = static_cast<Node>(ties_.nodes()); v-- > 0 && may_go_on();)
      if (least_[v] == unseen) search(v);
    if (!meter_.spend(std::exchange(steps_, 0))) throw OutOfBudget();
    return is_serial_;
  }
  bool may_go_on() const { return is_serial_ || goes_on_; }

  /// The open ones among `ways_` are the way here: whatever was put above one is done before it is
  /// met again.
  void search(Node root) {
    ways_.assign(1, root);
    while (!ways_.empty() && may_go_on()) {
      const Node node = ways_.back();
      if (least_[node] == open) {
        ways_.pop_back();
        close(node, least_of_done(node));
        continue;
      }
      if (least_[node] != unseen) {
        ways_.pop_back();
        continue;
      }
      // Without a branch for each edge.
      Position least = latest, most = 0;
      std::uint64_t edges = 0;
      ties_.each_from(node, [&](Node to) {
        const Position there = least_[to];
        least = std::min(least, there);
        most = std::max(most, there);
        ++edges;
      });
      edges_ += edges;
      spend(edges + 1);
      if (most < open) {
        ways_.pop_back();
        close(node, least);
        continue;
      }
      least_[node] = open;
      ties_.each_from(node, [&](Node to) {
        if (least_[to] == open) note_way_back(node, to);
        if (least_[to] == unseen) ways_.push_back(to);
      });
    }
  }

  /// All that it leads to is done by now, but for what leads back.
  Position least_of_done(Node node) {
    Position least = latest;
    std::uint64_t edges = 0;
    ties_.each_from(node, [&](Node to) {
      if (const Position there = least_[to]; there < open) least = std::min(least, there);
      ++edges;
    });
    spend(edges);
    return least;
  }

  void close(Node node, Position least) {
    if (ties_.is_transaction(node)) {
      if (begins_[node] > least) note(least, begins_[node]);
      least = std::min(least, ends_[node]);
    }
    least_[node] = std::min(least, latest);
  }

  void note_way_back(Node from, Node to) {
    if (goes_on_)
      note(std::min(begins_[from], begins_[to]), std::max(ends_[from], ends_[to]));
    else
      is_serial_ = false;
  }
  void note(Position first, Position last) {
    is_serial_ = false;
    if (goes_on_) windows_.push_back({first, last});
  }

  void spend(std::uint64_t steps) {
    steps_ += steps;
    if (steps_ >= 4096 && !meter_.spend(std::exchange(steps_, 0))) throw OutOfBudget();
  }

  const Ties& ties_;
  const std::span<const Position> begins_, ends_;
  Meter& meter_;
  std::uint64_t steps_ = 0, edges_ = 0;
  BigVector<Position> least_;  ///< By node: the earliest end of what it leads to, and its own.
  std::vector<Node> ways_;
  bool goes_on_ = false, is_serial_ = true;
  std::vector<Window> windows_;
};

/// Of a graph.
class GraphTies {
 public:
  explicit GraphTies(const Graph& graph) : graph_(graph) {}
  std::size_t nodes() const { return graph_.size(); }
  bool is_transaction(Node node) const { return graph_.is_transaction(node); }
  template <typename Visit>
  void each_from(Node node, Visit visit) const {
    for (const Arrow arrow : graph_.from(node)) visit(arrow.to());
  }

 private:
  const Graph& graph_;
};

}  // namespace faultline::transactional
