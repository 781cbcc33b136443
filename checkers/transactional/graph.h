// Which transaction depends on which (Adya's direct serialization graph), with the edges of each
// node one after the other.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <vector>

#include "checkers/transactional/transactions.h"
#include "harness/core/big_vector.h"
#include "harness/core/check.h"

namespace faultline::transactional {

enum class Edge : std::uint8_t {
  ww,       ///< Its version comes right before the other's.
  wr,       ///< The other one read its version.
  rw,       ///< It read a version before the other's (anti-dependency).
  process,  ///< The same process did it before the other one.
  free,     ///< From a node that is no transaction: what led there goes on.
  /// Its version must come before the other's, or there would be a cycle with one rw: forbidden
  /// only where that is. The last two: a cycle with an edge of a process, or of real time.
  inferred,
  inferred_process,
  inferred_realtime,
  rw_process,    ///< It read a version that, by the order of a process, is before the other's.
  rw_realtime,   ///< The same, by the order of real time.
  realtime,      ///< Of a cycle that is told: the other began after it had ended. In no graph.
  rw_predicate,  ///< It missed, by a predicate, a row that the other put, or found what it changed.
};
constexpr unsigned bit_of(Edge edge) { return 1u << static_cast<unsigned>(edge); }
inline constexpr unsigned rw_edges = bit_of(Edge::rw) | bit_of(Edge::rw_process) |
                                     bit_of(Edge::rw_realtime) | bit_of(Edge::rw_predicate);
inline constexpr unsigned inferred_edges =
    bit_of(Edge::inferred) | bit_of(Edge::inferred_process) | bit_of(Edge::inferred_realtime);
inline constexpr unsigned process_edges =
    bit_of(Edge::process) | bit_of(Edge::inferred_process) | bit_of(Edge::rw_process);
inline constexpr unsigned realtime_edges =
    bit_of(Edge::realtime) | bit_of(Edge::inferred_realtime) | bit_of(Edge::rw_realtime);
constexpr bool is_rw(Edge edge) { return (rw_edges & bit_of(edge)) != 0; }
constexpr bool is_inferred(Edge edge) { return (inferred_edges & bit_of(edge)) != 0; }

/// What else than the answers must be before something: nothing, what the same process did
/// before, or what had ended before.
enum class Order : std::uint8_t { none, process, realtime };
constexpr Order order_of(Edge edge) {
  return (bit_of(edge) & realtime_edges) != 0  ? Order::realtime
         : (bit_of(edge) & process_edges) != 0 ? Order::process
                                               : Order::none;
}

using Node = std::uint32_t;

/// Where an edge leads, in four bytes.
struct Arrow {
  std::uint32_t bits = 0;
  Arrow() = default;
  Arrow(Node to, Edge edge) : bits(to << 4 | static_cast<std::uint32_t>(edge)) {}
  Node to() const { return bits >> 4; }
  Edge edge() const { return static_cast<Edge>(bits & 15); }
};

/// Nodes below transactions() are those; the others stand between many that read and many that
/// wrote: readers -rw-> node -free-> writers, so that there are not as many edges as pairs.
class Graph {
 public:
  static constexpr std::size_t nodes_max = std::size_t{1} << 28;

  /// `each_edge(visit)` tells all edges as visit(from, to, edge).
  template <typename Each>
  static Graph of(std::size_t transactions, std::size_t nodes, Each each_edge) {
    Graph graph;
    graph.transactions_ = transactions;
    graph.build(nodes, each_edge);
    return graph;
  }

  /// All edges turned round.
  Graph reversed() const;
  /// The edges between those nodes. The others stay, alone.
  Graph between(const std::vector<bool>& nodes) const;

  std::size_t size() const { return begins_.size() - 1; }
  std::size_t transactions() const { return transactions_; }
  bool is_transaction(Node node) const { return node < transactions_; }
  std::span<const Arrow> from(Node node) const {
    return {arrows_.data() + begins_[node], begins_[node + 1] - begins_[node]};
  }
  std::size_t edges() const { return arrows_.size(); }
  std::uint64_t bytes() const {
    return begins_.capacity() * sizeof(std::uint64_t) + arrows_.capacity() * sizeof(Arrow);
  }

