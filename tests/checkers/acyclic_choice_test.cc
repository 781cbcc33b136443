// Choices such that a graph has no cycle: small random graphs against every way to choose.
#include "checkers/transactional/acyclic_choice.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/transactional/cycles.h"
#include "harness/core/rng.h"

namespace faultline::acyclic_choice {

using transactional::AcyclicChoice;
using transactional::Node;
using transactional::OutOfBudget;
using Link = AcyclicChoice::Link;
using Lemma = AcyclicChoice::Lemma;
using Chosen = std::vector<bool>;

Meter plenty() { return {1'000'000'000, 1'000'000'000, nullptr}; }

bool is_there(const Link& link, const Chosen& chosen) {
  if (link.condition == 0) return true;
  return chosen[static_cast<std::size_t>(std::abs(link.condition)) - 1] == (link.condition > 0);
}

/// Takes away what nothing leads to, again and again.
bool is_acyclic(std::size_t nodes, std::span<const Link> links, const Chosen& chosen) {
  std::vector<bool> gone(nodes, false);
  for (std::size_t round = 0; round < nodes; ++round)
    for (Node v = 0; v < nodes; ++v)
      gone[v] = gone[v] || std::ranges::none_of(links, [&](const Link& link) {
                  return link.to == v && !gone[link.from] && is_there(link, chosen);
                });
  return std::ranges::all_of(gone, [](bool is_gone) { return is_gone; });
}

/// Calls `visit` with every way to choose until it says yes; whether it did.
template <typename Visit>
bool any_way(std::size_t choices, Visit visit) {
  for (unsigned bits = 0; bits < 1u << choices; ++bits) {
    Chosen chosen(choices);
    for (std::size_t i = 0; i < choices; ++i) chosen[i] = (bits >> i & 1) != 0;
    if (visit(chosen)) return true;
  }
  return false;
}

bool is_avoided(const Lemma& lemma, const Chosen& chosen) {
  return std::ranges::any_of(lemma.choices, [&](AcyclicChoice::Literal literal) {
    return !is_there({.condition = literal}, chosen);
  });
}

/// What a random graph is made of, and what was made of it.
struct Puzzle {
  std::size_t nodes = 0, choices = 0, firm = 0;  ///< The first choices are the firm ones.
  std::vector<Link> links;
  Meter meter = plenty();
  AcyclicChoice choice{meter};

