#include "checkers/transactional/acyclic_choice.h"

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <optional>
#include <queue>
#include <utility>

#include <cadical.hpp>

#include "checkers/transactional/components.h"
#include "checkers/transactional/cycles.h"
#include "harness/core/check.h"

namespace faultline::transactional {
namespace {

constexpr int satisfiable = 10, unsatisfiable = 20;
using Plain = Any<bit_of(Edge::ww)>;

/// Of the budget; what CaDiCaL does between two calls is not much.
class Watch final : public CaDiCaL::Terminator {
 public:
  explicit Watch(Meter& meter) : meter_(meter) {}
  bool terminate() override { return !meter_.spend(200); }

 private:
  Meter& meter_;
};

void add_clause(CaDiCaL::Solver& solver, const std::vector<int>& literals) {
  for (const int literal : literals) solver.add(literal);
  solver.add(0);
}

std::size_t index_of(AcyclicChoice::Literal literal) {
  return static_cast<std::size_t>(std::abs(literal)) - 1;
}

}  // namespace

struct AcyclicChoice::Solver {
  explicit Solver(Meter& meter) : watch(meter) {
    sat.set("quiet", 1);
    sat.connect_terminator(&watch);
  }
  /// False: unsatisfiable.
  bool solve() {
    const int answer = sat.solve();
    if (answer != satisfiable && answer != unsatisfiable) throw OutOfBudget();
    return answer == satisfiable;
  }
  Watch watch;
  CaDiCaL::Solver sat;
  bool is_hopeless = false;  ///< It said so once.
};

/// What is part of a cycle if every choice were made both ways: nothing else ever can be.
struct AcyclicChoice::Tangle {
  std::size_t nodes = 0;
  std::vector<std::uint64_t> begins;
  std::vector<std::uint32_t> links;  ///< Their numbers, by where they come from.
  std::vector<Node> from, to;        ///< The same edges, between nodes that are numbered anew.
};

AcyclicChoice::AcyclicChoice(Meter& meter)
    : meter_(meter), solver_(std::make_unique<Solver>(meter)) {}
AcyclicChoice::~AcyclicChoice() = default;

AcyclicChoice::Literal AcyclicChoice::add_choice() {
  chosen_.push_back(true);
  firm_.push_back(false);
  variables_.push_back(0);
  return static_cast<Literal>(chosen_.size());
}

AcyclicChoice::Literal AcyclicChoice::add_firm_choice() {
  const Literal literal = add_choice();
  firm_.back() = true;
  return literal;
}

int AcyclicChoice::to_solver(Literal literal) {
  int& variable = variables_[index_of(literal)];
  if (variable == 0) {
    of_variable_.push_back(static_cast<Literal>(index_of(literal)) + 1);
    variable = static_cast<int>(of_variable_.size());
    solver_->sat.phase(variable);
  }
  return literal > 0 ? variable : -variable;
}

/// Not all of it.
std::vector<int> AcyclicChoice::clause_of(const Lemma& lemma) {
  std::vector<int> clause;
  for (const Literal literal : lemma.choices) clause.push_back(-to_solver(literal));
  return clause;
}

std::uint64_t AcyclicChoice::bytes() const {
  constexpr std::uint64_t per_choice = 400;  // of the solver's, and of the lemmas
  return links_.capacity() * (sizeof(Link) + 40) + nodes_ * std::uint64_t{40} +
         (of_variable_.size() + lemmas_.size()) * per_choice + choices() * 8;
}

void AcyclicChoice::index() {
  begins_.assign(nodes_ + std::size_t{2}, 0);
  for (const Link& link : links_) ++begins_[link.from + std::size_t{2}];
  for (std::size_t v = 2; v < begins_.size(); ++v) begins_[v] += begins_[v - 1];
  from_.resize(links_.size());
  for (std::uint32_t i = 0; i < links_.size(); ++i)
    from_[begins_[links_[i].from + std::size_t{1}]++] = i;
  begins_.pop_back();
}

AcyclicChoice::Tangle AcyclicChoice::tangle() {
  // What the solver knows never to be chosen is in no cycle any more.
  const auto may_be = [&](const Link& link) {
    if (link.condition == 0) return true;
    const int variable = variables_[index_of(link.condition)];
    return variable == 0 || solver_->sat.fixed(link.condition > 0 ? variable : -variable) >= 0;
  };
  const Graph whole = Graph::of(0, nodes_, [&](auto visit) {
    for (const Link& link : links_)
      if (may_be(link)) visit(link.from, link.to, Edge::ww);
  });
  const Components<Plain> parts(whole, meter_);
  constexpr Node none = 0xffffffffu;
  std::vector<Node> place(nodes_, none);
  Tangle tangle;
  for (Node v = 0; v < nodes_; ++v)
    if (parts.is_cyclic(parts.of(v))) place[v] = static_cast<Node>(tangle.nodes++);
  for (Node v = 0; v < nodes_; ++v) {
    if (place[v] == none) continue;
    tangle.begins.push_back(tangle.links.size());
    for (std::uint64_t i = begins_[v]; i < begins_[v + std::size_t{1}]; ++i) {
      const Link& link = links_[from_[i]];
      if (!may_be(link) || !parts.same(v, link.to)) continue;
      tangle.links.push_back(from_[i]);
      tangle.from.push_back(place[v]);
      tangle.to.push_back(place[link.to]);
    }
  }
  tangle.begins.push_back(tangle.links.size());
  return tangle;
}

bool AcyclicChoice::solve() {
  if (solver_->is_hopeless) return false;
  index();
  const Tangle tangled = tangle();
  // Choices that came anew take part from the first time on.
  while (choose())
    if (!learn(tangled)) return true;
  solver_->is_hopeless = true;
  return false;
}

/// With all that is firm; what of it is contradicted is so no more.
bool AcyclicChoice::ask() {
  for (;;) {
    for (std::size_t i = 0; i < of_variable_.size(); ++i)
      if (firm_[index_of(of_variable_[i])]) solver_->sat.assume(static_cast<int>(i) + 1);
    if (!meter_.spend(of_variable_.size() + 1)) throw OutOfBudget();
    if (solver_->solve()) return true;
    bool gave_in = false;
    for (std::size_t i = 0; i < of_variable_.size(); ++i)
      if (const std::size_t choice = index_of(of_variable_[i]);
          firm_[choice] && solver_->sat.failed(static_cast<int>(i) + 1)) {
        firm_[choice] = false;
        gave_in = true;
      }
    if (!gave_in) return false;
  }
}

/// Asks the solver.
bool AcyclicChoice::choose() {
  // A solver that knows of nothing has nothing to say.
  if (!lemmas_.empty() && !ask()) return false;
  for (std::size_t i = 0; i < of_variable_.size(); ++i)
    chosen_[index_of(of_variable_[i])] = solver_->sat.val(static_cast<int>(i) + 1) > 0;
  if (!meter_.spend(of_variable_.size() + 1)) throw OutOfBudget();
  return true;
}

namespace {

/// Short ways that need few choices: each counts as a long piece of the way, but not as more than
/// every way without it, or most of a history would be walked through for each.
constexpr std::uint64_t choice_length = 16;

class CheapWays {
 public:
  struct Reached {
    std::uint64_t cost = 0;
    std::uint32_t search = 0;
    std::uint32_t by = 0;  ///< Place among the links.
    Node from = 0;
  };
  explicit CheapWays(std::size_t nodes) : reached_(nodes) {}

