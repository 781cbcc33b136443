// A graph of which some edges hang on choices that are still open: can they be made such that it
// has no cycle? By a SAT solver (CaDiCaL) that is told of cycles only as it runs into them: it
// chooses, the cycles of what it chose become clauses, and it chooses again.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "checkers/meter.h"
#include "checkers/transactional/graph.h"

namespace faultline::transactional {

/// Grows between one solve() and the next: what was learnt stays true. Not thread-safe.
class AcyclicChoice {
 public:
  /// A choice: its number, from 1, or the negative of that for its opposite. 0: no choice.
  using Literal = int;
  struct Link {
    Node from = 0, to = 0;
    Literal condition = 0;  ///< The edge is there if that was chosen; 0: always.
    std::uint32_t length =
        1;  ///< For cycles to be short; 0 between nodes that stand for one thing.
  };
  /// A cycle, and what must have been chosen for it to be there.
  struct Lemma {
    std::vector<Literal> choices;
    std::vector<std::uint32_t> links;  ///< By number, each from where the one before leads.
  };

  explicit AcyclicChoice(Meter& meter);
  ~AcyclicChoice();
  AcyclicChoice(const AcyclicChoice&) = delete;
  AcyclicChoice& operator=(const AcyclicChoice&) = delete;

  Node add_node() { return nodes_++; }
  /// What is likely is taken while nothing speaks against it. The solver hears of a choice only
  /// when a cycle hangs on it.
  Literal add_choice();
  /// One that is not taken back as long as all those can stay: only if cycles contradict some,
  /// these become as the others are.
  Literal add_firm_choice();
  void add_link(const Link& link) { links_.push_back(link); }

  std::size_t nodes() const { return nodes_; }
  const Link& link(std::uint32_t number) const { return links_[number]; }
  std::size_t choices() const { return chosen_.size(); }
  std::uint64_t bytes() const;

  /// Whether there is a way to choose. Throws OutOfBudget.
  bool solve();
  /// After solve() said yes.
  bool is_chosen(Literal literal) const {
    return literal > 0 ? chosen_[static_cast<std::size_t>(literal) - 1]
                       : !chosen_[static_cast<std::size_t>(-literal) - 1];
  }
  /// After solve() said yes: the nodes that have a rank, sorted such that all edges lead forward,
  /// and otherwise by rank. The others are no_rank, and are left out.
  static constexpr std::uint32_t no_rank = 0xffffffffu;
  std::vector<Node> sorted(std::span<const std::uint32_t> ranks) const;
  /// After solve() said no: cycles that no way to choose avoids all of; none of them can be left
  /// out, unless they are very many. Throws OutOfBudget.
  std::vector<Lemma> core();

 private:
  struct Solver;
  struct Tangle;

  void index();
  bool is_there(const Link& link) const { return link.condition == 0 || is_chosen(link.condition); }
  Tangle tangle();
  bool choose();
  bool learn(const Tangle& tangle);
  bool ask();
  int to_solver(Literal literal);
  std::vector<int> clause_of(const Lemma& lemma);
  void add_lemma(const Tangle& tangle, std::vector<std::uint32_t> cycle);

  Meter& meter_;
  std::unique_ptr<Solver> solver_;
  Node nodes_ = 0;
  std::vector<Link> links_;
  std::vector<bool> chosen_, firm_;   ///< By choice.
  std::vector<int> variables_;        ///< By choice: the solver's; 0: it has not heard of it.
  std::vector<Literal> of_variable_;  ///< The other way round, by the solver's from 1.
  std::vector<Lemma> lemmas_;
  /// The edges by where they come from.
  std::vector<std::uint64_t> begins_;
  std::vector<std::uint32_t> from_;
};

}  // namespace faultline::transactional
