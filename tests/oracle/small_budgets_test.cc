// Budgets that end anywhere in the search, beside brute force: whatever is said then is true, and
// what was not finished is told.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <type_traits>

#include "tests/oracle/list_judge.h"
#include "tests/oracle/list_levels_oracle.h"
#include "tests/oracle/registers_oracle.h"
#include "tests/oracle/txn_oracle.h"

namespace faultline::oracle::txn {
namespace {

/// Told of what was known of it when the budget ended.
bool has_unfinished(const Verdict& verdict) {
  return verdict.explanation.find("; the budget ended before ") != std::string::npos;
}
bool has_unnamed(const Verdict& verdict) {
  return std::ranges::any_of(verdict.anomalies, [](const auto& anomaly) {
    return anomaly.first.ends_with("-cycle-exists");
  });
}

struct Lists {
  static constexpr bool is_registers = false;
  static constexpr auto& models = all_models;
  static constexpr auto make = &make_list_append;
  bool allows(const Transactions& history, const ModelName& model) {
    return oracle.allows(history, model.model);
  }
  TxnOracle oracle;
};

struct Levels {
  static constexpr bool is_registers = false;
  static constexpr auto& models = commit_levels;
  static constexpr auto make = &make_list_append;
  bool allows(const Transactions& history, const CommitLevelName& model) {
    return oracle.allows(history, model);
  }
  LevelsOracle oracle;
};

struct Registers {
  static constexpr bool is_registers = true;
  static constexpr auto& models = registers::models;
  static constexpr auto make = &make_rw_register;
  bool allows(const Transactions& history, const registers::Model& model) {
    return oracle.allows(history, model);
  }
  registers::Oracle oracle;
};

template <typename Judge>
class SmallBudgets {
 public:
  using Model = std::remove_cvref_t<decltype(Judge::models[0])>;

  void check(const Transactions& history, Spelling spelling, const Model& model,
             std::uint64_t steps) {
    ConfigNode mapping;
    mapping.members.push_back({"model", {}, ConfigNode::of(std::string(model.name))});
    Params params(mapping, "check");
    const std::unique_ptr<Checker> checker = *Judge::make(params);
    spelling.registers = Judge::is_registers;
    const History spelled = Speller(spelling).history(history);
    Budget budget;
    budget.steps_max = steps;
    const Verdict whole = checker->check(spelled, {});
    const Verdict verdict = checker->check(spelled, budget);
    const bool is_cut = !verdict.incomplete.empty();
    ended += is_cut;
    invalid += is_cut && verdict.validity == Validity::invalid;
    unnamed += has_unnamed(verdict);
    unfinished += has_unfinished(verdict) && !has_unnamed(verdict);
    const std::string why = objection(history, model, verdict, whole);
    if (why.empty() || ++wrong > 1) return;
    FAIL_CHECK(model.name << ", " << steps << " steps: " << why << "\n" << to_text(history));
  }

  long ended = 0, invalid = 0, unnamed = 0, unfinished = 0, wrong = 0;

 private:
  /// What is wrong with the verdict; empty: nothing.
  std::string objection(const Transactions& history, const Model& model, const Verdict& verdict,
                        const Verdict& whole) {
    const bool truth = judge_.allows(history, model);
    if (verdict.validity == (truth ? Validity::invalid : Validity::valid)) return "a wrong verdict";
    for (const auto* names : {&verdict.refuted, &verdict.also_refuted})
      for (const std::string& name : *names)
        for (const Model& other : Judge::models)
          if (other.name == name && judge_.allows(history, other))
            return "refutes " + name + ", which the oracle does not";
    if (!whole.incomplete.empty()) return "the whole budget was not enough";
    const bool is_cut = !verdict.incomplete.empty();
    if (!is_cut && (verdict.refuted != whole.refuted || verdict.anomalies != whole.anomalies ||
                    verdict.validity != whole.validity))
      return "less than with the whole budget, and not a word of it";
    if (has_unnamed(verdict) && !is_cut) return "a cycle that has no name, with budget left";
    if (has_unfinished(verdict) && !is_cut) return "not made out, with budget left";
    if (has_unnamed(verdict) && !has_unfinished(verdict)) return "a cycle without a name, made out";
    if (verdict.validity != Validity::invalid) return {};
    if (verdict.witness.empty() || verdict.anomalies.empty()) return "invalid without a witness";
    if (is_cut && verdict.explanation.find("not finished: ") == std::string::npos)
      return "the text does not say that it was not finished";
    return {};
  }

  Judge judge_;
};

template <typename Judge>
void cut_random(std::uint64_t seed, std::uint64_t steps_max, long many, bool has_levels = true) {
  SmallBudgets<Judge> budgets;
  Rng rng(seed);
  Histories histories(rng.fork("histories"));
  const long count = iterations(many);
  for (long i = 0; i < count; ++i) {
    const Transactions history = histories.next();
    budgets.check(history, histories.spelling(), Judge::models[rng.below(Judge::models.size())],
                  1 + rng.below(steps_max));
  }
  MESSAGE(budgets.ended << " ended, " << budgets.invalid << " of them invalid, " << budgets.unnamed
                        << " with a cycle that was not made out, and " << budgets.unfinished
                        << " with another contradiction");
  CHECK(budgets.wrong == 0);
  CHECK(budgets.ended > count / 20);
  CHECK(budgets.invalid > count / 200);
  CHECK(budgets.unnamed > count / 1000);
  if (has_levels) CHECK(budgets.unfinished > count / 4000);
}

TEST_CASE("oracle: list-append with budgets that end anywhere is never wrong, and says so") {
  cut_random<Lists>(2101, 150, 20'000, false);
}

TEST_CASE("oracle: levels of list-append with budgets that end anywhere are never wrong") {
  cut_random<Levels>(2102, 150, 20'000);
}

TEST_CASE("oracle: rw-register with budgets that end anywhere is never wrong, and says so") {
  cut_random<Registers>(2103, 400, 20'000);
}

}  // namespace
}  // namespace faultline::oracle::txn