 private:
  Graph() = default;

  /// Told once: to find out what the edges are costs more than to write them down.
  template <typename Each>
  void build(std::size_t nodes, Each each_edge) {
    FAULTLINE_CHECK(nodes < nodes_max);
    struct Told {
      Node from = 0;
      Arrow arrow;
    };
    BigVector<Told> told;
    told.reserve(4 * transactions_);
    begins_.assign(nodes + 2, 0);
    each_edge([&](Node from, Node to, Edge edge) {
      ++begins_[from + 2];
      told.push_back({from, Arrow(to, edge)});
    });
    for (std::size_t v = 2; v < begins_.size(); ++v) begins_[v] += begins_[v - 1];
    arrows_.resize(begins_.back());
    for (const Told& one : told) arrows_[begins_[one.from + 1]++] = one.arrow;
    begins_.pop_back();
  }

  std::size_t transactions_ = 0;
  BigVector<std::uint64_t> begins_;
  BigVector<Arrow> arrows_;
};

/// Groups of transactions that must all come after something, with nodes to stand before them. Of
/// a group of several, a suffix node leads to one and to the next suffix node, a prefix node to
/// one and to the prefix node before. Whoever is in the group itself leads to what comes behind
/// it and before it, so that it has no edge to itself.
class Groups {
 public:
  explicit Groups(Node first_node) : next_node_(first_node) { begins_.push_back(0); }

  /// To the group that is being made; ascending.
  void add(Transaction t) {
    if (transactions_.size() == begins_.back() || transactions_.back() != t)
      transactions_.push_back(t);
  }
  void finish_group() {
    const std::size_t count = transactions_.size() - begins_.back();
    begins_.push_back(transactions_.size());
    nodes_.push_back(next_node_);
    if (count > 1) next_node_ += static_cast<Node>(2 * count);
  }

  std::size_t size() const { return nodes_.size(); }
  std::span<const Transaction> of(std::size_t group) const {
    return std::span(transactions_).subspan(begins_[group], begins_[group + 1] - begins_[group]);
  }
  /// After the nodes of all groups.
  std::size_t nodes() const { return next_node_; }

  /// From one that read what comes before the group.
  template <typename Visit>
  void each_from(Transaction reader, std::size_t group, Edge edge, Visit visit) const;
  /// Between the nodes.
  template <typename Visit>
  void each_of(std::size_t group, Visit visit) const;

 private:
  Node suffix(std::size_t group, std::size_t i) const {
    return nodes_[group] + static_cast<Node>(i);
  }
  Node prefix(std::size_t group, std::size_t i) const {
    return nodes_[group] + static_cast<Node>(of(group).size() + i);
  }

  std::vector<std::uint64_t> begins_;
  std::vector<Transaction> transactions_;
  std::vector<Node> nodes_;
  Node next_node_;
};

template <typename Visit>
void Groups::each_from(Transaction reader, std::size_t group, Edge edge, Visit visit) const {
  const auto all = of(group);
  if (all.empty()) return;
  if (all.size() == 1) {
    if (all[0] != reader) visit(reader, all[0], edge);
    return;
  }
  const auto at = std::ranges::lower_bound(all, reader);
  if (at == all.end() || *at != reader) return visit(reader, suffix(group, 0), edge);
  const auto i = static_cast<std::size_t>(at - all.begin());
  if (i + 1 < all.size()) visit(reader, suffix(group, i + 1), edge);
  if (i > 0) visit(reader, prefix(group, i - 1), edge);
}

template <typename Visit>
void Groups::each_of(std::size_t group, Visit visit) const {
  const auto all = of(group);
  if (all.size() == 1) return;
  for (std::size_t i = 0; i < all.size(); ++i) {
    visit(suffix(group, i), all[i], Edge::free);
    visit(prefix(group, i), all[i], Edge::free);
    if (i + 1 < all.size()) visit(suffix(group, i), suffix(group, i + 1), Edge::free);
    if (i > 0) visit(prefix(group, i), prefix(group, i - 1), Edge::free);
  }
}

}  // namespace faultline::transactional
