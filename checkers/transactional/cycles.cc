#include "checkers/transactional/cycles.h"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "checkers/transactional/components.h"
#include "checkers/transactional/cycle_exists.h"
#include "checkers/transactional/cycle_names.h"
#include "checkers/transactional/late.h"
#include "checkers/transactional/serial.h"
#include "checkers/transactional/singles.h"
#include "checkers/transactional/walks.h"

namespace faultline::transactional {
namespace {

constexpr unsigned all_edges = all_dependencies | rw_edges;
constexpr unsigned writes = bit_of(Edge::ww) | bit_of(Edge::process);
using Writes = Any<writes>;
using Depending = Any<dependencies>;
using All = Any<all_edges>;
/// Along dependencies from a node between, too.
using Reaching = Any<all_dependencies | bit_of(Edge::free)>;
/// The same without those of a process or of real time.
using Orderless =
    Any<bit_of(Edge::ww) | bit_of(Edge::wr) | bit_of(Edge::inferred) | bit_of(Edge::free)>;

/// Edges through which cycles are looked for: a few of each component.
struct Through {
  Node from = 0, to = 0;
  Edge edge = Edge::ww;
};
using Candidates = std::map<std::uint32_t, std::vector<Through>>;  ///< By component.
constexpr std::size_t tries = 8;

class Finder {
 public:
  Finder(const Dependencies& source, Meter& meter, CycleFindings& into)
      : source_(source), history_(source.transactions().history()), meter_(meter), into_(into) {}

  void find() {
    // What was not committed, or read twice, is tied to nothing in the graph.
    const bool has_gaps = std::ranges::any_of(
        std::array{Anomaly::G1a, Anomaly::garbage_read, Anomaly::duplicate_elements},
        [&](Anomaly anomaly) { return source_.offences().any(anomaly); });
    const std::array levels{&into_.ww_wr, &into_.single_rw, &into_.nonadjacent_rw, &into_.all};
    const auto suspects = source_.suspects(meter_, into_.edges);
    if (suspects) return suspects->empty() ? holds_all(levels) : find_among(*suspects);
    const Graph graph = source_.graph({});
    into_.edges = graph.edges();
    if (!has_gaps && SerialSearch(GraphTies(graph), history_, meter_).finds_order())
      return holds_all(levels);
    const std::vector<bool> tangled = tangled_in(graph);
    const Graph inner = graph.between(tangled);
    const Components<All> all(inner, meter_, {.nodes = &tangled});
    note_known(inner, all, Level::all, Order::none, into_);
    const bool late = is_any_late(history_, inner, all, nullptr);
    std::optional<ByProcess> by_process;
    if (late) by_process.emplace(source_, meter_);
    const bool has_processes = late && !by_process->all.acyclic();
    known_.assign(graph.transactions(), false);
    find_certain_writes(has_gaps ? nullptr : &tangled, has_gaps || has_processes);
    for (Absent* level : levels) level->alone = all.acyclic();
    if (!all.acyclic()) find_in(inner, all, Order::none);
    // Nothing is said of an order before all of it was looked at: the budget may end.
    for (Absent* level : levels) {
      level->process = level->alone && !has_processes;
      level->realtime = level->alone && !late;
    }
    if (!late) return;
    if (has_processes) find_in(by_process->graph, by_process->all, Order::process);
    by_process.reset();
    find_by_realtime(inner, inner.reversed(), all);
  }

  /// In a graph that does not have every edge there is, but different ones for each order. What is
  /// not found proves nothing, but for cycles of dependencies, of which all are there.
  void find_inferred() {
    inferred_ = true;
    known_.assign(source_.transactions().size(), false);
    for (const Order order : {Order::none, Order::process, Order::realtime}) {
      const Graph graph = source_.graph({.order = order});
      into_.edges = std::max<std::uint64_t>(into_.edges, graph.edges());
      const Components<All> all(graph, meter_);
      absence(into_.ww_wr, order) = all.acyclic();
      if (!all.acyclic()) find_in(graph, all, order);
      if (order == Order::realtime && is_any_late(history_, graph, all, nullptr))
        find_by_realtime(graph, graph.reversed(), all);
    }
    into_.ww_wr.realtime = into_.ww_wr.realtime && into_.ww_wr.alone;
  }

 private:
  struct ByProcess {
    Graph graph;
    Components<All> all;
    ByProcess(const Dependencies& source, Meter& meter)
        : graph(source.graph({.order = Order::process})), all(graph, meter) {}
  };

  void holds_all(std::span<Absent* const> levels) {
    into_.ww = {true, true, true};
    for (Absent* level : levels) *level = into_.ww;
  }

