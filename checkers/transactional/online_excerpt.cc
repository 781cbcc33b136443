#include "checkers/transactional/online_excerpt.h"

#include <algorithm>
#include <utility>

#include "harness/core/check.h"

namespace faultline::transactional {
namespace {

/// Versions first, as a whole history's graph has them: of two edges between the same, the first
/// one that is met names a cycle.
std::vector<Excerpt::Edge> in_order(std::vector<Excerpt::Edge> edges) {
  std::ranges::stable_partition(
      edges, [](const Excerpt::Edge& edge) { return edge.why != Tie::wr && edge.why != Tie::rw; });
  return edges;
}

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

}  // namespace

Excerpt::Excerpt(std::vector<Span> spans, std::size_t nodes, std::vector<Edge> edges)
    : history_(history_of(spans)),
      transactions_(history_),
      nodes_(nodes),
      edges_(in_order(std::move(edges))) {
  // The whole may have gaps, so that an edge of certain writes is not always a way of all edges.
  offences_.note({.anomaly = Anomaly::G1a});
}

Graph Excerpt::graph(const GraphOptions& options) const {
  using Kind = transactional::Edge;
  const bool processes = options.order == Order::process;
  const bool certain = options.only_certain_writes;
  return Graph::of(history_.size(), nodes_, [&](auto visit) {
    for (const Edge& edge : edges_) {
      switch (edge.why) {
        case Tie::certain_ww:
          visit(edge.from, edge.to, Kind::ww);
          break;
        case Tie::skipping:
          if (certain) visit(edge.from, edge.to, Kind::ww);
          break;
        case Tie::ww:
          if (!certain) visit(edge.from, edge.to, Kind::ww);
          break;
        case Tie::wr:
          if (!certain) visit(edge.from, edge.to, Kind::wr);
          break;
        case Tie::rw:
          if (!certain) visit(edge.from, edge.to, edge.is_free ? Kind::free : Kind::rw);
          break;
        case Tie::realtime:
          break;
      }
    }
    if (processes) each_process_edge(certain, visit);
  });
}

}  // namespace faultline::transactional
