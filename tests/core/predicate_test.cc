#include "harness/core/predicate.h"

#include <doctest/doctest.h>

#include "harness/core/stepwise.h"

namespace faultline {
namespace predicate_test {
namespace {

TEST_CASE("predicate: what it matches, and how it is written") {
  const auto predicate = [](Value kind, Value number = {}) {
    return predicate_of(List{"t/", std::move(kind), std::move(number)});
  };
  REQUIRE(predicate("any"));
  CHECK(predicate("any")->matches("t/x", 5));
  CHECK_FALSE(predicate("any")->matches("tx", 5));
  CHECK(predicate("equal", 5)->matches("t/x", 5));
  CHECK_FALSE(predicate("equal", 5)->matches("t/x", 6));
  CHECK(predicate("multiple-of", 3)->matches("t/", -6));
  CHECK_FALSE(predicate("multiple-of", 3)->matches("t/", 7));
  CHECK_FALSE(predicate("multiple-of", 3)->matches("u/", 6));
  for (const auto& each : {predicate("any"), predicate("equal", -1), predicate("multiple-of", 3)})
    CHECK(predicate_of(each->value()) == each);
  CHECK_FALSE(predicate("any", 1));
  CHECK_FALSE(predicate("equal"));
  CHECK_FALSE(predicate("less", 1));
  CHECK_FALSE(predicate(7, 1));
  CHECK_FALSE(predicate("multiple-of", 0));
  CHECK_FALSE(predicate("multiple-of", -1));
  CHECK_FALSE(predicate_of(List{"", "any", {}}));
  CHECK_FALSE(predicate_of(List{"t/", "any"}));
  CHECK_FALSE(predicate_of(7));
}

TEST_CASE("predicate: accesses, and which of them change nothing") {
  const Value any = List{"t/", "any", {}};
  const Value find = List{"r-where", any, {}}, erase = List{"delete-where", any, {}};
  CHECK(asks_by_predicate(List{Value(List{"r", "k", {}}), find}));
  CHECK_FALSE(asks_by_predicate(List{Value(List{"r", "k", {}}), Value(List{"w", "k", 1})}));
  CHECK_FALSE(asks_by_predicate(Map{}));
  CHECK_FALSE(predicate_access_of(find)->deletes);
  CHECK(predicate_access_of(erase)->deletes);
  CHECK_FALSE(predicate_access_of(List{"w-where", any, {}}));
  CHECK_FALSE(predicate_access_of(List{"r-where", "t/", {}}));
  const Value read = List{"r", "t/x", {}}, write = List{"w", "t/x", 1};
  CHECK(changes_nothing(List{read, find}));
  CHECK_FALSE(changes_nothing(List{read, write}));
  CHECK_FALSE(changes_nothing(List{read, erase}));
  CHECK_FALSE(changes_nothing(List{read, Value(7)}));
  CHECK_FALSE(changes_nothing(Value()));
}

TEST_CASE("script: what each transaction asks, in its own order") {
  const Value read = List{"r", "x", {}}, write = List{"w", "x", 1};
  const Script script{"s",
                      {{1, {Step::Kind::access, read}},
                       {0, {Step::Kind::access, write}},
                       {1, {Step::Kind::access, write}},
                       {1, {Step::Kind::commit, {}}}}};
  const auto transactions = transactions_of(script);
  REQUIRE(transactions.size() == 2);
  REQUIRE(transactions[0].size() == 1);
  CHECK(transactions[0][0] == write);
  CHECK(Value(transactions[1]) == Value(List{read, write}));
}

}  // namespace
}  // namespace predicate_test
}  // namespace faultline