  /// All cycles go through these alone.
  void find_among(const std::vector<Transaction>& suspects) {
    const std::unique_ptr<Dependencies> part = source_.among(suspects);
    CycleFindings found;
    const auto keep = [&] {
      for (Cycle& cycle : found.kept)
        for (Step& step : cycle.steps) step.transaction = suspects[step.transaction];
      rename_known(suspects, found);
      found.edges = into_.edges;
      into_ = std::move(found);
    };
    try {
      Finder(*part, meter_, found).find();
    } catch (...) {
      keep();
      throw;
    }
    keep();
  }

  /// What is part of a cycle, or of a way to what ended before the way's begin: where the latest
  /// begin that leads to a node is after the earliest end that it leads to. All that is looked for,
  /// but with the order of processes, is among those; they are few.
  std::vector<bool> tangled_in(const Graph& graph) {
    using Parts = Components<All>;
    const Parts all(graph, meter_);
    const std::vector<Position> latest = latest_begins(history_, graph, all);
    const auto ends = history_.end();
    std::vector<Position> earliest(all.size(), never);
    std::vector<bool> tangled(graph.size(), false);
    for (const auto at : all.order()) {
      Position& here = earliest[all.of(at)];
      if (graph.is_transaction(at)) here = std::min(here, ends[at]);
      for (const Arrow arrow : graph.from(at)) here = std::min(here, earliest[all.of(arrow.to())]);
    }
    for (const auto at : all.order())
      tangled[at] = all.is_cyclic(all.of(at)) || latest[all.of(at)] > earliest[all.of(at)];
    return tangled;
  }

  /// Never out of a component.
  template <typename Automaton>
  static auto inside(const Components<Automaton>& parts) {
    return [&parts](auto start, auto to) { return parts.same(start, to); };
  }
  /// Nor out of a coarser one.
  template <typename Automaton>
  static auto inside_of_all(const Components<All>& all) {
    return [&all](auto start, auto to) {
      return all.same(Components<Automaton>::node_of(start), Components<Automaton>::node_of(to));
    };
  }

  bool& absence(Absent& of, Order order) {
    return order == Order::none ? of.alone : order == Order::process ? of.process : of.realtime;
  }
  /// A cycle that is only one because of that order has such an edge; of G2-item, if of none.
  static bool bears(Order order, Edge edge) {
    return order == Order::none ? is_rw(edge) : order_of(edge) == order;
  }

  // --- Cycles in the graph itself ---------------------------------------------------------------

  void find_in(const Graph& graph, const Components<All>& all, Order order) {
    const Within within = all.within();
    note_known(graph, all, Level::all, order, into_);
    absence(into_.ww_wr, order) =
        find_plain<Depending>(graph, within, Level::ww_wr, order, [&](const Through& edge) {
          if (order != Order::none) return bears(order, edge.edge);
          return edge.edge == Edge::wr || is_uncertain(edge.from) || is_uncertain(edge.to);
        });
    if (inferred_)
      find_plain<Reaching>(graph, within, Level::single_rw, order, [&](const Through& edge) {
        return is_inferred(edge.edge) || (order != Order::none && bears(order, edge.edge));
      });
    const Components<Snapshot> snapshot(graph, meter_, within);
    absence(into_.nonadjacent_rw, order) = snapshot.acyclic();
    note_known(graph, snapshot, Level::nonadjacent_rw, order, into_);
    if (order == Order::none) {
      find_single_and_nonadjacent(graph, all, snapshot);
    } else {
      find_snapshot_by(order, graph, all, snapshot);
    }
    Candidates candidates;
    each_edge_inside(graph, all, [&](std::uint32_t component, const Through& edge) {
      if (!bears(order, edge.edge)) return;
      if (order == Order::none && is_inside(snapshot, edge)) return;
      add(candidates, component, edge);
    });
    Walks<All> walks(graph, meter_);
    note_shortest(walks, candidates, 0, {0}, Level::all, order, inside(all));
  }

  /// Cycles of edges that `is_candidate` says yes to one of. True if there are no cycles at all.
  template <typename Automaton, typename Candidate>
  bool find_plain(const Graph& graph, Within within, Level level, Order order,
                  Candidate is_candidate) {
    const Components<Automaton> parts(graph, meter_, within);
    if (parts.acyclic()) return true;
    note_known(graph, parts, level, order, into_);
    Candidates candidates;
    each_edge_inside(graph, parts, [&](std::uint32_t component, const Through& edge) {
      if (is_candidate(edge)) add(candidates, component, edge);
    });
    Walks<Automaton> walks(graph, meter_);
    note_shortest(walks, candidates, 0, {0}, level, order, inside(parts));
    return false;
  }