  /// The places of the links from `start` to `goal`, last first; `each(node, visit)` calls
  /// visit(place, to, is_choice, length).
  template <typename Each>
  std::vector<std::uint32_t> find(Node start, Node goal, Each each, Meter& meter) {
    ++search_;
    queue_ = {};
    reach(start, start, 0, 0);
    std::uint64_t steps = 0;
    while (!queue_.empty()) {
      const auto [cost, here] = queue_.top();
      queue_.pop();
      if (reached_[here].cost < cost) continue;
      if (here == goal) break;
      each(here, [&](std::uint32_t place, Node to, bool is_choice, std::uint32_t length) {
        ++steps;
        reach(to, here, place, cost + length + (is_choice ? choice_length : 0));
      });
      if (steps >= 4096 && !meter.spend(4 * std::exchange(steps, 0))) throw OutOfBudget();
    }
    if (!meter.spend(4 * steps + 4)) throw OutOfBudget();
    std::vector<std::uint32_t> way;
    FAULTLINE_CHECK(reached_[goal].search == search_);
    for (Node at = goal; at != start; at = reached_[at].from) way.push_back(reached_[at].by);
    return way;
  }

 private:
  void reach(Node node, Node from, std::uint32_t by, std::uint64_t cost) {
    Reached& there = reached_[node];
    if (there.search == search_ && there.cost <= cost) return;
    there = {cost, search_, by, from};
    queue_.emplace(cost, node);
  }

