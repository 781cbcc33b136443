// The list-append checker against brute force, at the levels between read committed and snapshot
// isolation: random histories, and all of the smallest.
#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "tests/oracle/judges.h"
#include "tests/oracle/list_levels_oracle.h"
#include "tests/oracle/txn_compare.h"

namespace faultline::oracle::txn {
namespace {

struct LevelJudge {
  using Model = CommitLevelName;
  static constexpr bool is_registers = false;
  static constexpr auto& models = commit_levels;
  static constexpr auto make = &make_list_append;

  bool allows(const Transactions& history, const Model& model) {
    return oracle.allows(history, model);
  }
  bool is_sane(const Transactions& history) {
    State lists;
    return sane(history, lists);
  }

  LevelsOracle oracle;
};

TEST_CASE(
    "oracle: levels of list-append on random histories of up to six transactions, every level") {
  for (const CommitLevelName& model : commit_levels) {
    CAPTURE(model.name);
    Comparison<LevelJudge> comparison(model);
    Histories histories(Rng(3001).fork(model.name));
    const long count = iterations(10'000);
    for (long i = 0; i < count; ++i) {
      const Transactions history = histories.next();
      comparison.compare(history, histories.spelling());
    }
    CHECK(comparison.wrong == 0);
    CHECK(comparison.allowed > count / 5);
    CHECK(comparison.forbidden > count / 40);
    // Of what there was to judge.
    CHECK(comparison.valid > comparison.allowed / 2);
    CHECK(comparison.invalid > comparison.forbidden / 2);
    MESSAGE(comparison.summary());
  }
}

/// All ordered choices of what was appended to the key.
std::vector<Elements> answers_for(const Transactions& history, const Micro& read) {
  Elements elements;
  for (const Transaction& t : history)
    for (const int e : appended(t, read.key)) elements.push_back(e);
  std::vector<Elements> out = {{}};
  for (std::size_t i = 0; i < out.size(); ++i)
    for (const int e : elements) {
      Elements longer = out[i];
      if (std::count(longer.begin(), longer.end(), e) > 0) continue;
      longer.push_back(e);
      out.push_back(longer);
    }
  return out;
}

TEST_CASE(
    "oracle: levels of list-append on all small histories of three transactions, every level") {
  constexpr std::array<std::string_view, 7> shapes = {"X", "x", "XY", "xy", "xY", "Xy", "Xx"};
  for (const CommitLevelName& model : commit_levels) {
    CAPTURE(model.name);
    Comparison<LevelJudge> comparison(model);
    all_of_three(shapes, answers_for,
                 [&](const Transactions& history) { comparison.compare(history); });
    CHECK(comparison.wrong == 0);
    CHECK(comparison.allowed > 1000);
    CHECK(comparison.forbidden > 1000);
    MESSAGE(comparison.summary());
  }
}

}  // namespace
}  // namespace faultline::oracle::txn
