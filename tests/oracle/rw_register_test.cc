// The rw-register checker against brute force: random histories, and all of the smallest.
#include <array>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "tests/oracle/judges.h"
#include "tests/oracle/registers_oracle.h"
#include "tests/oracle/txn_compare.h"

namespace faultline::oracle::registers {
namespace {

struct RegisterJudge {
  using Model = registers::Model;
  static constexpr bool is_registers = true;
  static constexpr auto& models = registers::models;
  static constexpr auto make = &make_rw_register;

  bool allows(const Transactions& history, const Model& model) {
    return oracle.allows(history, model);
  }
  bool is_sane(const Transactions& history) { return sane(history); }

  Oracle oracle;
};

/// Whether the engine always knows: up to causal consistency, and from snapshot isolation on.
bool is_exact(const Model& model) {
  return (model.kind < Kind::consistent && model.kind != Kind::monotonic) ||
         model.kind >= Kind::snapshot;
}

TEST_CASE("oracle: rw-register on random histories of up to six transactions, every model") {
  for (const Model& model : models) {
    CAPTURE(model.name);
    txn::Comparison<RegisterJudge> comparison(model);
    txn::Histories histories(Rng(3041).fork(model.name));
    const long count = iterations(10'000);
    for (long i = 0; i < count; ++i) {
      const Transactions history = histories.next();
      comparison.compare(history, histories.spelling());
    }
    CHECK(comparison.wrong == 0);
    CHECK(comparison.allowed > count / 5);
    CHECK(comparison.forbidden > 0);
    MESSAGE(comparison.summary());
    // These need the order of versions, and nothing looks for one that is good for them.
    if (model.kind == Kind::monotonic || model.kind == Kind::cursor) continue;
    // Of what there was to judge.
    CHECK(comparison.unproven <= (is_exact(model) ? 0 : comparison.allowed / 50));
    CHECK(comparison.undetected <= (is_exact(model) ? 0 : comparison.forbidden / 20));
  }
}

/// Nil, and everything that was written to the key.
std::vector<txn::Elements> values_for(const Transactions& history, const Micro& read) {
  std::vector<txn::Elements> values = {{}};
  for (const Transaction& t : history)
    for (const int e : txn::appended(t, read.key)) values.push_back({e});
  return values;
}

TEST_CASE("oracle: rw-register on all small histories of three transactions, every model") {
  constexpr std::array<std::string_view, 8> shapes = {"X", "x", "XY", "xy", "xY", "Xy", "Xx", "xX"};
  for (const Model& model : models) {
    CAPTURE(model.name);
    txn::Comparison<RegisterJudge> comparison(model);
    txn::all_of_three(shapes, values_for,
                      [&](const Transactions& history) { comparison.compare(history); });
    CHECK(comparison.wrong == 0);
    CHECK(comparison.allowed > 1000);
    if (model.kind != Kind::uncommitted) CHECK(comparison.forbidden > 1000);
    if (is_exact(model)) CHECK(comparison.unproven + comparison.undetected == 0);
    MESSAGE(comparison.summary());
  }
}

}  // namespace
}  // namespace faultline::oracle::registers
