// The search for cycles beside the plain definition: in tangles of up to forty transactions, of
// which far more edges are on cycles than are tried one by one, it must rule out what the walks
// that come back rule out. A walk that comes to a transaction twice is two, one of which is no
// worse, so that walks will do.
#include "checkers/transactional/cycles.h"

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/transactional/cycle_names.h"
#include "checkers/transactional/excerpt.h"
#include "harness/core/rng.h"
#include "tests/oracle/judges.h"

namespace faultline::transactional {
namespace {

struct Tangle {
  std::vector<Span> spans;
  std::vector<Excerpt::Edge> edges;
};

/// Clients that begin and end at random; most edges lead to what began later.
class Tangles {
 public:
  Tangles(Rng rng, bool infers) : rng_(rng), infers_(infers) {}

  Tangle next() {
    Tangle tangle;
    ask(tangle.spans, 4 + rng_.below(36), 1 + rng_.below(6));
    const std::size_t nodes = tangle.spans.size();
    const auto forward = nodes * (1 + rng_.below(3));
    for (std::size_t i = 0; i < forward; ++i) tie(tangle, rng_.below(nodes), rng_.below(nodes));
    for (auto back = rng_.below(4); back > 0; --back) {
      const auto to = rng_.below(nodes), from = to + rng_.below(nodes - to);
      if (from != to) tangle.edges.push_back({node(from), node(to), bond(true)});
    }
    return tangle;
  }

 private:
  static Node node(std::uint64_t at) { return static_cast<Node>(at); }

  void ask(std::vector<Span>& spans, std::uint64_t count, std::uint64_t clients) {
    std::vector<std::size_t> open(clients, count);
    Position now = 0;
    for (std::uint64_t ended = 0; ended < count; ++now) {
      const auto client = rng_.below(clients);
      if (open[client] != count) {
        spans[std::exchange(open[client], count)].end = now;
        ++ended;
      } else if (spans.size() < count) {
        open[client] = spans.size();
        spans.push_back({now, never, static_cast<std::uint32_t>(client), Fate::ok});
      }
    }
  }

  void tie(Tangle& tangle, std::uint64_t a, std::uint64_t b) {
    if (a == b) return;
    const auto [from, to] = std::minmax(a, b);
    tangle.edges.push_back({node(from), node(to), bond(false)});
  }

  /// What leads back is rarely more than an anti-dependency.
  Bond bond(bool is_back) {
    using enum Bond;
    const auto any = [this](const auto& of) { return of[rng_.below(of.size())]; };
    if (infers_)
      return is_back && rng_.below(4) != 0
                 ? any(std::array{rw, rw_process, rw_realtime, inferred_process})
                 : any(std::array{wr, inferred, inferred_process, inferred_realtime, rw, rw_process,
                                  rw_realtime});
    return is_back && rng_.below(4) != 0 ? rw : any(std::array{certain_ww, wr, rw, rw});
  }

  Rng rng_;
  const bool infers_;
};

struct Arc {
  Node to = 0;
  bool is_write = false, is_dependency = false, is_rw = false;  ///< None: inferred.
};

/// The edges that count with that order.
std::vector<std::vector<Arc>> arcs_of(const Tangle& tangle, Order order) {
  std::vector<std::vector<Arc>> arcs(tangle.spans.size());
  for (const Excerpt::Edge& edge : tangle.edges) {
    using enum Bond;
    const Bond why = edge.why;
    const bool of_process = why == inferred_process || why == rw_process;
    const bool of_realtime = why == inferred_realtime || why == rw_realtime;
    if ((of_process && order != Order::process) || (of_realtime && order != Order::realtime))
      continue;
    const bool is_rw = why == rw || why == rw_process || why == rw_realtime;
    arcs[edge.from].push_back({edge.to, why == certain_ww, why == certain_ww || why == wr, is_rw});
  }
  for (Node a = 0; a < arcs.size(); ++a)
    for (Node b = 0; b < arcs.size(); ++b) {
      const bool is_before = tangle.spans[a].end < tangle.spans[b].begin;
      const bool is_same = tangle.spans[a].process == tangle.spans[b].process;
      if (is_before && (order == Order::realtime || (order == Order::process && is_same)))
        arcs[a].push_back({b, true, true, false});
    }
  return arcs;
}

/// Whether some walk of that level comes back to where it began. States: the last edge was an rw,
/// which counts for `nonadjacent`; there was one, which counts for `single`.
bool comes_back(const std::vector<std::vector<Arc>>& arcs, Level level) {
  const auto next = [level](unsigned state, const Arc& arc) -> int {
    if (level == Level::ww) return arc.is_write ? 0 : -1;
    if (level == Level::ww_wr) return arc.is_dependency ? 0 : -1;
    if (level == Level::all) return 0;
    if (!arc.is_rw) return level == Level::single_rw ? static_cast<int>(state) : 0;
    return state == 0 ? 1 : -1;
  };
  for (Node start = 0; start < arcs.size(); ++start)
    for (const Arc& first : arcs[start]) {
      const int state = next(0, first);
      std::vector<char> seen(2 * arcs.size(), 0);
      std::vector<std::pair<Node, unsigned>> stack;
      const auto visit = [&](Node node, int then) {
        if (then >= 0 && !std::exchange(seen[2 * node + static_cast<unsigned>(then)], 1))
          stack.emplace_back(node, static_cast<unsigned>(then));
      };
      visit(first.to, state);
      while (!stack.empty()) {
        const auto [here, in] = stack.back();
        stack.pop_back();
        // Two neighbouring rw may also meet where it began.
        if (here == start && !(level == Level::nonadjacent_rw && in == 1 && first.is_rw))
          return true;
        for (const Arc& arc : arcs[here]) visit(arc.to, next(in, arc));
      }
    }
  return false;
}

ModelSet expected(const Tangle& tangle, bool infers) {
  ModelSet models;
  for (const Order order : {Order::none, Order::process, Order::realtime}) {
    const auto arcs = arcs_of(tangle, order);
    for (const Level level :
         {Level::ww, Level::ww_wr, Level::single_rw, Level::nonadjacent_rw, Level::all})
      if ((level != Level::ww || !infers) && comes_back(arcs, level))
        models |= ruled_out_by(anomaly_at(level, order));
  }
  return models;
}

/// A whole history, in which no edge is missing: it is first asked for a serial order.
class Whole final : public Dependencies {
 public:
  explicit Whole(const Excerpt& all) : all_(all) {}
  const Transactions& transactions() const override { return all_.transactions(); }
  const Offences& offences() const override { return none_; }
  bool is_committed(Transaction) const override { return true; }
  Graph graph(const GraphOptions& options) const override { return all_.graph(options); }

