// A part of a history, or all of one that grows, as the search for cycles wants it: when its
// transactions began and ended, and how they are tied. What they did is not in it.
#pragma once

#include <cstdint>
#include <vector>

#include "checkers/transactional/bond.h"
#include "checkers/transactional/dependencies.h"

namespace faultline::transactional {

/// When a committed transaction began and ended, as positions in the whole history.
struct Span {
  Position begin = 0, end = never;
  std::uint32_t process = 0;
  Fate fate = Fate::ok;
};

/// Every cycle that goes through its transactions alone is one of the whole history. It must have
/// all that are on a cycle with one of them, so that what follows from processes is known, too.
class Excerpt final : public Dependencies {
 public:
  struct Edge {
    Node from = 0, to = 0;
    Bond why = Bond::ww;
    bool is_free = false;  ///< From a node that is no transaction; see Groups.
  };

  /// Spans in the order of their begins. Edges go between places in `spans`, and nodes behind them,
  /// below `nodes`; those of real time are not among them, since begins and ends say that.
  Excerpt(const std::vector<Span>& spans, std::size_t nodes, std::vector<Edge> edges);
  Excerpt(const Excerpt&) = delete;
  Excerpt& operator=(const Excerpt&) = delete;

  const Transactions& transactions() const override { return transactions_; }
  const Offences& offences() const override { return offences_; }
  bool is_committed(Transaction) const override { return true; }
  Graph graph(const GraphOptions& options) const override;

 private:
  template <typename Visit>
  void each_read_edge(Visit visit) const {
    for (const Edge& edge : edges_) {
      if (edge.why == Bond::wr) visit(edge.from, edge.to, transactional::Edge::wr);
      if (edge.why == Bond::rw)
        visit(edge.from, edge.to,
              edge.is_free ? transactional::Edge::free : transactional::Edge::rw);
    }
  }

  template <typename Visit>
  void each_inferred_edge(Order order, Visit visit) const;

  const History history_;
  const Transactions transactions_;
  Offences offences_;
  const std::size_t nodes_;
  const std::vector<Edge> edges_;
};

}  // namespace faultline::transactional
