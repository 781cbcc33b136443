// Histories of small databases of each level: their level is never refuted, and the next one above
// is, often enough.
#include "tests/oracle/txn_simulate.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "tests/oracle/judges.h"

namespace faultline::oracle::txn {
namespace {

using Make = Result<std::unique_ptr<Checker>> (*)(Params&);

std::unique_ptr<Checker> checker_for(Make make, std::string_view model) {
  ConfigNode mapping;
  mapping.members.push_back({"model", {}, ConfigNode::of(std::string(model))});
  Params params(mapping, "check");
  auto made = make(params);
  REQUIRE(made);
  return *std::move(made);
}

/// Of a hundred.
long share(long part, long whole) { return whole == 0 ? 0 : 100 * part / whole; }

void simulate(Make make, bool registers) {
  for (const LevelModel& level : all_levels) {
    CAPTURE(level.model);
    const auto promised = checker_for(make, level.model);
    const auto checker = checker_for(make, level.next.empty() ? level.model : level.next);
    const long count = iterations(2000);
    long valid = 0, refuted = 0;
    for (long i = 0; i < count; ++i) {
      const Rng rng = Rng(8711).fork(level.model, static_cast<std::uint64_t>(i));
      const int transactions = i % 2 == 0 ? 12 : 40;
      const Transactions made = Simulation(level.level, rng, {transactions, 5, 3}).run();
      const History history = Speller({.registers = registers}).history(made);
      const Verdict verdict = promised->check(history, {});
      if (verdict.validity == Validity::invalid) {
        FAIL_CHECK(level.model << " is kept, and yet: " << verdict.summary << "\n"
                               << verdict.explanation);
        break;
      }
      valid += verdict.validity == Validity::valid;
      refuted += !level.next.empty() && checker->check(history, {}).validity == Validity::invalid;
    }
    MESSAGE(level.model << ": proven " << share(valid, count) << " %, "
                        << (level.next.empty() ? "and nothing is above it"
                                               : std::string(level.next) + " refuted " +
                                                     std::to_string(share(refuted, count)) + " %"));
    // Where what was aborted is read, lists may have no order.
    if (!registers)
      CHECK(share(valid, count) >= (level.level == Level::read_uncommitted ? 50 : 99));
    if (!level.next.empty()) CHECK(refuted > count / 50);
  }
}

TEST_CASE("oracle: list-append never refutes the level of the database that made the history") {
  simulate(&make_list_append, false);
}
TEST_CASE("oracle: rw-register never refutes the level of the database that made the history") {
  simulate(&make_rw_register, true);
}

}  // namespace
}  // namespace faultline::oracle::txn