  /// What forbids aborted reads takes it for committed, if something of it was read.
  bool is_uncertain(Node node) const {
    return node < history_.size() && history_.fate()[node] == Fate::info;
  }

  /// Cycles of writes: only of transactions that are known to have happened. Where the graph of all
  /// has no gaps, an edge here is a way there, so that these are within what is `tangled` there.
  void find_certain_writes(const std::vector<bool>* tangled, bool with_processes) {
    const auto any = [](const Through&) { return true; };
    const auto of_process = [](const Through& edge) { return edge.edge == Edge::process; };
    const Graph whole = source_.graph({.only_certain_writes = true});
    const Graph graph = tangled == nullptr ? whole : whole.between(*tangled);
    const Within within{.nodes = tangled};
    into_.ww.alone = find_plain<Writes>(graph, within, Level::ww, Order::none, any);
    into_.ww.process = into_.ww.alone && !with_processes;
    if (with_processes) {
      const Graph longer = source_.graph({.order = Order::process, .only_certain_writes = true});
      into_.ww.process = find_plain<Writes>(longer, {}, Level::ww, Order::process, of_process);
    }
    const Components<Writes> parts(graph, meter_, within);
    find_late(graph, graph.reversed(), parts, Level::ww, into_.ww);
  }

  /// Of a component search with one state: every edge of a cyclic component with both ends in it.
  template <typename Automaton, typename Visit>
  void each_edge_inside(const Graph& graph, const Components<Automaton>& parts, Visit visit) {
    for (const auto here : parts.order()) {
      const std::uint32_t component = parts.of(here);
      if (!parts.is_cyclic(component)) continue;
      for (const Arrow arrow : graph.from(here))
        if (Automaton::next(0, arrow.edge()) == 0 && parts.same(here, arrow.to()))
          visit(component, {here, arrow.to(), arrow.edge()});
    }
  }

  static bool is_inside(const Components<Snapshot>& parts, const Through& edge) {
    using Parts = Components<Snapshot>;
    const unsigned state = is_rw(edge.edge) ? 1 : 0;
    return parts.same(Parts::place(edge.from, 0), Parts::place(edge.to, state)) ||
           (!is_rw(edge.edge) &&
            parts.same(Parts::place(edge.from, 1), Parts::place(edge.to, state)));
  }

  static void add(Candidates& candidates, std::uint32_t component, const Through& edge) {
    std::vector<Through>& of = candidates[component];
    if (of.size() < tries) of.push_back(edge);
  }

  /// For each component the shortest cycle through one of its candidates: from where the candidate
  /// leads, in state `first`, back to where it comes from, in one of the states `last`. May goes
  /// by where the way began.
  template <typename Automaton, typename May>
  void note_shortest(Walks<Automaton>& walks, const Candidates& candidates, unsigned first,
                     std::initializer_list<unsigned> last, Level level, Order order, May may) {
    using Parts = Components<Automaton>;
    for (const auto& [component, edges] : candidates) {
      std::optional<Steps> best;
      for (const Through& edge : edges) {
        const auto start = Parts::place(edge.to, first);
        auto way = walks.forward(
            start,
            [&](auto at) {
              return Parts::node_of(at) == edge.from &&
                     std::ranges::find(last, Parts::state_of(at)) != last.end();
            },
            [&](auto to) { return may(start, to); });
        if (!way) continue;
        way->insert(way->begin(), {edge.from, edge.edge});
        if (!best || way->size() < best->size()) best = std::move(way);
      }
      if (best) note(without_nodes_between(std::move(*best)), level, order);
    }
  }
  /// Without the nodes between: what leads to one is tied to what it leads to.
  Steps without_nodes_between(Steps steps) const {
    const std::size_t transactions = source_.transactions().size();
    std::erase_if(steps, [&](const Step& step) { return step.transaction >= transactions; });
    return steps;
  }

