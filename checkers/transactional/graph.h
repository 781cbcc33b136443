// Which transaction depends on which (Adya's direct serialization graph), with the edges of each
// node one after the other.
#pragma once

#include <cstdint>
#include <span>

#include "checkers/transactional/lists.h"
#include "harness/core/big_vector.h"

namespace faultline::transactional {

enum class Edge : std::uint8_t {
  ww,       ///< Its version comes right before the other's.
  wr,       ///< The other one read its version.
  rw,       ///< It read the version right before the other's (anti-dependency).
  process,  ///< The same process did it before the other one.
  free,     ///< From a node that is no transaction: what led there goes on.
};
/// Of a cycle that is told: the other began after it had ended.
inline constexpr Edge realtime = static_cast<Edge>(5);
constexpr unsigned bit_of(Edge edge) { return 1u << static_cast<unsigned>(edge); }

using Node = std::uint32_t;
inline constexpr Node no_node_yet = 0xffffffffu;

/// Where an edge leads, in four bytes.
struct Arrow {
  std::uint32_t bits = 0;
  Arrow() = default;
  Arrow(Node to, Edge edge) : bits(to << 3 | static_cast<std::uint32_t>(edge)) {}
  Node to() const { return bits >> 3; }
  Edge edge() const { return static_cast<Edge>(bits & 7); }
};

/// Nodes below transactions() are those; the others stand between readers of a whole list and the
/// appends that nobody read, of which there may be many of both: readers -rw-> node -free->
/// appenders, so that there are not as many edges as pairs.
class Graph {
 public:
  static constexpr std::size_t nodes_max = std::size_t{1} << 29;

  struct Options {
    bool processes = false;
    /// Of ok transactions alone, each version tied to the next of such a one, and no reads. Where
    /// aborted reads are allowed, an info of which something was read may still have failed, so
    /// this is all that is certain.
    bool only_certain_writes = false;
  };
  Graph(const Lists& lists, Options options);

  /// All edges turned round.
  Graph reversed() const;

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
  template <typename Each>
  void build(std::size_t nodes, Each each_edge);

  std::size_t transactions_ = 0;
  BigVector<std::uint64_t> begins_;
  BigVector<Arrow> arrows_;
};

}  // namespace faultline::transactional
