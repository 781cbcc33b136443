#include "harness/core/transaction.h"

#include <doctest/doctest.h>

#include "harness/core/client.h"

namespace faultline {
namespace transaction_test {
namespace {

const Value reads = List{List{"r", "x", Value()}, List{"r", 7, Value()}};
const Value mixed = List{List{"r", "x", Value()}, List{"append", "y", 3}, List{"w", 7, "a"}};

TEST_CASE("transaction: accesses are told apart") {
  const auto accesses = accesses_of(mixed);
  REQUIRE(accesses);
  REQUIRE(accesses->size() == 3);
  CHECK((*accesses)[0].kind == Access::Kind::read);
  CHECK((*accesses)[1].kind == Access::Kind::append);
  CHECK(*(*accesses)[1].value == Value(3));
  CHECK((*accesses)[2].kind == Access::Kind::write);
  CHECK(key_name(*(*accesses)[0].key) == "x");
  CHECK(key_name(*(*accesses)[2].key) == "7");
  CHECK(accesses_of(List{})->empty());
}

TEST_CASE("transaction: what is none") {
  for (const Value& value :
       {Value(), Value(7), Value("r"), Value(List{7}), Value(List{Value(List{})}),
        Value(List{Value(List{"r", "x"})}), Value(List{Value(List{"r", "x", 1, 2})}),
        Value(List{Value(List{7, "x", 1})}), Value(List{Value(List{"read", "x", 1})}),
        Value(List{List{"r", "x", 1}, 7})}) {
    CAPTURE(to_text(value));
    CHECK_FALSE(accesses_of(value));
    CHECK_FALSE(only_reads(value));
  }
}

TEST_CASE("transaction: one of reads has no effect, so that losing its answer is no doubt") {
  CHECK(only_reads(reads));
  CHECK_FALSE(only_reads(mixed));
  CHECK(Outcome::lost({Function::txn, {}, reads, false}, "timeout").fate() == Fate::fail);
  CHECK(Outcome::lost({Function::txn, {}, mixed, false}, "timeout").fate() == Fate::info);
  CHECK(Outcome::lost({Function::txn, {}, 7, false}, "timeout").fate() == Fate::info);
  CHECK(Outcome::lost({Function::write, "k", reads, false}, "timeout").fate() == Fate::info);
}

}  // namespace
}  // namespace transaction_test
}  // namespace faultline
