// Levels between read committed and snapshot isolation, of lists: what refutes each, and how it is
// told. Against brute force: tests/oracle/list_levels_test.cc.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/checkers/list_micro.h"

namespace faultline::list_levels {
namespace {

using list_scripts::append;
using list_scripts::Micro;
using list_scripts::read;
using list_scripts::Script;

void holds(Script script, const char* model) {
  const Verdict v = script.check(model);
  CAPTURE(model);
  CAPTURE(v.summary);
  CHECK(v.validity == Validity::valid);
}

Verdict fails(Script script, const char* model, const char* anomaly) {
  Verdict v = script.check(model);
  CAPTURE(model);
  CAPTURE(v.summary);
  CHECK(v.validity == Validity::invalid);
  CHECK(std::ranges::count(v.anomalies, anomaly, &std::pair<std::string, std::uint64_t>::first) ==
        1);
  return v;
}

bool contains_in(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

/// Somebody appends to keys 1 and 2; somebody else reads them.
Script torn(const std::vector<Micro>& reads) {
  Script script;
  script.both(0, {append(1, 1), append(2, 2)}).both(1, reads).both(2, {read(1, {1}), read(2, {2})});
  return script;
}

TEST_CASE("list levels: what is seen of a transaction first decides") {
  const std::vector<Micro> backwards = {read(1, {1}), read(2, {})},
                           forwards = {read(2, {}), read(1, {1})};
  const Verdict v = fails(torn(backwards), "monotonic-atomic-view", "OTV");
  CHECK(contains_in(v.explanation, "read key 2 as [], without T1's 2"));
  CHECK(contains_in(v.explanation, "read key 1 up to T1's 1"));
  CHECK(v.witness.size() == 2);
  holds(torn(forwards), "monotonic-atomic-view");
  (void)fails(torn(forwards), "read-atomic", "fractured-read");
  holds(torn(backwards), "cursor-stability");
}

/// The second reads of the first, the third of the second, and misses the first.
Script chain(std::uint32_t first_process, std::uint32_t third_process) {
  Script script;
  script.both(first_process, {append(1, 1)})
      .both(5, {read(1, {1}), append(2, 2)})
      .both(third_process, {read(2, {2}), read(1, {})})
      .both(6, {read(1, {1})});
  return script;
}

TEST_CASE("list levels: what is seen includes what it depends on") {
  holds(chain(1, 2), "read-atomic");
  const Verdict v = fails(chain(1, 2), "causal-cerone", "causality-violation");
  CHECK(contains_in(v.explanation, "read key 1 as [], without T1's 1"));
  CHECK(v.witness.size() == 3);
  (void)fails(chain(1, 2), "causal", "WriteCORead");
}

TEST_CASE("list levels: what a process did is known to it, where sessions count") {
  Script script;
  script.both(1, {append(1, 1)}).both(1, {read(1, {}), read(2, {})}).both(2, {read(1, {1})});
  holds(script, "causal-cerone");
  holds(script, "prefix");
  const Verdict v = fails(script, "strong-session-causal", "causality-violation-process");
  CHECK(contains_in(v.explanation, "process"));
}

TEST_CASE("list levels: read atomic with sessions knows what a process did, and no more") {
  const auto make = [](std::uint32_t reader) {
    Script script;
    script.both(1, {append(1, 1)}).both(1, {append(2, 1)}).both(reader, {read(1, {})});
    script.both(3, {read(1, {1}), read(2, {1})});
    return script;
  };
  holds(make(1), "read-atomic");
  holds(make(2), "strong-session-read-atomic");
  const Verdict v = fails(make(1), "strong-session-read-atomic", "fractured-read-process");
  CHECK(v.anomalies.size() == 1);
  CHECK(contains_in(v.explanation, "read key 1 as [], without T1's 1"));
  CHECK(contains_in(v.explanation, "process"));
  // What a process only knows of others is causality's.
  Script met;
  met.both(0, {append(1, 1)}).both(1, {read(1, {1})}).both(1, {read(1, {})});
  holds(met, "strong-session-read-atomic");
  (void)fails(met, "strong-session-causal", "causality-violation-process");
}

TEST_CASE("list levels: a prefix is not torn by two readers") {
  Script script;
  script.together({append(1, 1)}, {append(2, 2)});
  script.both(1, {read(1, {1}), read(2, {})}).both(2, {read(1, {}), read(2, {2})});
  holds(script, "causal");
  holds(script, "strong-session-causal");
  const Verdict v = fails(script, "prefix", "prefix-violation");
  CHECK(v.witness.size() == 4);
  // One of them alone fits.
  Script one;
  one.together({append(1, 1)}, {append(2, 2)});
  one.both(1, {read(1, {1}), read(2, {})}).both(2, {read(2, {2})});
  holds(one, "prefix");
}

TEST_CASE("list levels: what nobody read comes after all that somebody did") {
  Script script;
  script.both(0, {append(1, 1), append(2, 2)}).both(1, {read(1, {1}), read(2, {})});
  (void)fails(script, "monotonic-atomic-view", "OTV");
  // It need not have happened if nobody saw anything of it.
  Script none;
  none.both(0, {append(1, 1), append(2, 2)}, Fate::info).both(1, {read(1, {}), read(2, {})});
  holds(none, "strong-session-causal");
}

Script long_one() {
  Script script;
  for (std::uint32_t i = 0; i < 3000; ++i)
    script.both(i, {append(1, static_cast<int>(i))})
        .both(i, {read(2, {}), append(3, static_cast<int>(i))});
  script.both(1, {append(4, 1), append(5, 1)}).both(2, {read(4, {1}), read(5, {})});
  return script;
}

TEST_CASE("list levels: too little memory or steps are said") {
  Budget little;
  little.steps_max = 20'000;
  CHECK(long_one().check("causal", little).reason == "steps");
  CHECK(long_one().check("causal").validity == Validity::invalid);
  bool was_enough = false;
  for (std::uint64_t bytes = 500'000; bytes < 20'000'000; bytes *= 2) {
    little = {};
    little.bytes_max = bytes;
    const Verdict v = long_one().check("causal", little);
    was_enough = v.validity == Validity::invalid;
    CHECK((was_enough || v.reason == "memory"));
  }
  CHECK(was_enough);
}

/// With budgets that end anywhere: what is wrong is named as soon as it is known, and as nothing
/// else. The summary of what was not made out.
template <typename Make>
std::string cut(Make make, const char* model, const char* anomaly) {
  CAPTURE(model);
  std::string unfinished;
  bool is_finished = false;
  for (Budget budget{.steps_max = 1}; budget.steps_max < 400; ++budget.steps_max) {
    const Verdict v = make().check(model, budget);
    CAPTURE(budget.steps_max);
    CHECK(v.validity != Validity::valid);
    if (v.validity != Validity::invalid) {
      CHECK(v.reason == "steps");
      continue;
    }
    REQUIRE(v.anomalies.size() == 1);
    CHECK(v.anomalies[0].first == anomaly);
    CHECK_FALSE(v.witness.empty());
    if (!contains_in(v.summary, "; the budget ended before it was made out why")) {
      is_finished = true;
      continue;
    }
    CHECK_FALSE(v.incomplete.empty());
    unfinished = v.summary;
  }
  CHECK(is_finished);
  return unfinished;
}

TEST_CASE("list levels: a budget that ends before it is known why says what it is") {
  const auto backwards = [] { return torn({read(1, {1}), read(2, {})}); };
  CHECK(cut(backwards, "monotonic-atomic-view", "OTV") ==
        "OTV: 2 transactions must come before each other, by what was read without the others; the "
        "budget ended before it was made out why");
  const auto forwards = [] { return torn({read(2, {}), read(1, {1})}); };
  CHECK(contains_in(cut(forwards, "read-atomic", "fractured-read"), "fractured-read: 2 trans"));
  const auto chained = [] { return chain(1, 2); };
  CHECK(contains_in(cut(chained, "causal-cerone", "causality-violation"),
                    "causality-violation: 2 transactions"));
  CHECK(contains_in(cut(chained, "causal", "WriteCORead"), "WriteCORead: 2 transactions"));
  const auto two_readers = [] {
    Script script;
    script.together({append(1, 1)}, {append(2, 2)});
    script.both(1, {read(1, {1}), read(2, {})}).both(2, {read(1, {}), read(2, {2})});
    return script;
  };
  CHECK(contains_in(cut(two_readers, "prefix", "prefix-violation"),
                    "prefix-violation: 4 transactions"));
}

}  // namespace
}  // namespace faultline::list_levels
