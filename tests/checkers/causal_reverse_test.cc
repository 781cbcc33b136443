// Causal reverse: what is found, what is not one, and Jepsen's definition written down once more.
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/checkers/sightings_script.h"

namespace faultline {
namespace causal_reverse_test {
namespace {

using Micro = SightingMicro<&make_causal_reverse>;
Micro write(int key, int value = 1) { return {key, true, value}; }
Micro read(int key, std::optional<int> value = {}) { return {key, false, value}; }

std::unique_ptr<Checker> checker() {
  ConfigNode mapping;
  Params params(mapping, "check");
  auto made = make_causal_reverse(params);
  REQUIRE(made);
  return std::move(*made);
}
using Script = TransactionScript<Micro>;
std::string judged(Script script) { return what_of(checker()->check(script.history(), {})); }

TEST_CASE("causal-reverse: the second write without the first is told") {
  const Verdict v = checker()->check(
      Script().both(0, {write(1)}).both(1, {write(2)}).both(2, {read(1), read(2, 1)}).history(),
      {});
  CHECK(what_of(v) == "causal-reverse");
  CHECK(v.summary ==
        "process 2 (index 4) saw key 2 written and not key 1, whose write had been "
        "acknowledged before the other one began");
  CHECK(v.witness == std::vector<OperationId>{0, 1, 2});
  CHECK(std::ranges::find(v.also_refuted, "strict-serializable") != v.also_refuted.end());
  CHECK(std::ranges::find(v.not_refuted, "serializable") == v.not_refuted.end());
  CHECK(std::ranges::find(v.not_refuted, "strong-session-serializable") != v.not_refuted.end());
}

TEST_CASE("causal-reverse: what may be seen") {
  // The first without the second; a stale read; writes that overlap; an info; a fail.
  CHECK(judged(Script().both(0, {write(1)}).both(1, {write(2)}).both(2, {read(1, 1), read(2)})) ==
        "valid");
  Script together;
  together.together({write(1)}, {write(2)});
  CHECK(judged(together.both(2, {read(1), read(2, 1)})) == "valid");
  for (const Fate fate : {Fate::info, Fate::fail})
    CHECK(judged(Script()
                     .both(0, {write(1)}, fate)
                     .both(1, {write(2)})
                     .both(2, {read(1), read(2, 1)})) == "valid");
  // An info that is seen had begun after the other one was acknowledged.
  CHECK(judged(Script()
                   .both(0, {write(1)})
                   .both(1, {write(2)}, Fate::info)
                   .both(2, {read(1), read(2, 1)})) == "causal-reverse");
  // What was not read is not missed.
  CHECK(judged(Script().both(0, {write(1)}).both(1, {write(2)}).both(2, {read(3), read(2, 1)})) ==
        "valid");
}

TEST_CASE("causal-reverse: of many, the first that is missed and the last that is seen count") {
  Script script;
  for (int key = 0; key < 5; ++key) script.both(0, {write(key)});
  CHECK(judged(script.both(1, {read(3, 1), read(0, 1), read(4, 1), read(1), read(2, 1)})) ==
        "causal-reverse");
}

TEST_CASE("causal-reverse: nothing observed, and what it cannot judge") {
  CHECK(judged(Script().both(0, {write(1)})) == "unknown vacuous");
  CHECK(judged(Script().both(0, {write(1)}).both(1, {read(1), read(2)})) == "unknown vacuous");
  CHECK(judged(Script().both(0, {write(1)}).both(1, {read(1, 1)})) == "unknown vacuous");
  CHECK(judged(Script().both(0, {write(1)}).both(0, {write(1, 2)})) == "unknown unsupported");
  CHECK(judged(Script().both(0, {write(1)}).both(1, {read(1, 2), read(2)})) == "garbage-read");
  CHECK(judged(Script().both(0, {write(1)}, Fate::fail).both(1, {read(1, 1), read(2)})) == "G1a");
}

TEST_CASE("causal-reverse: the budget ends, and it says so") {
  Script script;
  script.both(0, {write(1)});
  for (int i = 0; i < 3000; ++i) script.both(2, {read(1, 1), read(2)});
  const History history = script.history();
  Budget steps;
  steps.steps_max = 5000;
  CHECK(what_of(checker()->check(history, steps)) == "unknown steps");
  Budget memory;
  memory.bytes_max = 1000;
  CHECK(what_of(checker()->check(history, memory)) == "unknown memory");
  CHECK(what_of(checker()->check(history, {})) == "valid");
}

TEST_CASE("causal-reverse: Jepsen's definition, and every order that real time allows") {
  Rng rng(13);
  int reversed = 0, strict = 0;
  const auto mine = checker();
  using Item = RandomSightings::Item;
  for (int round = 0; round < 4000; ++round) {
    const RandomSightings each = random_sightings(rng);
    // Of each write that a read saw: those that were acknowledged before it was invoked.
    bool is_reversed = false;
    for (const Item& read : each.items)
      for (const Item& seen : each.items)
        for (const Item& expected : each.items)
          is_reversed |= read.is_read && !seen.is_read && !expected.is_read &&
                         read.seen[seen.key] && !read.seen[expected.key] &&
                         expected.end < seen.begin;
    const Verdict verdict = mine->check(each.history, {});
    CAPTURE(verdict.explanation);
    CHECK((verdict.validity == Validity::invalid) == is_reversed);
    const bool is_strict =
        has_order(each, [](const Item& a, const Item& b) { return a.end < b.begin; });
    if (is_reversed) CHECK_FALSE(is_strict);
    reversed += is_reversed;
    strict += is_strict;
  }
  CHECK(reversed > 200);
  CHECK(strict > 200);
}

}  // namespace
}  // namespace causal_reverse_test
}  // namespace faultline
