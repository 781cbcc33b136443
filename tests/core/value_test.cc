#include "harness/core/value.h"

#include <limits>
#include <set>

#include <doctest/doctest.h>

namespace faultline {
namespace {

std::vector<Value> one_of_each() {
  return {{},
          false,
          true,
          0,
          1,
          -1,
          (std::int64_t{1} << 60) - 1,
          std::int64_t{1} << 60,
          -(std::int64_t{1} << 60),
          -(std::int64_t{1} << 60) - 1,
          std::numeric_limits<std::int64_t>::max(),
          std::numeric_limits<std::int64_t>::min(),
          0.1,
          1.0,
          1.0000000000000002,
          1e300,
          5e-324,
          -2.5,
          "",
          "1",
          "nil",
          std::string("a\0b", 3),
          List{},
          List{1, 2},
          List{2, 1},
          List{List{1}, 2},
          Map{},
          Map{{"a", 1}},
          Map{{"a", 1}, {"b", 2}},
          Map{{"a", 2}, {"b", 1}},
          Map{{"a", List{1}}}};
}

TEST_CASE("value: what goes into a pool comes out of it") {
  ValuePool pool;
  for (const Value& value : one_of_each()) {
    const ValueHandle handle = pool.add(value);
    CHECK_MESSAGE(pool.value(handle) == value, to_text(value));
    CHECK(handle.is_nil() == value.is_nil());
  }
}

TEST_CASE("value: handles are equal exactly where values are") {
  ValuePool pool;
  const auto values = one_of_each();
  for (std::size_t i = 0; i < values.size(); ++i)
    for (std::size_t j = 0; j < values.size(); ++j) {
      const ValueHandle a = pool.add(values[i]), b = pool.add(values[j]);
      CHECK_MESSAGE(pool.equal(a, b) == (i == j), to_text(values[i]), " and ", to_text(values[j]));
      if (!a.is_compound()) CHECK((a == b) == (i == j));
      if (i == j) CHECK(pool.hash(a) == pool.hash(b));
    }
}

TEST_CASE("value: maps are equal whatever the order of their keys") {
  const Value one = Map{{"a", 1}, {"b", Map{{"c", 2}, {"d", 3}}}};
  const Value two = Map{{"b", Map{{"d", 3}, {"c", 2}}}, {"a", 1}};
  CHECK(one == two);
  ValuePool pool, other;
  const ValueHandle first = pool.add(one), second = pool.add(two);
  CHECK(pool.equal(first, second));
  CHECK(pool.hash(first) == pool.hash(second));
  other.add(two);
  CHECK(other.equal(other.import(pool, first), other.add(two)));
}

TEST_CASE("value: a real has one spelling") {
  CHECK(real_spelling(1.0) == "1.0");
  CHECK(real_spelling(-0.0) == "0.0");
  CHECK(real_spelling(0.1) == "0.1");
  CHECK(real_spelling(1e300) == "1e+300");
  ValuePool pool;
  CHECK(pool.add(0.0) == pool.add(-0.0));
}

TEST_CASE("value: small integers live in the handle, with their sign") {
  ValuePool pool;
  CHECK(pool.integer(-7).is_small_integer());
  CHECK(pool.integer(-7).small_integer() == -7);
  CHECK(pool.integer(std::int64_t{1} << 60).kind() == ValueHandle::Kind::big_integer);
  CHECK(pool.as_integer(pool.integer(std::numeric_limits<std::int64_t>::min())) ==
        std::numeric_limits<std::int64_t>::min());
}

TEST_CASE("value: a pool imports from another") {
  ValuePool from, to;
  to.text("something else first, so that handles differ");
  to.integer(std::int64_t{1} << 61);
  for (const Value& value : one_of_each())
    CHECK(to.value(to.import(from, from.add(value))) == value);
}

TEST_CASE("value: a pool imports lists of lists in one go, or not at all") {
  ValuePool from, to;
  from.text("first");  // so that texts have other handles there
  from.list(std::vector{from.integer(1)});
  for (int round = 0; round < 2; ++round) {  // up to where there is more, and down
    const std::size_t first = from.compound_words();
    const ValueHandle inner = from.list(std::vector{from.text("r"), from.integer(-7), {}});
    const ValueHandle empty = from.list({});
    const ValueHandle root = from.list(std::vector{inner, from.boolean(true), empty});
    CHECK(from.compound_words() == first + 9);
    const std::size_t words = to.compound_words();
    CHECK(to.import_lists(from, first, root, [](ValueHandle&) { return false; }).is_nil());
    CHECK(to.compound_words() == words);
    const ValueHandle copy = to.import_lists(from, first, root, [&](ValueHandle& leaf) {
      leaf = to.text(from.as_text(leaf));
      return true;
    });
    CHECK(to.compound_words() == words + 9);
    CHECK(to.equal(copy, to.import(from, root)));
    CHECK(to.to_text(copy) == "[[\"r\", -7, nil], true, []]");
    for (int i = 0; i < 100; ++i) to.list(std::vector{to.integer(i)});
  }
}

TEST_CASE("value: text for messages") {
  CHECK(to_text(Value(List{1, {}, "a\"b", Map{{"k", true}}})) ==
        R"([1, nil, "a\"b", {"k": true}])");
  CHECK(to_text(Value(1.5)) == "1.5");
  std::set<std::string> texts;
  for (const Value& value : one_of_each()) texts.insert(to_text(value));
  CHECK(texts.size() == one_of_each().size());
  ValuePool pool;
  for (const Value& value : one_of_each()) CHECK(pool.to_text(pool.add(value)) == to_text(value));
  CHECK(pool.to_text(pool.real("18446744073709551617")) == "18446744073709551617");
}

}  // namespace
}  // namespace faultline
