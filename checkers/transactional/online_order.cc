#include "checkers/transactional/online_order.h"

#include <algorithm>

#include "harness/core/check.h"

namespace faultline::transactional {

Node OnlineOrder::add(std::uint32_t owner) {
  const auto node = static_cast<Node>(nodes_.size());
  FAULTLINE_CHECK(node < Graph::nodes_max);
  Vertex& vertex = nodes_.emplace_back();
  vertex.parent = vertex.next_member = node;
  vertex.label = next_label_++;
  vertex.owner = owner;
  return node;
}

Node OnlineOrder::component(Node node) const {
  while (nodes_[node].parent != node) node = nodes_[node].parent;
  return node;
}

Node OnlineOrder::find(Node node) {
  while (nodes_[node].parent != node) {
    nodes_[node].parent = nodes_[nodes_[node].parent].parent;
    node = nodes_[node].parent;
  }
  return node;
}

void OnlineOrder::tie(Node from, Node to, Bond why) {
  const auto edge = static_cast<std::uint32_t>(edges_.size());
  edges_.push_back({from, {to << 4 | static_cast<std::uint32_t>(why)}, none, none});
  const Node a = find(from), b = find(to);
  if (a == b) {
    FAULTLINE_CHECK(from != to);
    push<Out>(cyclic_.at(a).inside, edge);
    return note_change(a);
  }
  push<Out>(nodes_[a].out, edge);
  push<In>(nodes_[b].in, edge);
  if (nodes_[a].label > nodes_[b].label) reorder(a, b);
}

/// What is reached from `start` without going beyond the label `bound`.
template <typename Direction>
void OnlineOrder::search(Node start, std::uint32_t bound, std::vector<Node>& reached) {
  ++search_;
  reached.assign(1, start);
  nodes_[start].seen = search_;
  stack_.assign(1, start);
  while (!stack_.empty()) {
    const Node here = stack_.back();
    stack_.pop_back();
    each_neighbour<Direction>(here, [&](Node other) {
      Vertex& there = nodes_[other];
      const bool is_beyond = Direction::forward ? there.label > bound : there.label < bound;
      if (is_beyond || there.seen == search_) return;
      there.seen = search_;
      reached.push_back(other);
      stack_.push_back(other);
    });
  }
}

/// There is an edge from a component to one that stands before it. What leads to the former moves
/// down, what is reached from the latter up, into the places that they have together; what does
/// both is a cycle with them.
void OnlineOrder::reorder(Node from, Node to) {
  search<In>(from, nodes_[to].label, before_);
  search<Out>(to, nodes_[from].label, after_);
  const bool is_cycle = nodes_[from].seen == search_;
  cycle_.clear();
  moved_before_.clear();
  labels_.clear();
  for (const Node node : before_) {
    labels_.push_back(nodes_[node].label);
    (nodes_[node].seen == search_ ? cycle_ : moved_before_).push_back(node);
  }
  FAULTLINE_CHECK(is_cycle == !cycle_.empty());
  ++search_;
  for (const Node node : cycle_) nodes_[node].seen = search_;
  std::erase_if(after_, [this](Node node) { return nodes_[node].seen == search_; });
  for (const Node node : after_) labels_.push_back(nodes_[node].label);
  const auto label = [this](Node node) { return nodes_[node].label; };
  std::ranges::sort(labels_);
  std::ranges::sort(moved_before_, {}, label);
  std::ranges::sort(after_, {}, label);
  for (std::size_t i = 0; i < moved_before_.size(); ++i)
    nodes_[moved_before_[i]].label = labels_[i];
  const std::size_t first_after = labels_.size() - after_.size();
  for (std::size_t i = 0; i < after_.size(); ++i)
    nodes_[after_[i]].label = labels_[first_after + i];
  if (!is_cycle) return;
  const std::uint32_t between = labels_[moved_before_.size()];
  contract(cycle_);
  nodes_[find(from)].label = between;
}

template <typename Direction>
void OnlineOrder::join(std::uint32_t& into, std::uint32_t other) {
  if (other == none) return;
  if (into == none) {
    into = other;
    return;
  }
  std::swap(Direction::next(edges_[into]), Direction::next(edges_[other]));
}

void OnlineOrder::contract(const std::vector<Node>& cycle) {
  const auto count = [this](Node node) {
    const auto at = cyclic_.find(node);
    return at == cyclic_.end() ? 1 : at->second.nodes;
  };
  const Node whole = *std::ranges::max_element(cycle, {}, count);
  Cyclic& into = cyclic_[whole];
  for (const Node part : cycle) {
    if (part == whole) continue;
    nodes_[part].parent = whole;
    std::swap(nodes_[part].next_member, nodes_[whole].next_member);
    join<Out>(nodes_[whole].out, nodes_[part].out);
    join<In>(nodes_[whole].in, nodes_[part].in);
    const auto at = cyclic_.find(part);
    if (at == cyclic_.end()) {
      ++into.nodes;
      continue;
    }
    into.nodes += at->second.nodes;
    join<Out>(into.inside, at->second.inside);
    into.found.insert(into.found.end(), at->second.found.begin(), at->second.found.end());
    cyclic_.erase(at);
  }
  note_change(whole);
}

void OnlineOrder::note_change(Node c) {
  if (std::exchange(cyclic_.at(c).is_changed, true)) return;
  changed_.push_back(c);
}

std::vector<Node> OnlineOrder::take_changed() {
  std::vector<Node> changed;
  for (const Node node : changed_) {
    Cyclic& of = cyclic(node);
    if (std::exchange(of.is_changed, false)) changed.push_back(node);
  }
  changed_.clear();
  return changed;
}

std::uint64_t OnlineOrder::bytes() const {
  return nodes_.capacity() * sizeof(Vertex) + edges_.capacity() * sizeof(Link) +
         cyclic_.size() * 128;
}

}  // namespace faultline::transactional