 private:
  const Excerpt& all_;
  const Offences none_;
};

enum class What : std::uint8_t { part, whole, inferred };

ModelSet found(const Tangle& tangle, What what) {
  const Excerpt excerpt(tangle.spans, tangle.spans.size(), tangle.edges);
  Meter meter({});
  CycleFindings cycles;
  if (what == What::inferred)
    find_inferred_cycles(excerpt, meter, cycles);
  else if (what == What::part)
    find_cycles(excerpt, meter, cycles);
  else
    find_cycles(Whole(excerpt), meter, cycles);
  ModelSet models;
  for (std::size_t a = 0; a < cycles.counts.size(); ++a)
    if (cycles.counts[a] > 0) models |= ruled_out_by(static_cast<Anomaly>(a));
  return models;
}

std::string text_of(const Tangle& tangle) {
  std::string text;
  for (const Span& span : tangle.spans)
    text += "process " + std::to_string(span.process) + " [" + std::to_string(span.begin) + ", " +
            std::to_string(span.end) + "]\n";
  for (const Excerpt::Edge& edge : tangle.edges)
    text += std::to_string(edge.from) + " -> " + std::to_string(edge.to) + " bond " +
            std::to_string(static_cast<int>(edge.why)) + "\n";
  return text;
}

/// Without each edge that it does not take for what it finds to be wrong.
Tangle least(Tangle tangle, What what) {
  for (std::size_t at = tangle.edges.size(); at-- > 0;) {
    Tangle less = tangle;
    less.edges.erase(less.edges.begin() + static_cast<std::ptrdiff_t>(at));
    if (found(less, what) != expected(less, what == What::inferred)) tangle = std::move(less);
  }
  return tangle;
}

std::string joined(ModelSet models) {
  std::string text;
  for (const std::string& name : names_of(models)) text += " " + name;
  return text;
}

void compare(What what) {
  const bool infers = what == What::inferred;
  Tangles tangles(Rng(90).fork(infers ? "inferred" : "known"), infers);
  std::set<std::string> kinds;
  int wrong = 0;
  const long count = oracle::iterations(10'000);
  for (long i = 0; i < count && wrong == 0; ++i) {
    const Tangle tangle = tangles.next();
    const ModelSet truth = expected(tangle, infers);
    kinds.insert(joined(truth));
    if (found(tangle, what) == truth) continue;
    ++wrong;
    const Tangle small = least(tangle, what);
    FAIL_CHECK("expected" << joined(expected(small, infers)) << "\nfound"
                          << joined(found(small, what)) << "\n"
                          << text_of(small));
  }
  CHECK(wrong == 0);
  CHECK(kinds.size() > 5);
  MESSAGE(kinds.size() << " different sets of models ruled out");
}

TEST_CASE("oracle: cycles of large tangles rule out what their walks do") {
  compare(What::part);
  compare(What::whole);
}

TEST_CASE("oracle: cycles of large tangles with inferred edges rule out what their walks do") {
  compare(What::inferred);
}

}  // namespace
}  // namespace faultline::transactional
