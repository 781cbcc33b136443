#include "harness/core/bank.h"

#include <doctest/doctest.h>

namespace faultline {
namespace bank_values {
namespace {

TEST_CASE("bank: a transfer is read back as it was said") {
  for (const Transfer& transfer :
       {Transfer{"a0", "a1", 3, 10, false}, Transfer{"x", "y", 0, 0, true}}) {
    const auto back = transfer_of(value_of(transfer));
    REQUIRE(back);
    CHECK(back->from == transfer.from);
    CHECK(back->to == transfer.to);
    CHECK(back->amount == transfer.amount);
    CHECK(back->opening == transfer.opening);
    CHECK(back->overdraft == transfer.overdraft);
  }
}

TEST_CASE("bank: what is no transfer") {
  const std::vector<Value> values{
      Value(),
      Value(List{"a0", "a1", 3}),
      Value(Map{{"from", "a0"}, {"to", "a1"}}),
      Value(Map{{"from", "a0"}, {"amount", 1}}),
      Value(Map{{"to", "a0"}, {"amount", 1}}),
      Value(Map{{"from", "a0"}, {"to", "a0"}, {"amount", 1}}),
      Value(Map{{"from", "a0"}, {"to", "a1"}, {"amount", -1}}),
      Value(Map{{"from", "a0"}, {"to", "a1"}, {"amount", 1.5}}),
      Value(Map{{"from", "a0"}, {"to", "a1"}, {"amount", amount_max + 1}}),
      Value(Map{{"from", 0}, {"to", "a1"}, {"amount", 1}}),
      Value(Map{{"from", "a0"}, {"to", "a1"}, {"amount", 1}, {"opening", "10"}}),
      Value(Map{{"from", "a0"}, {"to", "a1"}, {"amount", 1}, {"fee", 1}}),
      Value(Map{{"from", "a0"}, {"to", "a1"}, {"amount", 1}, {"overdraft", 1}}),
  };
  for (const Value& value : values) {
    CAPTURE(to_text(value));
    CHECK_FALSE(transfer_of(value));
  }
}

TEST_CASE("bank: an amount moves whole, or not at all") {
  using Balances = std::optional<std::pair<std::int64_t, std::int64_t>>;
  CHECK(moved({"a", "b", 3, 0, false}, 3, 5) == Balances({0, 8}));
  CHECK(moved({"a", "b", 3, 0, false}, 2, 5) == Balances());
  CHECK(moved({"a", "b", 3, 0, true}, 2, 5) == Balances({-1, 8}));
}

TEST_CASE("bank: accounts and what they hold") {
  const auto accounts = accounts_of(Value(Map{{"a0", 10}, {"a1", 7}}));
  REQUIRE(accounts);
  REQUIRE(accounts->size() == 2);
  CHECK((*accounts)[1].name == "a1");
  CHECK((*accounts)[1].opening == 7);
  CHECK_FALSE(accounts_of(Value()));
  CHECK_FALSE(accounts_of(Value(Map{})));
  CHECK_FALSE(accounts_of(Value(Map{{"a0", "10"}})));
  CHECK_FALSE(accounts_of(Value(Map{{"", 10}})));
  CHECK(balance_of(Value(), 10) == 10);
  CHECK(balance_of(Value(3), 10) == 3);
  CHECK_FALSE(balance_of(Value("3"), 10));
  CHECK_FALSE(balance_of(Value(List{3}), 10));
}

}  // namespace
}  // namespace bank_values
}  // namespace faultline
