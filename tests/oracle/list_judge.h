// What both comparisons of the list-append checker with brute force share: at every model, and at
// the levels between.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "tests/oracle/judges.h"
#include "tests/oracle/txn_compare.h"
#include "tests/oracle/txn_generate.h"
#include "tests/oracle/txn_oracle.h"

namespace faultline::oracle::txn {

/// `Oracle` has allows(history, name) for each `Name` of `names`.
template <typename Name, typename Oracle, auto& names>
struct ListJudge {
  using Model = Name;
  static constexpr bool is_registers = false;
  static constexpr auto& models = names;
  static constexpr auto make = &make_list_append;

  bool allows(const Transactions& history, const Model& model) {
    return oracle.allows(history, model);
  }
  bool is_sane(const Transactions& history) {
    State lists;
    return sane(history, lists);
  }

  Oracle oracle;
};

template <typename Judge>
void compare_random_lists(std::uint64_t seed, long many) {
  for (const typename Judge::Model& model : Judge::models) {
    CAPTURE(model.name);
    Comparison<Judge> comparison(model);
    Histories histories(Rng(seed).fork(model.name));
    const long count = iterations(many);
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
inline std::vector<Elements> lists_for(const Transactions& history, const Micro& read) {
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

template <typename Judge>
void compare_all_small_lists() {
  constexpr std::array<std::string_view, 7> shapes = {"X", "x", "XY", "xy", "xY", "Xy", "Xx"};
  for (const typename Judge::Model& model : Judge::models) {
    CAPTURE(model.name);
    Comparison<Judge> comparison(model);
    all_of_three(shapes, lists_for,
                 [&](const Transactions& history) { comparison.compare(history); });
    CHECK(comparison.wrong == 0);
    CHECK(comparison.allowed > 1000);
    CHECK(comparison.forbidden > 1000);
    MESSAGE(comparison.summary());
  }
}

}  // namespace faultline::oracle::txn
