// Long forks: what is found, what is not one, and that the sorted chains find exactly the histories
// of which no order of all operations explains every read.
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/checkers/sightings_script.h"

namespace faultline {
namespace long_fork_test {
namespace {

using Micro = SightingMicro<&make_long_fork>;
Micro write(int key, int value = 1) { return {key, true, value}; }
Micro read(int key, std::optional<int> value = {}) { return {key, false, value}; }

std::unique_ptr<Checker> checker(const char* sessions = "false") {
  ConfigNode mapping;
  mapping.members.push_back({"sessions", {}, ConfigNode::of(sessions)});
  Params params(mapping, "check");
  auto made = make_long_fork(params);
  REQUIRE(made);
  return std::move(*made);
}

using Script = TransactionScript<Micro>;
std::string judged(Script script, const char* sessions = "false") {
  return what_of(checker(sessions)->check(script.history(), {}));
}
/// Two writes that overlap, and whatever comes then.
Script two_writes() {
  Script script;
  script.begin(0, {write(1)}).begin(1, {write(2)}).end(0, {write(1)}).end(1, {write(2)});
  return script;
}

TEST_CASE("long-fork: a fork is told") {
  Script script = two_writes();
  script.both(2, {read(1, 1), read(2)}).both(3, {read(2, 1), read(1)});
  const Verdict v = checker()->check(script.history(), {});
  CHECK(what_of(v) == "long-fork");
  CHECK(v.summary ==
        "process 2 (index 4) saw key 1 written and not key 2, and process 3 (index 6) "
        "the other way round");
  CHECK(v.witness == std::vector<OperationId>{0, 1, 2, 3});
  CHECK(std::ranges::find(v.refuted, "snapshot-isolation") != v.refuted.end());
  CHECK(std::ranges::find(v.refuted, "parallel-snapshot-isolation") == v.refuted.end());
  CHECK(v.explanation.find("long-fork: process 2") != std::string::npos);
}

TEST_CASE("long-fork: reads that can stand one after the other") {
  CHECK(judged(two_writes()
                   .both(2, {read(1, 1), read(2)})
                   .both(3, {read(2), read(1, 1)})
                   .both(3, {read(2), read(1)})
                   .both(3, {read(1, 1), read(2, 1)})) == "valid");
  // It takes two, and of one group.
  CHECK(judged(two_writes().both(2, {read(1, 1), read(2)})) == "unknown vacuous");
  CHECK(judged(two_writes().both(2, {read(1, 1), read(2)}).both(3, {read(1), read(2)})) ==
        "unknown vacuous");
  CHECK(judged(two_writes().both(2, {read(1, 1)}).both(3, {read(2, 1)})) == "unknown vacuous");
  CHECK(judged(two_writes()
                   .both(0, {write(3)})
                   .both(2, {read(1, 1), read(2)})
                   .both(3, {read(3, 1), read(4)})) == "unknown vacuous");
}

TEST_CASE("long-fork: the pair may be far apart in the order of sizes") {
  Script script;
  for (int key = 0; key < 4; ++key) script.both(0, {write(key)});
  script.both(1, {read(0, 1), read(1), read(2), read(3)});
  script.both(1, {read(0), read(1, 1), read(2, 1), read(3, 1)});
  CHECK(judged(script) == "long-fork");
}

TEST_CASE("long-fork: what is no such history is unknown") {
  const auto both_read = [](Script script) {
    return judged(script.both(2, {read(1, 1), read(2)}).both(3, {read(1, 1), read(2)}));
  };
  CHECK(both_read(two_writes()) == "valid");
  CHECK(both_read(two_writes().both(4, {write(1, 2)})) == "unknown unsupported");
  CHECK(both_read(two_writes().both(4, {write(1, 2)}, Fate::fail)) == "unknown unsupported");
  CHECK(both_read(two_writes().both(4, {read(1, 1), write(3)})) == "unknown unsupported");
  CHECK(both_read(two_writes().both(4, {write(3), write(4)})) == "unknown unsupported");
  CHECK(both_read(two_writes().both(4, {read(1, 1), read(1, 1)})) == "unknown unsupported");
  CHECK(both_read(two_writes().both(4, {read(1, 1), read(3)})) == "unknown unsupported");
  std::vector<Micro> many;
  for (int key = 10; key < 75; ++key) many.push_back(read(key));
  CHECK(both_read(two_writes().both(4, many)) == "unknown unsupported");
  many.pop_back();
  CHECK(both_read(two_writes().both(4, many)) == "valid");
  // A fork stays one, though other groups overlap.
  CHECK(judged(two_writes()
                   .both(4, {read(1, 1), read(3)})
                   .both(2, {read(1, 1), read(2)})
                   .both(3, {read(1), read(2, 1)})) == "long-fork");
}

TEST_CASE("long-fork: what nobody wrote, or what failed, is no pass") {
  CHECK(judged(Script()
                   .both(0, {write(1)})
                   .both(1, {read(1, 2), read(2)})
                   .both(1, {read(1, 1), read(2)})) == "garbage-read");
  CHECK(judged(Script().both(1, {read(1), read(2, 1)}).both(1, {read(1), read(2, 1)})) ==
        "garbage-read");
  CHECK(judged(Script()
                   .both(0, {write(1)}, Fate::fail)
                   .both(1, {read(1, 1), read(2)})
                   .both(1, {read(1, 1), read(2)})) == "G1a");
  CHECK(judged(Script()
                   .both(0, {write(1)}, Fate::info)
                   .both(1, {read(1, 1), read(2)})
                   .both(2, {read(1, 1), read(2)})) == "valid");
}

TEST_CASE("long-fork: with sessions, a prefix is closed under what processes have met") {
  // The question, then the answer: who sees the answer alone saw no prefix.
  const auto answer = [] {
    return Script()
        .both(0, {write(1)})
        .both(1, {read(1, 1), read(2)})
        .both(1, {write(2)})
        .both(2, {read(1), read(2, 1)});
  };
  CHECK(judged(answer(), "true") == "long-fork torn-prefix");
  const auto alone = [](bool answers) {
    Script script;
    script.begin(0, {write(1)}).begin(2, {write(3)});
    script.both(1, {read(1), read(2), read(3)});
    script.end(0, {write(1)}).end(2, {write(3)});
    if (answers) script.both(0, {write(2)});
    if (!answers) script.both(5, {write(2)});
    script.both(3, {read(1), read(2, 1), read(3)}).both(4, {read(1), read(2, 1), read(3, 1)});
    return script;
  };
  CHECK(judged(alone(true)) == "valid");
  CHECK(judged(alone(true), "true") == "torn-prefix");
  CHECK(judged(alone(false), "true") == "valid");
  const Verdict v = checker("true")->check(alone(true).history(), {});
  CHECK(v.summary ==
        "torn-prefix: process 3 (index 8) missed key 1 and saw key 2, whose writer had met the "
        "other one before (and 1 more)");
  CHECK(v.witness == std::vector<OperationId>{0, 3, 4});
  CHECK(std::ranges::find(v.not_refuted, "serializable") != v.not_refuted.end());
}

TEST_CASE("long-fork: with sessions, a process goes forwards and sees what it wrote") {
  const auto back = [](std::uint32_t second) {
    return two_writes()
        .both(2, {read(1, 1), read(2, 1)})
        .both(second, {read(1, 1), read(2)})
        .both(4, {read(1, 1), read(2)});
  };
  CHECK(judged(back(2)) == "valid");
  CHECK(judged(back(3), "true") == "valid");
  CHECK(judged(back(2), "true") == "torn-prefix");
  CHECK(judged(two_writes().both(1, {read(1, 1), read(2)}).both(2, {read(1, 1), read(2)}),
               "true") == "torn-prefix");
  CHECK(judged(two_writes().both(0, {read(1, 1), read(2)}).both(2, {read(1, 1), read(2)}),
               "true") == "valid");
}

TEST_CASE("long-fork: the budget ends, and it says so") {
  Script script = two_writes();
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

TEST_CASE("long-fork: every order of small histories agrees") {
  Rng rng(11);
  int forks = 0, torn = 0, fine = 0;
  const auto plain = checker(), sessions = checker("true");
  for (int round = 0; round < 4000; ++round) {
    const RandomSightings each = random_sightings(rng);
    using Item = RandomSightings::Item;
    const bool any = has_order(each, [](const Item&, const Item&) { return false; });
    const bool by_process = has_order(each, [](const Item& a, const Item& b) {
      return a.process == b.process && a.end < b.begin;
    });
    const Verdict one = plain->check(each.history, {}), other = sessions->check(each.history, {});
    CAPTURE(one.explanation);
    CAPTURE(other.explanation);
    CHECK((one.validity == Validity::invalid) == !any);
    // One group holds all keys, so that no circle is missed.
    CHECK((other.validity == Validity::invalid) == !by_process);
    forks += !any;
    torn += any && !by_process;
    fine += by_process;
  }
  CHECK(forks > 200);
  CHECK(torn > 200);
  CHECK(fine > 200);
}

TEST_CASE("long-fork: rw-register agrees on small histories") {
  Rng rng(12);
  ConfigNode mapping;
  mapping.members.push_back({"model", {}, ConfigNode::of("serializable")});
  Params params(mapping, "check");
  const auto registers = make_rw_register(params);
  REQUIRE(registers);
  const auto plain = checker();
  for (int round = 0; round < 300; ++round) {
    const RandomSightings each = random_sightings(rng);
    const Verdict one = plain->check(each.history, {});
    const Verdict other = (*registers)->check(each.history, {});
    CHECK((one.validity == Validity::invalid) == (other.validity == Validity::invalid));
  }
}

}  // namespace
}  // namespace long_fork_test
}  // namespace faultline
