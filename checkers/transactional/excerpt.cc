#include "checkers/transactional/excerpt.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "harness/core/check.h"

namespace faultline::transactional {
namespace {

/// Of transactions that did nothing, at those times.
History history_of(const std::vector<Span>& spans) {
  struct Event {
    Position at = 0;
    std::size_t of = 0;
    bool is_end = false;
  };
  std::vector<Event> events;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    events.push_back({spans[i].begin, i, false});
    if (spans[i].fate == Fate::ok) events.push_back({spans[i].end, i, true});
  }
  std::ranges::sort(events, {}, &Event::at);
  HistoryBuilder builder;
  const ValueHandle nothing = builder.values().list({});
  for (const Event& event : events) {
    const std::uint32_t process = spans[event.of].process;
    const Status status = event.is_end ? builder.complete({process, Fate::ok, nothing})
                                       : builder.invoke({process, Function::txn, no_key, nothing});
    FAULTLINE_CHECK(status);
  }
  return builder.finish();
}

/// Which edge it is in the graph of that order.
std::optional<Edge> inferred_edge(Bond why, Order order) {
  switch (why) {
    case Bond::inferred:
      return Edge::inferred;
    case Bond::inferred_process:
      return order == Order::process ? std::optional(Edge::inferred_process) : std::nullopt;
    case Bond::rw_process:
      return order == Order::process ? std::optional(Edge::rw_process) : std::nullopt;
    case Bond::inferred_realtime:
      return order == Order::realtime ? std::optional(Edge::inferred_realtime) : std::nullopt;
    case Bond::rw_realtime:
      return order == Order::realtime ? std::optional(Edge::rw_realtime) : std::nullopt;
    default:
      return std::nullopt;
  }
}

}  // namespace

Excerpt::Excerpt(const std::vector<Span>& spans, std::size_t nodes, std::vector<Edge> edges)
    : history_(history_of(spans)),
      transactions_(history_),
      nodes_(nodes),
      edges_(std::move(edges)) {
  // The whole may have gaps, so that an edge of certain writes is not always a way of all edges.
  offences_.note({.anomaly = Anomaly::G1a});
}

template <typename Visit>
void Excerpt::each_inferred_edge(Order order, Visit visit) const {
  for (const Edge& edge : edges_)
    if (const auto kind = inferred_edge(edge.why, order)) visit(edge.from, edge.to, *kind);
}

Graph Excerpt::graph(const GraphOptions& options) const {
  const bool processes = options.order == Order::process;
  const bool certain = options.only_certain_writes;
  return Graph::of(history_.size(), nodes_, [&](auto visit) {
    // Versions first, as the graph of a whole history has them: of two edges between the same, the
    // one that is met first names a cycle.
    for (const Edge& edge : edges_) {
      const bool is_version =
          edge.why == Bond::certain_ww || edge.why == (certain ? Bond::skipping : Bond::ww);
      if (is_version) visit(edge.from, edge.to, transactional::Edge::ww);
    }
    if (!certain) each_read_edge(visit);
    if (!certain) each_inferred_edge(options.order, visit);
    if (processes) each_process_edge(certain, visit);
  });
}

}  // namespace faultline::transactional
