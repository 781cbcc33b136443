// Anomalies planted in long histories in which nothing else is wrong: each is found, by its name,
// and none in those where nothing was planted.
#include "tests/oracle/planted.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "tests/oracle/judges.h"

namespace faultline::oracle::planted {
namespace {

/// Cycles, with one edge of process or of real time at most.
std::vector<Kind> cycles() {
  return {
      {"G0",
       Plant()
           .together({{append('a', 1), append('b', 2)}, {append('a', 2), append('b', 1)}})
           .both(2, {read('a', {1, 2}), read('b', {1, 2})}),
       {{"G0", 1}}},
      {"G0-process",
       Plant()
           .begin(0, {append('a', 1), append('b', 2)})
           .both(1, {append('a', 2)})
           .both(1, {append('b', 1)})
           .end(0, {append('a', 1), append('b', 2)})
           .both(2, {read('a', {1, 2}), read('b', {1, 2})}),
       {{"G0-process", 1}, {"G0-realtime", 1}}},
      {"G0-realtime",
       Plant()
           .begin(0, {append('a', 1), append('b', 2)})
           .both(1, {append('a', 2)})
           .both(2, {append('b', 1)})
           .end(0, {append('a', 1), append('b', 2)})
           .both(3, {read('a', {1, 2}), read('b', {1, 2})}),
       {{"G0-realtime", 1}}},
      {"G1c",
       Plant().together({{append('a', 1), read('b', {1})}, {append('b', 1), read('a', {1})}}),
       {{"G1c", 1}}},
      {"G1c-realtime",
       Plant().both(0, {read('a', {1})}).both(1, {append('a', 1)}),
       {{"G1c-realtime", 1}}},
      {"G1c-process",
       Plant().both(0, {read('a', {1})}).both(0, {append('a', 1)}),
       {{"G1c-process", 1}, {"G1c-realtime", 1}}},
      {"G-single-item",
       Plant()
           .together({{append('a', 1), append('b', 1)}, {read('a', {1}), read('b', {})}})
           .both(2, {read('b', {1})}),
       {{"G-single-item", 1}}},
      {"G-single-item-realtime",
       Plant().both(0, {append('a', 1)}).both(1, {read('a', {})}).both(2, {read('a', {1})}),
       {{"G-single-item-realtime", 1}}},
      {"G-single-item-process",
       Plant().both(0, {append('a', 1)}).both(0, {read('a', {})}).both(2, {read('a', {1})}),
       {{"G-single-item-process", 1}, {"G-single-item-realtime", 1}}},
      {"G-nonadjacent-item",
       Plant().together({{append('a', 1)},
                         {append('b', 1)},
                         {read('a', {1}), read('b', {})},
                         {read('a', {}), read('b', {1})}}),
       {{"G-nonadjacent-item", 1}}},
      {"G2-item",
       Plant()
           .together({{read('a', {}), append('b', 1)}, {read('b', {}), append('a', 1)}})
           .both(2, {read('a', {1}), read('b', {1})}),
       {{"G2-item", 1}}},
  };
}

/// With two rw, where the one between them is by `process` 0, as its end is, or by another one.
Plant nonadjacent_by(std::uint32_t process) {
  return Plant()
      .begin(1, {read('a', {}), read('b', {1})})
      .begin(2, {append('b', 1)})
      .both(0, {append('a', 1)})
      .both(process, {read('b', {})})
      .end(2, {append('b', 1)})
      .end(1, {read('a', {}), read('b', {1})})
      .both(3, {read('a', {1}), read('b', {1})});
}
Plant skew_by(std::uint32_t process) {
  return Plant()
      .begin(1, {read('a', {}), append('b', 1)})
      .both(0, {append('a', 1)})
      .both(process, {read('b', {})})
      .end(1, {read('a', {}), append('b', 1)})
      .both(3, {read('a', {1}), read('b', {1})});
}

std::vector<Kind> ordered_cycles() {
  return {
      {"G-nonadjacent-item-process",
       nonadjacent_by(0),
       {{"G-nonadjacent-item-process", 1}, {"G-nonadjacent-item-realtime", 1}}},
      {"G-nonadjacent-item-realtime", nonadjacent_by(4), {{"G-nonadjacent-item-realtime", 1}}},
      {"G2-item-process", skew_by(0), {{"G2-item-process", 1}, {"G2-item-realtime", 1}}},
      {"G2-item-realtime", skew_by(4), {{"G2-item-realtime", 1}}},
  };
}

std::vector<Kind> offences() {
  return {
      {"G1a",
       Plant().both(0, {append('a', 1)}, Fate::fail).both(1, {read('a', {1})}),
       {{"G1a", 1}}},
      {"G1b",
       Plant().together({{append('a', 1), append('a', 2)}, {read('a', {1})}, {read('a', {1, 2})}}),
       {{"G1b", 1}, {"G-single-item", 1}}},
      {"lost-update",
       Plant()
           .together({{read('a', {}), append('a', 1)}, {read('a', {}), append('a', 2)}})
           .both(2, {read('a', {1, 2})}),
       {{"G-cursor", 1}, {"G-single-item", 1}, {"lost-update", 1}}},
      {"G-cursor",
       Plant()
           .together({{append('a', 1)}, {read('a', {}), append('a', 2)}})
           .both(2, {read('a', {1, 2})}),
       {{"G-cursor", 1}, {"G-single-item", 1}}},
      {"dirty-update",
       Plant()
           .both(0, {append('a', 1)}, Fate::fail)
           .both(1, {append('a', 2)})
           .both(2, {read('a', {1, 2})}),
       {{"G1a", 1}, {"dirty-update", 1}}},
      {"internal",
       Plant().both(0, {append('a', 1), read('a', {})}).both(1, {read('a', {1})}),
       {{"internal", 1}}},
      {"future-read", Plant().both(0, {read('a', {1}), append('a', 1)}), {{"future-read", 1}}},
      {"duplicate-elements",
       Plant().both(0, {append('a', 1)}).both(1, {read('a', {1, 1})}),
       {{"duplicate-elements", 1}}},
      {"incompatible-order",
       Plant().together(
           {{append('a', 1)}, {append('a', 2)}, {read('a', {1, 2})}, {read('a', {2, 1})}}),
       {{"incompatible-order", 1}}},
      {"garbage-read", Plant().both(0, {read('a', {7})}), {{"garbage-read", 1}}},
  };
}

std::vector<Kind> kinds() {
  std::vector<Kind> all = cycles();
  for (Kind& kind : ordered_cycles()) all.push_back(std::move(kind));
  for (Kind& kind : offences()) all.push_back(std::move(kind));
  return all;
}

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
  const std::vector<Kind> all = kinds();
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
  const std::vector<Kind> all = kinds();
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
