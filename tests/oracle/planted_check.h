// What every checker must say of histories in which something is planted, or nothing.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "harness/core/checker.h"
#include "harness/core/params.h"
#include "tests/oracle/judges.h"
#include "tests/oracle/online_feed.h"
#include "tests/oracle/planted.h"

namespace faultline::oracle::planted {

using Judge = std::function<Verdict(const History&)>;

/// By that checker, asked for one model.
inline Judge judge_of(Result<std::unique_ptr<Checker>> (*make)(Params&),
                      std::string_view model = "strict-serializable") {
  ConfigNode mapping;
  mapping.members.push_back({"model", {}, ConfigNode::of(std::string(model))});
  Params params(mapping, "check");
  auto made = make(params);
  REQUIRE(made);
  const std::shared_ptr<const Checker> checker = std::move(*made);
  return [checker](const History& history) { return checker->check(history, {}); };
}

/// What only the whole history is searched for: beside cycles along dependencies, what the levels
/// between read committed and snapshot isolation forbid, and G-cursor.
inline void forget_unfed(Counts& counts) {
  for (const char* name : {"OTV", "WriteCORead", "fractured-read", "fractured-read-process",
                           "causality-violation", "causality-violation-process", "G-cursor"})
    counts.erase(name);
}

/// By that checker, fed with each event: what was found when nothing came any more, or, `early`,
/// before that was said.
inline Judge judge_fed(Result<std::unique_ptr<Checker>> (*make)(Params&), bool early) {
  const ConfigNode nothing;
  Params params(nothing, "check");
  auto made = make(params);
  REQUIRE(made);
  const std::shared_ptr<const Checker> checker = std::move(*made);
  return [checker, early](const History& history) {
    const auto online = checker->online({});
    for (const OnlineEvent& event : txn::events_of(history)) online->feed(history.values(), event);
    if (!early) online->finish();
    const OnlineFindings found = online->findings();
    Verdict verdict;
    verdict.summary = found.ended;
    verdict.anomalies = found.anomalies;
    verdict.validity = found.anomalies.empty() ? Validity::valid : Validity::invalid;
    return verdict;
  };
}

/// One of the kind in histories of 100 and 10,000 transactions: it is found, and nothing else.
inline void check_found(const Kind& kind, const Judge& judge, const Rng& rng,
                        Objects objects = Objects::lists) {
  for (const std::size_t transactions : {100, 10'000})
    for (std::uint64_t seed = 0; seed < (transactions == 100 ? 100 : 5); ++seed) {
      CAPTURE(kind.name);
      CAPTURE(transactions);
      CAPTURE(seed);
      Long history(transactions, rng.fork(kind.name, seed), objects);
      history.plant(kind.plant);
      const Verdict verdict = judge(history.run());
      CHECK(verdict.validity == Validity::invalid);
      CHECK(text(counts(verdict)) == text(kind.found));
    }
}

/// Several of each kind, in one history of a million transactions. Of `shared` less is expected, as
/// they have something in common.
inline void check_million(const std::vector<Kind>& kinds, const Judge& judge, const Rng& rng,
                          Objects objects = Objects::lists, const Counts& shared = {}) {
  Long history(1'000'000, rng, objects);
  Counts expected;
  constexpr int times = 5;
  for (const Kind& kind : kinds) {
    for (int i = 0; i < times; ++i) history.plant(kind.plant);
    for (const auto& [name, count] : kind.found) expected[name] += times * count;
  }
  for (const auto& [name, count] : shared) expected[name] -= (times - 1) * count;
  const Verdict verdict = judge(history.run());
  CHECK(verdict.validity == Validity::invalid);
  CHECK(text(counts(verdict)) == text(expected));
}

/// In 10,000 short histories nothing is planted, nor found.
inline void check_clean(const Judge& judge, const Rng& rng, Objects objects = Objects::lists) {
  const long count = iterations(10'000);
  for (long i = 0; i < count; ++i) {
    const Verdict verdict =
        judge(Long(60, rng.fork("clean", static_cast<std::uint64_t>(i)), objects).run());
    if (verdict.validity == Validity::valid && verdict.anomalies.empty()) continue;
    FAIL_CHECK(i << ": " << verdict.summary);
    break;
  }
}

}  // namespace faultline::oracle::planted
