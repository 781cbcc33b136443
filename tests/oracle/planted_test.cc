// Anomalies planted in long histories in which nothing else is wrong: each is found, by its name,
// and none in those where nothing was planted.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "tests/oracle/judges.h"
#include "tests/oracle/planted_lists.h"

namespace faultline::oracle::planted {
namespace {

/// Of the levels between read committed and snapshot isolation, each looked for only where a model
/// is asked for that forbids it.
struct WeakKind {
  const char* model;
  Kind kind;
};
std::vector<WeakKind> weak_kinds() {
  return {
      {"monotonic-atomic-view",
       {"OTV",
        Plant()
            .together({{append('a', 1), append('b', 1)}, {read('b', {1}), read('a', {})}})
            .both(2, {read('a', {1})}),
        {{"OTV", 1}}}},
      // Asked for alone, it is looked for as well.
      {"monotonic-view",
       {"OTV, of monotonic view",
        Plant()
            .together({{append('a', 1), append('b', 1)}, {read('b', {1}), read('a', {})}})
            .both(2, {read('a', {1})}),
        {{"OTV", 1}}}},
      {"update-atomic",
       {"fractured-read, of update atomic",
        Plant()
            .together({{append('a', 1), append('b', 1)}, {read('a', {}), read('b', {1})}})
            .both(2, {read('a', {1})}),
        {{"fractured-read", 1}}}},
      {"read-atomic",
       {"fractured-read",
        Plant()
            .together({{append('a', 1), append('b', 1)}, {read('a', {}), read('b', {1})}})
            .both(2, {read('a', {1})}),
        {{"fractured-read", 1}}}},
      {"strong-session-read-atomic",
       {"fractured-read-process",
        Plant().both(0, {append('a', 1)}).both(0, {read('a', {})}).both(2, {read('a', {1})}),
        {{"fractured-read-process", 1}}}},
      {"causal-cerone",
       {"causality-violation",
        Plant()
            .together({{append('a', 1)},
                       {read('a', {1}), append('b', 1)},
                       {read('a', {}), read('b', {1})}})
            .both(3, {read('a', {1})}),
        {{"causality-violation", 1}}}},
      // The order of a list is everybody's, so that causal is violated, too.
      {"strong-session-causal",
       {"causality-violation-process",
        Plant().both(0, {append('a', 1)}).both(0, {read('a', {})}).both(2, {read('a', {1})}),
        {{"WriteCORead", 1}, {"causality-violation-process", 1}, {"fractured-read-process", 1}}}},
      {"strong-session-causal",
       {"causality-violation-process, by what others did",
        Plant()
            .both(0, {append('a', 1)})
            .both(1, {read('a', {1})})
            .both(1, {read('a', {})})
            .both(2, {read('a', {1})}),
        {{"WriteCORead", 1}, {"causality-violation-process", 1}}}},
      {"prefix",
       {"prefix-violation",
        Plant().together({{append('a', 1)},
                          {append('b', 1)},
                          {read('a', {1}), read('b', {})},
                          {read('a', {}), read('b', {1})}}),
        {{"prefix-violation", 1}}}},
  };
}

Verdict check(const History& history, const char* model = "strict-serializable") {
  ConfigNode mapping;
  mapping.members.push_back({"model", {}, ConfigNode::of(std::string(model))});
  Params params(mapping, "check");
  return (*make_list_append(params))->check(history, {});
}

TEST_CASE("oracle: each anomaly, planted in histories of 100 and 10,000 transactions, is found") {
  const std::vector<Kind> all = list_kinds();
  for (const std::size_t transactions : {100, 10'000})
    for (const Kind& kind : all)
      for (std::uint64_t seed = 0; seed < (transactions == 100 ? 100 : 5); ++seed) {
        CAPTURE(kind.name);
        CAPTURE(transactions);
        Long history(transactions, Rng(77).fork(kind.name, seed));
        history.plant(kind.plant);
        const Verdict verdict = check(history.run());
        CHECK(verdict.validity == Validity::invalid);
        CHECK(text(counts(verdict)) == text(kind.found));
      }
}

TEST_CASE("oracle: each anomaly of the weak levels, planted, is found where it is asked for") {
  for (const std::size_t transactions : {100, 10'000})
    for (const auto& [model, kind] : weak_kinds())
      for (std::uint64_t seed = 0; seed < (transactions == 100 ? 100 : 5); ++seed) {
        CAPTURE(kind.name);
        CAPTURE(transactions);
        Long history(transactions, Rng(80).fork(kind.name, seed));
        history.plant(kind.plant);
        const Verdict verdict = check(history.run(), model);
        CHECK(verdict.validity == Validity::invalid);
        CHECK(text(counts(verdict)) == text(kind.found));
      }
}

TEST_CASE("oracle: nothing of the weak levels is found in histories in which nothing was planted") {
  const long count = iterations(10'000);
  for (const char* model : {"strong-session-causal", "prefix"})
    for (long i = 0; i < count; ++i) {
      const Verdict verdict =
          check(Long(60, Rng(81).fork("clean", static_cast<std::uint64_t>(i))).run(), model);
      if (verdict.validity == Validity::valid && verdict.anomalies.empty()) continue;
      FAIL_CHECK(model << ", " << i << ": " << verdict.summary);
      break;
    }
}

TEST_CASE("oracle: all anomalies, planted in a history of a million transactions, are found") {
  const std::vector<Kind> all = list_kinds();
  Long history(1'000'000, Rng(78));
  Counts expected;
  constexpr int times = 5;
  for (const Kind& kind : all) {
    for (int i = 0; i < times; ++i) history.plant(kind.plant);
    for (const auto& [name, count] : kind.found) expected[name] += times * count;
  }
  const Verdict verdict = check(history.run());
  CHECK(verdict.validity == Validity::invalid);
  CHECK(text(counts(verdict)) == text(expected));
}

TEST_CASE("oracle: nothing is found in 10,000 histories in which nothing was planted") {
  const long count = iterations(10'000);
  for (long i = 0; i < count; ++i) {
    const Verdict verdict =
        check(Long(60, Rng(79).fork("clean", static_cast<std::uint64_t>(i))).run());
    if (verdict.validity == Validity::valid && verdict.anomalies.empty()) continue;
    FAIL_CHECK(i << ": " << verdict.summary);
    break;
  }
}

}  // namespace
}  // namespace faultline::oracle::planted