  Puzzle(Rng& rng, bool with_firm) {
    nodes = 2 + rng.below(8);
    for (std::size_t i = 0; i < nodes; ++i) CHECK(choice.add_node() == i);
    firm = with_firm ? rng.below(4) : 0;
    choices = firm + rng.below(7);
    for (std::size_t i = 0; i < choices; ++i)
      CHECK((i < firm ? choice.add_firm_choice() : choice.add_choice()) == static_cast<int>(i) + 1);
    add_links(rng, rng.below(3 * nodes));
  }
  void add_links(Rng& rng, std::size_t count) {
    for (; count > 0; --count) {
      const auto from = static_cast<Node>(rng.below(nodes));
      const auto to = static_cast<Node>((from + 1 + rng.below(nodes - 1)) % nodes);
      int condition = static_cast<int>(rng.below(choices + 1));
      if (static_cast<std::size_t>(condition) > firm && rng.below(2) == 0) condition = -condition;
      links.push_back({from, to, condition, static_cast<std::uint32_t>(rng.below(3))});
      choice.add_link(links.back());
    }
  }
  Chosen chosen() const {
    Chosen all;
    for (std::size_t i = 0; i < choices; ++i)
      all.push_back(choice.is_chosen(static_cast<int>(i) + 1));
    return all;
  }
  bool possible(std::size_t firm_ones) const {
    return any_way(choices, [&](const Chosen& way) {
      for (std::size_t i = 0; i < firm_ones; ++i)
        if (!way[i]) return false;
      return is_acyclic(nodes, links, way);
    });
  }
};

void check_order(const Puzzle& puzzle, Rng& rng) {
  std::vector<std::uint32_t> ranks;
  std::size_t ranked = 0;
  for (std::size_t i = 0; i < puzzle.nodes; ++i) {
    ranks.push_back(rng.below(4) == 0 ? AcyclicChoice::no_rank
                                      : static_cast<std::uint32_t>(rng.below(100)));
    if (ranks.back() != AcyclicChoice::no_rank) ++ranked;
  }
  const std::vector<Node> order = puzzle.choice.sorted(ranks);
  CHECK(order.size() == ranked);
  std::vector<std::size_t> place(puzzle.nodes, puzzle.nodes);
  for (std::size_t i = 0; i < order.size(); ++i) place[order[i]] = i;
  const Chosen chosen = puzzle.chosen();
  for (const Link& link : puzzle.links)
    if (is_there(link, chosen) && place[link.from] < order.size() && place[link.to] < order.size())
      CHECK(place[link.from] < place[link.to]);
  // One after another of a lower rank only if something leads from one to the other.
  if (puzzle.links.empty())
    CHECK(std::ranges::is_sorted(order, {}, [&](Node v) { return ranks[v]; }));
}

void check_core(Puzzle& puzzle) {
  const std::vector<Lemma> core = puzzle.choice.core();
  for (const Lemma& lemma : core) {
    REQUIRE_FALSE(lemma.links.empty());
    std::set<int> conditions;
    for (std::size_t i = 0; i < lemma.links.size(); ++i) {
      const Link& link = puzzle.choice.link(lemma.links[i]);
      CHECK(link.to == puzzle.choice.link(lemma.links[(i + 1) % lemma.links.size()]).from);
      if (link.condition != 0) conditions.insert(link.condition);
    }
    CHECK(std::vector<int>(conditions.begin(), conditions.end()) == lemma.choices);
    for (const int literal : lemma.choices)
      CHECK(static_cast<std::size_t>(std::abs(literal)) > puzzle.firm);
  }
  // No way avoids all of them, but one does avoid all the others.
  for (std::size_t left_out = 0; left_out <= core.size(); ++left_out)
    CHECK(any_way(puzzle.choices, [&](const Chosen& way) {
            for (std::size_t i = 0; i < core.size(); ++i)
              if (i != left_out && !is_avoided(core[i], way)) return false;
            return true;
          }) == (left_out < core.size()));
}

TEST_CASE("acyclic choice: random graphs, and more edges for those that can be") {
  int possible = 0, impossible = 0;
  for (int i = 0; i < 3000; ++i) {
    Rng rng = Rng(71).fork(std::to_string(i));
    Puzzle puzzle(rng, i % 2 == 0);
    for (int round = 0; round < 4; ++round) {
      CAPTURE(i);
      const bool can_be = puzzle.choice.solve();
      REQUIRE(can_be == puzzle.possible(0));
      ++(can_be ? possible : impossible);
      if (!can_be) {
        check_core(puzzle);
        CHECK_FALSE(puzzle.choice.solve());
        break;
      }
      CHECK(is_acyclic(puzzle.nodes, puzzle.links, puzzle.chosen()));
      check_order(puzzle, rng);
      puzzle.add_links(rng, 1 + rng.below(3));
    }
  }
  CHECK(possible > 1000);
  CHECK(impossible > 500);
}

TEST_CASE("acyclic choice: what is firm stays as long as it can") {
  int stayed = 0, gave_in = 0;
  for (int i = 0; i < 3000; ++i) {
    Rng rng = Rng(72).fork(std::to_string(i));
    Puzzle puzzle(rng, true);
    if (puzzle.firm == 0 || !puzzle.choice.solve()) continue;
    const Chosen chosen = puzzle.chosen();
    const bool all = std::all_of(chosen.begin(), chosen.begin() + static_cast<long>(puzzle.firm),
                                 [](bool one) { return one; });
    CHECK(all == puzzle.possible(puzzle.firm));
    ++(all ? stayed : gave_in);
  }
  CHECK(stayed > 500);
  CHECK(gave_in > 50);
}

TEST_CASE("acyclic choice: what nothing speaks against is as it is likely") {
  Meter meter = plenty();
  AcyclicChoice choice(meter);
  const Node a = choice.add_node(), b = choice.add_node();
  const int first = choice.add_choice(), second = choice.add_choice();
  choice.add_link({a, b, first, 1});
  choice.add_link({b, a, -first, 1});
  choice.add_link({b, a, -second, 1});
  CHECK(choice.solve());
  CHECK(choice.is_chosen(first));
  CHECK(choice.is_chosen(second));
  const std::vector<std::uint32_t> ranks{7, 3};
  CHECK(choice.sorted(ranks) == std::vector<Node>{a, b});
}

TEST_CASE("acyclic choice: cycles need few choices, and are short") {
  Meter meter = plenty();
  AcyclicChoice choice(meter);
  for (int i = 0; i < 5; ++i) choice.add_node();
  // From 1 back to 0: by one more choice, by three edges, or by two.
  const int through = choice.add_choice(), other = choice.add_choice();
  choice.add_link({0, 1, through, 1});
  choice.add_link({0, 1, -through, 1});
  choice.add_link({1, 0, other, 1});
  choice.add_link({1, 2, 0, 1});
  choice.add_link({2, 3, 0, 1});
  choice.add_link({3, 0, 0, 1});
  choice.add_link({1, 4, 0, 1});
  choice.add_link({4, 0, 0, 1});
  CHECK_FALSE(choice.solve());
  for (const Lemma& lemma : choice.core()) {
    CHECK(lemma.choices.size() == 1);
    CHECK(lemma.links.size() == 3);
  }
}

TEST_CASE("acyclic choice: the budget is honoured") {
  Meter meter(100, 1'000'000, nullptr);
  AcyclicChoice choice(meter);
  for (int i = 0; i < 10'000; ++i) choice.add_node();
  for (Node i = 0; i + 1 < 10'000; ++i) choice.add_link({i, i + 1, 0, 1});
  CHECK_THROWS_AS(choice.solve(), OutOfBudget);
  std::atomic<bool> stop = false;
  Meter other(1'000'000'000, 1'000'000'000, &stop);
  AcyclicChoice stopped(other);
  const Node a = stopped.add_node(), b = stopped.add_node();
  const int one = stopped.add_choice();
  stopped.add_link({a, b, one, 1});
  stopped.add_link({b, a, one, 1});
  stop = true;
  CHECK_FALSE(other.poll());
  CHECK_THROWS_AS(stopped.solve(), OutOfBudget);
}

}  // namespace faultline::acyclic_choice
