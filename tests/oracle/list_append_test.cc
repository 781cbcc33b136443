// The list-append checker against brute force: random histories, and all of the smallest.
#include <algorithm>
#include <array>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "tests/oracle/judges.h"
#include "tests/oracle/txn_compare.h"
#include "tests/oracle/txn_oracle.h"

namespace faultline::oracle::txn {
namespace {

struct ListJudge {
  using Model = ModelName;
  static constexpr bool is_registers = false;
  static constexpr auto& models = all_models;
  static constexpr auto make = &make_list_append;

  bool allows(const Transactions& history, const Model& model) {
    return oracle.allows(history, model.model);
  }
  bool is_sane(const Transactions& history) {
    State lists;
    return sane(history, lists);
  }

  TxnOracle oracle;
};

TEST_CASE("oracle: list-append on random histories of up to six transactions, every model") {
  for (const ModelName& model : all_models) {
    CAPTURE(model.name);
    Comparison<ListJudge> comparison(model);
    Histories histories(Rng(2029).fork(model.name));
    const long count = iterations(20'000);
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
std::vector<Elements> lists_for(const Transactions& history, const Micro& read) {
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

TEST_CASE("oracle: list-append on all small histories of three transactions, every model") {
  constexpr std::array<std::string_view, 7> shapes = {"X", "x", "XY", "xy", "xY", "Xy", "Xx"};
  for (const ModelName& model : all_models) {
    CAPTURE(model.name);
    Comparison<ListJudge> comparison(model);
    all_of_three(shapes, lists_for,
                 [&](const Transactions& history) { comparison.compare(history); });
    CHECK(comparison.wrong == 0);
    CHECK(comparison.allowed > 1000);
    CHECK(comparison.forbidden > 1000);
    MESSAGE(comparison.summary());
  }
}

}  // namespace
}  // namespace faultline::oracle::txn