  /// If it is of that kind; what is simpler is found elsewhere.
  bool note(Steps steps, Level level, Order order) {
    steps = without_repeats(std::move(steps), level);
    Level found = level_of(steps);
    // A cycle of writes is one of dependencies, too.
    if (found == Level::ww && std::ranges::any_of(steps, [&](const Step& step) {
          return is_uncertain(step.transaction);
        }))
      found = Level::ww_wr;
    if (found != level || order_of(steps) != order) return false;
    const Anomaly anomaly =
        is_by_predicate(steps) ? predicate_anomaly_at(level, order) : anomaly_at(level, order);
    // With inferred edges, what is one cycle is found in several ways.
    if (inferred_ && std::ranges::any_of(into_.kept, [&](const Cycle& other) {
          return other.anomaly == anomaly && same_transactions(other.steps, steps);
        }))
      return false;
    noted_ = anomaly;
    if (into_.counts[static_cast<std::size_t>(anomaly)]++ < CycleFindings::kept_max) {
      std::ranges::rotate(steps, std::ranges::min_element(steps, {}, &Step::transaction));
      into_.kept.push_back({anomaly, std::move(steps)});
    }
    return true;
  }

  static bool is_by_predicate(const Steps& steps) {
    return std::ranges::find(steps, Edge::rw_predicate, &Step::edge) != steps.end();
  }

  static bool same_transactions(const Steps& a, const Steps& b) {
    return a.size() == b.size() && std::ranges::all_of(a, [&](const Step& step) {
             return std::ranges::find(b, step.transaction, &Step::transaction) != b.end();
           });
  }

  // --- One rw, or several that are no neighbours ------------------------------------------------

  struct AntiEdge {
    Through edge;
    std::uint32_t component = 0;     ///< In the search without neighbouring rw.
    std::uint32_t from = 0, to = 0;  ///< Components of its ends along dependencies.
    bool is_single = false;          ///< Dependencies lead back.
  };

  void find_single_and_nonadjacent(const Graph& graph, const Components<All>& all,
                                   const Components<Snapshot>& snapshot) {
    using Parts = Components<Snapshot>;
    into_.single_rw.alone = snapshot.acyclic();
    if (snapshot.acyclic()) return;
    const Components<Reaching> reach(graph, meter_, all.within());
    std::vector<AntiEdge> edges;
    each_edge_inside(graph, all, [&](std::uint32_t, const Through& edge) {
      if (!is_rw(edge.edge) || !is_inside(snapshot, edge)) return;
      edges.push_back(
          {edge, snapshot.of(Parts::place(edge.from, 0)), reach.of(edge.from), reach.of(edge.to)});
    });
    mark_singles(graph, reach, edges, meter_);
    Candidates singles, others;
    for (const AntiEdge& edge : edges)
      add(edge.is_single ? singles : others, edge.component, edge.edge);
    into_.single_rw.alone = singles.empty();
    Walks<Reaching> ways(graph, meter_);
    note_shortest(ways, singles, 0, {0}, Level::single_rw, Order::none,
                  inside_of_all<Reaching>(all));
    Walks<Snapshot> walks(graph, meter_);
    note_shortest(walks, others, 1, {0}, Level::nonadjacent_rw, Order::none, inside(snapshot));
  }

  // --- With the order of processes --------------------------------------------------------------

  void find_snapshot_by(Order order, const Graph& graph, const Components<All>& all,
                        const Components<Snapshot>& snapshot) {
    using Parts = Components<Snapshot>;
    absence(into_.single_rw, order) = snapshot.acyclic();
    if (snapshot.acyclic()) return;
    Candidates candidates, anti;
    for (const auto here : snapshot.order()) {
      if (!snapshot.is_cyclic(snapshot.of(here))) continue;
      for (const Arrow arrow : graph.from(Parts::node_of(here))) {
        const unsigned state = Snapshot::next(Parts::state_of(here), arrow.edge());
        if (!bears(order, arrow.edge()) || state == dead_end ||
            !snapshot.same(here, Parts::place(arrow.to(), state)))
          continue;
        add(is_rw(arrow.edge()) ? anti : candidates, snapshot.of(here),
            {Parts::node_of(here), arrow.to(), arrow.edge()});
      }
    }
    Walks<Snapshot> walks(graph, meter_);
    note_shortest(walks, candidates, 0, {0, 1}, Level::nonadjacent_rw, order, inside(snapshot));
    note_shortest(walks, anti, 1, {0}, Level::nonadjacent_rw, order, inside(snapshot));
    const std::uint64_t before = count_of(Level::single_rw, order);
    Walks<Single> single(graph, meter_);
    note_shortest(single, candidates, 0, {1}, Level::single_rw, order, inside_of_all<Single>(all));
    Walks<Reaching> ways(graph, meter_);
    note_shortest(ways, anti, 0, {0}, Level::single_rw, order, inside_of_all<Reaching>(all));
    if (count_of(Level::single_rw, order) == before) find_single_by(order, graph, all, snapshot);
  }