  using Entry = std::pair<std::uint64_t, Node>;
  std::vector<Reached> reached_;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue_;
  std::uint32_t search_ = 0;
};

}  // namespace

/// Whether there are cycles; then the solver is told of some.
bool AcyclicChoice::learn(const Tangle& tangle) {
  const auto is_there_at = [&](std::size_t place) { return is_there(links_[tangle.links[place]]); };
  const Graph now = Graph::of(0, tangle.nodes, [&](auto visit) {
    for (std::size_t place = 0; place < tangle.links.size(); ++place)
      if (is_there_at(place)) visit(tangle.from[place], tangle.to[place], Edge::ww);
  });
  const Components<Plain> parts(now, meter_);
  if (parts.acyclic()) return false;
  // For each component some edges that were chosen; if it has none, any.
  constexpr std::uint32_t tries_max = 200;
  std::vector<std::uint32_t> tries(parts.size(), 0);
  std::vector<bool> is_used(chosen_.size(), false);
  std::vector<std::uint32_t> any(parts.size(), 0xffffffffu);
  CheapWays ways(tangle.nodes);
  const auto cycle_through = [&](std::uint32_t place) {
    const auto each = [&](Node node, auto visit) {
      for (std::uint64_t i = tangle.begins[node]; i < tangle.begins[node + std::size_t{1}]; ++i) {
        const Link& link = links_[tangle.links[i]];
        if (is_there(link) && parts.same(node, tangle.to[i]))
          visit(static_cast<std::uint32_t>(i), tangle.to[i], link.condition != 0, link.length);
      }
    };
    auto way = ways.find(tangle.to[place], tangle.from[place], each, meter_);
    way.push_back(place);
    std::ranges::reverse(way);
    return way;
  };
  for (std::uint32_t place = 0; place < tangle.links.size(); ++place) {
    if (!is_there_at(place) || !parts.same(tangle.from[place], tangle.to[place])) continue;
    const std::uint32_t part = parts.of(tangle.from[place]);
    any[part] = place;
    const Literal condition = links_[tangle.links[place]].condition;
    if (condition == 0 || tries[part] >= tries_max) continue;
    if (is_used[index_of(condition)]) continue;
    ++tries[part];
    add_lemma(tangle, cycle_through(place));
    for (const Literal literal : lemmas_.back().choices) is_used[index_of(literal)] = true;
  }
  for (std::uint32_t part = 0; part < parts.size(); ++part)
    if (parts.is_cyclic(part) && tries[part] == 0) add_lemma(tangle, cycle_through(any[part]));
  return true;
}

void AcyclicChoice::add_lemma(const Tangle& tangle, std::vector<std::uint32_t> cycle) {
  Lemma lemma;
  for (std::uint32_t& place : cycle) {
    place = tangle.links[place];
    if (const Literal condition = links_[place].condition; condition != 0)
      lemma.choices.push_back(condition);
  }
  lemma.links = std::move(cycle);
  std::ranges::sort(lemma.choices);
  const auto rest = std::ranges::unique(lemma.choices);
  lemma.choices.erase(rest.begin(), rest.end());
  add_clause(solver_->sat, clause_of(lemma));
  lemmas_.push_back(std::move(lemma));
}

std::vector<Node> AcyclicChoice::sorted(std::span<const std::uint32_t> ranks) const {
  std::vector<std::uint32_t> before(nodes_, 0);
  for (const Link& link : links_)
    if (is_there(link)) ++before[link.to];
  using Entry = std::pair<std::uint32_t, Node>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> ready;
  std::vector<Node> between, order;
  const auto add = [&](Node v) {
    if (ranks[v] == no_rank)
      between.push_back(v);
    else
      ready.emplace(ranks[v], v);
  };
  for (Node v = 0; v < nodes_; ++v)
    if (before[v] == 0) add(v);
  while (!between.empty() || !ready.empty()) {
    Node here = 0;
    if (!between.empty()) {
      here = between.back();
      between.pop_back();
    } else {
      here = ready.top().second;
      ready.pop();
      order.push_back(here);
    }
    for (std::uint64_t i = begins_[here]; i < begins_[here + std::size_t{1}]; ++i)
      if (const Link& link = links_[from_[i]]; is_there(link) && --before[link.to] == 0)
        add(link.to);
  }
  if (!meter_.spend(links_.size() + nodes_)) throw OutOfBudget();
  return order;
}

std::vector<AcyclicChoice::Lemma> AcyclicChoice::core() {
  const auto first = static_cast<int>(of_variable_.size()) + 1;
  Solver fresh(meter_);
  for (std::size_t i = 0; i < lemmas_.size(); ++i) {
    std::vector<int> clause = clause_of(lemmas_[i]);
    clause.push_back(-(first + static_cast<int>(i)));
    add_clause(fresh.sat, clause);
  }
  std::vector<std::size_t> kept(lemmas_.size());
  for (std::size_t i = 0; i < kept.size(); ++i) kept[i] = i;
  // Those of `kept` that were needed, without the one at `left_out`; nothing: it is needed itself.
  const auto needed = [&](std::size_t left_out) -> std::optional<std::vector<std::size_t>> {
    for (std::size_t i = 0; i < kept.size(); ++i)
      if (i != left_out) fresh.sat.assume(first + static_cast<int>(kept[i]));
    if (fresh.solve()) return std::nullopt;
    std::vector<std::size_t> rest;
    for (std::size_t i = 0; i < kept.size(); ++i)
      if (i != left_out && fresh.sat.failed(first + static_cast<int>(kept[i])))
        rest.push_back(kept[i]);
    return rest;
  };
  kept = needed(kept.size()).value();
  constexpr std::size_t one_by_one_max = 1000;
  // From the end, such that what is left of those behind stays where it is looked at.
  if (kept.size() <= one_by_one_max)
    for (std::size_t i = kept.size(); i-- > 0;)
      if (auto rest = needed(i)) {
        kept = *std::move(rest);
        i = std::min(i, kept.size());
      }
  std::vector<Lemma> lemmas;
  for (const std::size_t i : kept) lemmas.push_back(lemmas_[i]);
  return lemmas;
}

}  // namespace faultline::transactional
