// Who must come before whom by what readers knew: with clocks of sessions, and by going back from
// each read. Two ways that share nothing, for histories without number.
#include "checkers/transactional/causality.h"

#include <vector>

#include <doctest/doctest.h>

#include "checkers/transactional/components.h"
#include "tests/oracle/judges.h"
#include "tests/oracle/txn_mutate.h"

namespace faultline::transactional {
namespace {

/// Whether what constrains the order of transactions is free of contradictions.
bool is_consistent(const Registers& registers, const Constraints& constraints, Meter& meter) {
  const Graph graph = known_order(registers, true, constraints.all());
  return constraints.of_nil_count() == 0 &&
         Components<Any<all_dependencies>>(graph, meter).acyclic();
}

TEST_CASE("oracle: registers, clocks of sessions and walks back find the same contradictions") {
  oracle::txn::Histories histories{Rng(3042)};
  const long count = oracle::iterations(10'000);
  long consistent = 0, inconsistent = 0;
  for (long i = 0; i < count; ++i) {
    const oracle::txn::Transactions small = histories.next();
    oracle::txn::Spelling spelling = histories.spelling();
    spelling.registers = true;
    const History history = oracle::txn::Speller(spelling).history(small);
    const Transactions all(history, Objects::registers);
    const Elements values(all);
    const Registers registers(all, values);
    Meter meter{Budget()};
    const Graph graph = known_order(registers, true, {});
    const Components<Any<dependencies>> parts(graph, meter);
    if (!parts.acyclic() || registers.offences().any(Anomaly::internal)) continue;
    const std::vector<Node> order(parts.order().rbegin(), parts.order().rend());
    constexpr std::uint64_t bytes_max = 1 << 20;
    Constraints by_clocks(bytes_max), by_walks(bytes_max);
    Clocks(registers, order, WrittenKeys(registers), meter).constrain(meter, by_clocks);
    constrain_by_walks(registers, true, order, meter, by_walks);
    const bool is_right = is_consistent(registers, by_clocks, meter);
    ++(is_right ? consistent : inconsistent);
    CHECK_MESSAGE(is_right == is_consistent(registers, by_walks, meter),
                  oracle::txn::to_text(small));
  }
  CHECK(consistent > count / 5);
  CHECK(inconsistent > count / 50);
  MESSAGE(consistent << " consistent, " << inconsistent << " not");
}

}  // namespace
}  // namespace faultline::transactional
