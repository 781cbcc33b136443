// Whom the search for cycles must look at, of histories in which little is wrong: everybody that is
// on a cycle must be among them, whatever edges the cycle has.
#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/transactional/cycles.h"
#include "checkers/transactional/lists.h"
#include "tests/oracle/judges.h"
#include "tests/oracle/txn_mutate.h"
#include "tests/oracle/txn_simulate.h"

namespace faultline::oracle::txn {
namespace {

namespace tx = transactional;

/// Who is on a cycle of one of the graphs, with edges of processes and of real time: who can be
/// reached from himself.
std::vector<tx::Transaction> on_cycles(const tx::Lists& lists, bool only_certain_writes) {
  const tx::Graph graph =
      lists.graph({.order = tx::Order::process, .only_certain_writes = only_certain_writes});
  const History& history = lists.transactions().history();
  const std::size_t count = lists.transactions().size();
  const auto each_next = [&](tx::Node from, auto visit) {
    for (const tx::Arrow arrow : graph.from(from)) visit(arrow.to());
    if (from >= count) return;
    for (tx::Transaction t = 0; t < count; ++t)
      if (history.end()[from] < history.begin()[t] && lists.is_committed(from) &&
          lists.is_committed(t))
        visit(t);
  };
  std::vector<tx::Transaction> found;
  for (tx::Transaction start = 0; start < count; ++start) {
    std::vector<bool> reached(graph.size(), false);
    std::vector<tx::Node> ways{start};
    while (!ways.empty() && !reached[start]) {
      const tx::Node here = ways.back();
      ways.pop_back();
      each_next(here, [&](tx::Node to) {
        if (reached[to]) return;
        reached[to] = true;
        ways.push_back(to);
      });
    }
    if (reached[start]) found.push_back(start);
  }
  return found;
}

struct Tally {
  long looked_at = 0, suspected = 0, on_cycles = 0, serial = 0, wrong = 0;
  /// Where something was not committed, or is there twice.
  long gaps = 0, on_certain_cycles = 0;
};

void compare(const Transactions& made, Tally& tally) {
  const History history = Speller({}).history(made);
  tx::Prefixes prefixes;
  const tx::Transactions transactions(history, prefixes);
  const tx::Elements elements(transactions);
  if (elements.repeated() != tx::no_append) return;
  const tx::Lists lists(transactions, elements, std::move(prefixes));
  Meter meter{Budget{}};
  std::uint64_t edges = 0;
  const auto suspects = lists.suspects(meter, edges);
  if (!suspects) return;
  const std::vector<tx::Transaction> truth = on_cycles(lists, false),
                                     certain = on_cycles(lists, true);
  const bool has_gaps = std::ranges::any_of(
      std::array{tx::Anomaly::G1a, tx::Anomaly::garbage_read, tx::Anomaly::duplicate_elements},
      [&](tx::Anomaly gap) { return lists.offences().any(gap); });
  const bool is_right =
      std::ranges::includes(*suspects, truth) && std::ranges::includes(*suspects, certain);
  // Over a gap it may lead back where it does in no graph.
  const bool is_serial = truth.empty() && certain.empty();
  ++tally.looked_at;
  tally.serial += is_serial;
  tally.gaps += has_gaps;
  tally.suspected += static_cast<long>(suspects->size());
  tally.on_cycles += static_cast<long>(truth.size());
  tally.on_certain_cycles += has_gaps && !std::ranges::includes(truth, certain);
  tally.wrong += !is_right || (is_serial && !has_gaps && !suspects->empty());
}

TEST_CASE("oracle: everybody on a cycle was open when something was wrong") {
  Rng rng = Rng(4711).fork("suspects");
  Mutator mutator(rng.fork("mutation"));
  Tally tally;
  const long count = iterations(20'000);
  for (long i = 0; i < count; ++i) {
    const auto level = Simulation::any_level(rng, Simulation::Level::snapshot);
    const int size = 10 + static_cast<int>(rng.below(50));
    const int processes = 2 + static_cast<int>(rng.below(4));
    Transactions history =
        Simulation(level, rng.fork(std::to_string(i)), {size, processes, keys_max}).run();
    std::ranges::sort(history, {}, &Transaction::begin);
    number_moments(history);
    for (auto spoilt = rng.below(3); spoilt > 0; --spoilt) mutator.spoil(history);
    compare(history, tally);
  }
  MESSAGE(tally.looked_at << " histories, " << tally.serial << " serial; of the transactions "
                          << tally.suspected << " suspected, " << tally.on_cycles << " on a cycle; "
                          << tally.gaps << " with gaps, " << tally.on_certain_cycles
                          << " of them with more of certain writes");
  CHECK(tally.wrong == 0);
  CHECK(tally.looked_at > count / 2);
  CHECK(tally.serial > count / 20);
  CHECK(tally.on_cycles > count);
  CHECK(tally.gaps > count / 20);
  // Or one could as well look at all of them.
  CHECK(tally.suspected < tally.looked_at * 30);
}

}  // namespace
}  // namespace faultline::oracle::txn
