#include <algorithm>
#include <iterator>

#include "checkers/transactional/registers.h"

namespace faultline::transactional {
namespace {

/// Which transactions wrote versions that come after those of each that was read.
class Successors {
 public:
  /// The pairs in their order.
  Successors(const Registers& registers, const std::vector<Registers::Pair>& pairs, Node first_node)
      : groups_(first_node), group_of_(registers.version_count(), no_group) {
    for (std::size_t i = 0; i < pairs.size(); ++i) {
      groups_.add(registers.writer(pairs[i].after));
      if (i + 1 < pairs.size() && pairs[i + 1].before == pairs[i].before) continue;
      group_of_[pairs[i].before] = static_cast<std::uint32_t>(groups_.size());
      groups_.finish_group();
    }
  }

  std::size_t nodes() const { return groups_.nodes(); }
  template <typename Visit>
  void each_from(Transaction reader, Version version, Edge edge, Visit visit) const {
    if (group_of_[version] != no_group) groups_.each_from(reader, group_of_[version], edge, visit);
  }
  template <typename Visit>
  void each_between(Visit visit) const {
    for (std::size_t g = 0; g < groups_.size(); ++g) groups_.each_of(g, visit);
  }

 private:
  static constexpr std::uint32_t no_group = 0xffffffffu;
  Groups groups_;
  std::vector<std::uint32_t> group_of_;
};

/// In their order: by the first version, then by the second.
constexpr auto in_order = [](const Registers::Pair& a, const Registers::Pair& b) {
  return a.before != b.before ? a.before < b.before : a.after < b.after;
};

std::vector<Registers::Pair> sorted(std::vector<Registers::Pair> pairs) {
  std::ranges::sort(pairs, in_order);
  return pairs;
}

/// What needs no order of its own is told without one.
std::vector<Registers::Pair> without(const std::vector<Registers::Pair>& pairs,
                                     const std::vector<Registers::Pair>& others) {
  std::vector<Registers::Pair> rest;
  std::ranges::set_difference(pairs, others, std::back_inserter(rest), in_order);
  return rest;
}

template <typename Visit>
void each_inferred(const Registers& registers, const std::vector<Registers::Pair>& pairs, Edge edge,
                   Visit visit) {
  for (const Registers::Pair& pair : pairs) {
    if (pair.depends || registers.is_initial(pair.before)) continue;
    const Transaction before = registers.writer(pair.before), after = registers.writer(pair.after);
    if (before != after) visit(before, after, edge);
  }
}

}  // namespace

Graph Registers::graph(const GraphOptions& options) const {
  const Order order = options.order;
  const Edge inferred = order == Order::process ? Edge::inferred_process : Edge::inferred_realtime;
  const Edge rw = order == Order::process ? Edge::rw_process : Edge::rw_realtime;
  const std::vector<Pair> certain = sorted(pairs(Order::none));
  std::vector<Pair> ordered;
  if (order != Order::none) ordered = without(sorted(pairs(order)), certain);
  const std::size_t count = transactions_.size();
  const Successors after(*this, certain, static_cast<Node>(count));
  const Successors later(*this, ordered, static_cast<Node>(after.nodes()));
  return Graph::of(count, later.nodes(), [&](auto visit) {
    std::uint64_t micro = 0;
    for (Transaction t = 0; t < count; ++t)
      for (std::size_t left = transactions_.of(t).size(); left > 0; --left, ++micro) {
        const Version v = seen_[micro];
        if (v == no_version || transactions_.micro()[micro].is_append()) continue;
        if (!is_initial(v)) visit(writer(v), t, Edge::wr);
        if (!is_last(v)) continue;
        after.each_from(t, v, Edge::rw, visit);
        later.each_from(t, v, rw, visit);
      }
    after.each_between(visit);
    later.each_between(visit);
    each_inferred(*this, certain, Edge::inferred, visit);
    each_inferred(*this, ordered, inferred, visit);
    if (order == Order::process) each_process_edge(false, visit);
  });
}

}  // namespace faultline::transactional
