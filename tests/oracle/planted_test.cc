// Anomalies planted in long histories in which nothing else is wrong: each is found, by its name,
// and none in those where nothing was planted.
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "tests/oracle/planted_check.h"
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

TEST_CASE("oracle: each anomaly, planted in histories of 100 and 10,000 transactions, is found") {
  for (const Kind& kind : list_kinds()) check_found(kind, judge_of(&make_list_append), Rng(77));
}

TEST_CASE("oracle: each anomaly, planted, is found by being fed") {
  for (Kind kind : list_kinds()) {
    forget_unfed(kind.found);
    // Of garbage each element is counted, and not each read.
    if (kind.found.contains("garbage-read") && kind.found.size() > 1) continue;
    check_found(kind, judge_fed(&make_list_append, false), Rng(89));
  }
}

TEST_CASE("oracle: each anomaly of the weak levels, planted, is found where it is asked for") {
  for (const auto& [model, kind] : weak_kinds())
    check_found(kind, judge_of(&make_list_append, model), Rng(80));
}

TEST_CASE("oracle: nothing of the weak levels is found in histories in which nothing was planted") {
  for (const char* model : {"strong-session-causal", "prefix"}) {
    CAPTURE(model);
    check_clean(judge_of(&make_list_append, model), Rng(81));
  }
}

TEST_CASE("oracle: all anomalies, planted in a history of a million transactions, are found") {
  check_million(list_kinds(), judge_of(&make_list_append), Rng(78));
}

TEST_CASE("oracle: nothing is found in 10,000 histories in which nothing was planted") {
  check_clean(judge_of(&make_list_append), Rng(79));
}

}  // namespace
}  // namespace faultline::oracle::planted