  /// From one rw on.
  std::uint64_t count_of(Level level, Order order) const {
    return into_.counts[static_cast<std::size_t>(anomaly_at(level, order))] +
           into_.counts[static_cast<std::size_t>(predicate_anomaly_at(level, order))];
  }

  /// The few edges that were tried told none; here all are. What is a cycle without that order is
  /// found without it.
  void find_single_by(Order order, const Graph& graph, const Components<All>& all,
                      const Components<Snapshot>& snapshot) {
    std::vector<AntiEdge> edges;
    each_edge_inside(graph, all, [&](std::uint32_t, const Through& edge) {
      if (is_rw(edge.edge) && is_inside(snapshot, edge)) edges.push_back({edge, all.of(edge.from)});
    });
    keep_single<Reaching>(graph, all, true, edges);
    std::vector<AntiEdge> others;
    for (const AntiEdge& edge : edges)
      if (!bears(order, edge.edge.edge)) others.push_back(edge);
    std::erase_if(edges, [&](const AntiEdge& edge) { return !bears(order, edge.edge.edge); });
    keep_single<Orderless>(graph, all, false, others);
    Candidates candidates;
    for (const auto* some : {&edges, &others})
      for (const AntiEdge& edge : *some) add(candidates, edge.component, edge.edge);
    Walks<Reaching> ways(graph, meter_);
    note_shortest(ways, candidates, 0, {0}, Level::single_rw, order, inside_of_all<Reaching>(all));
  }

  /// Those of which it is so, or not, that edges of these kinds alone lead back.
  template <typename Kinds>
  void keep_single(const Graph& graph, const Components<All>& all, bool kept,
                   std::vector<AntiEdge>& edges) {
    const Components<Kinds> reach(graph, meter_, all.within());
    for (AntiEdge& edge : edges) {
      edge.from = reach.of(edge.edge.from);
      edge.to = reach.of(edge.edge.to);
    }
    mark_singles(graph, reach, edges, meter_);
    std::erase_if(edges, [&](const AntiEdge& edge) { return edge.is_single != kept; });
  }

  // --- With real time ---------------------------------------------------------------------------

  /// `all` tells which nodes there are.
  void find_by_realtime(const Graph& graph, const Graph& turned, const Components<All>& all) {
    const Within within = all.nodes();
    const Components<Depending> depending(graph, meter_, within);
    find_late(graph, turned, depending, Level::ww_wr, into_.ww_wr);
    const Components<Single> single(graph, meter_, within);
    find_late(graph, turned, single, Level::single_rw, into_.single_rw);
    const Components<Snapshot> snapshot(graph, meter_, within);
    find_late(graph, turned, snapshot, Level::nonadjacent_rw, into_.nonadjacent_rw);
    find_late(graph, turned, all, Level::all, into_.all);
  }

  /// Of this level and of none below: those that are in `known_` are not looked at again.
  template <typename Automaton>
  void find_late(const Graph& graph, const Graph& turned, const Components<Automaton>& parts,
                 Level level, Absent& absent) {
    std::vector<bool> late(graph.transactions(), false);
    absent.realtime = !is_any_late(history_, graph, parts, &late) && absent.alone;
    note_known_late(late, level, into_);
    const auto begins = history_.begin();
    const auto ends = history_.end();
    Anomaly name = anomaly_at(level, Order::realtime);
    std::optional<Walks<Automaton>> walks;
    std::size_t tried = 0;
    for (Transaction t = 0; t < late.size(); ++t) {
      if (!late[t] || known_[t]) continue;
      known_[t] = true;
      if (tried++ >= CycleFindings::kept_max) {
        ++into_.counts[static_cast<std::size_t>(name)];
        continue;
      }
      if (!walks) walks.emplace(turned, meter_);
      auto way = walks->backward(
          t, [&](Node from) { return turned.is_transaction(from) && begins[from] > ends[t]; });
      if (!way) continue;
      way->push_back({t, Edge::realtime});
      if (note(without_nodes_between(std::move(*way)), level, Order::realtime)) name = noted_;
    }
  }

  const Dependencies& source_;
  const History& history_;
  Meter& meter_;
  CycleFindings& into_;
  bool inferred_ = false;
  Anomaly noted_ = Anomaly::G0;  ///< Last.
  std::vector<bool> known_;  ///< Transactions that came too late by less than is looked at next.
};

}  // namespace

void find_cycles(const Dependencies& source, Meter& meter, CycleFindings& findings) {
  Finder(source, meter, findings).find();
}

void find_inferred_cycles(const Dependencies& source, Meter& meter, CycleFindings& findings) {
  Finder(source, meter, findings).find_inferred();
}

}  // namespace faultline::transactional
