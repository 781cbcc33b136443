// A checker of transactions beside the oracle: histories that are small enough for it, and what is
// wrong with a verdict.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "harness/core/checker.h"
#include "harness/core/params.h"
#include "tests/oracle/txn_mutate.h"
#include "tests/oracle/txn_shrink.h"

namespace faultline::oracle::txn {

inline bool reads_nothing(const Transactions& history) {
  bool nothing = true;
  each_read(history, [&](const Transaction&, const Micro&) { nothing = false; });
  return nothing;
}

/// Of one model. `Judge` has: Model, with a name; models, all that the oracle knows; make, the
/// checker's factory; allows(history, model); and is_registers.
template <typename Judge>
class Comparison {
 public:
  using Model = typename Judge::Model;

  explicit Comparison(const Model& model) : model_(model) {
    ConfigNode mapping;
    mapping.members.push_back({"model", {}, ConfigNode::of(std::string(model.name))});
    Params params(mapping, "check");
    auto made = Judge::make(params);
    REQUIRE(made);
    checker_ = *std::move(made);
  }

  void compare(const Transactions& history, Spelling spelling = {}) {
    spelling.registers = Judge::is_registers;
    const bool truth = judge_.allows(history, model_);
    const Verdict verdict = checker_->check(Speller(spelling).history(history), {});
    ++(truth ? allowed : forbidden);
    if (verdict.validity == Validity::unknown && verdict.reason != "vacuous")
      ++(truth ? unproven : undetected);
    ++(verdict.validity == Validity::valid     ? valid
       : verdict.validity == Validity::invalid ? invalid
       : verdict.reason == "vacuous"           ? vacuous
                                               : incomplete);
    const std::string why = objection(history, truth, verdict);
    if (why.empty() || ++wrong > 1) return;
    const bool is_sane = judge_.is_sane(history);  // else it would end with an element of nobody
    const Transactions least = shrunk(history, [&](const Transactions& h) {
      return judge_.is_sane(h) == is_sane &&
             objection(h, judge_.allows(h, model_),
                       checker_->check(Speller(spelling).history(h), {})) == why;
    });
    FAIL_CHECK(model_.name << ": " << why << "\n" << to_text(least));
  }

  std::string summary() const {
    return std::string(model_.name) + ": " + std::to_string(allowed) + " allowed, " +
           std::to_string(forbidden) + " forbidden; said valid " + std::to_string(valid) +
           ", invalid " + std::to_string(invalid) + ", incomplete " + std::to_string(incomplete) +
           " (" + std::to_string(unproven) + " of them allowed, " + std::to_string(undetected) +
           " forbidden), vacuous " + std::to_string(vacuous);
  }

  long allowed = 0, forbidden = 0;  ///< By the oracle.
  long valid = 0, invalid = 0, incomplete = 0, vacuous = 0, wrong = 0;
  long unproven = 0, undetected = 0;  ///< Incomplete, though allowed, or forbidden.

 private:
  /// What is wrong with the verdict; empty: nothing.
  std::string objection(const Transactions& history, bool truth, const Verdict& verdict) {
    std::string said(name_of(verdict.validity));
    for (const auto& [name, times] : verdict.anomalies) said += " " + name;
    if (verdict.validity == (truth ? Validity::invalid : Validity::valid))
      return "it says " + said + ", the oracle " + (truth ? "valid" : "invalid");
    if (verdict.validity == Validity::unknown && verdict.reason != "incomplete" &&
        (verdict.reason != "vacuous" || !reads_nothing(history)))
      return "unknown because of " + verdict.reason;
    if (verdict.validity == Validity::invalid && verdict.anomalies.empty())
      return "invalid, but no anomaly";
    if (verdict.validity == Validity::invalid && verdict.witness.empty())
      return "invalid, but no witness";
    const auto has = [](const std::vector<std::string>& names, std::string_view name) {
      return std::ranges::find(names, name) != names.end();
    };
    for (const Model& other : Judge::models)
      if ((has(verdict.refuted, other.name) || has(verdict.also_refuted, other.name)) &&
          judge_.allows(history, other))
        return said + " refutes " + std::string(other.name) + ", which the oracle does not";
    return {};
  }

  Model model_;
  std::unique_ptr<Checker> checker_;
  Judge judge_;
};

/// Calls `visit` with every way to answer the reads from the `at`-th on: each as one of
/// `answers(history, read)`.
template <typename Answers, typename Visit>
void with_answers(Transactions& history, std::size_t at, Answers& answers, Visit& visit) {
  std::vector<Micro*> reads;
  for (Transaction& t : history)
    for (Micro& m : t.micros)
      if (!m.append && t.fate == Fate::ok) reads.push_back(&m);
  if (at == reads.size()) return visit(history);
  for (const Elements& list : answers(history, *reads[at])) {
    reads[at]->list = list;
    with_answers(history, at + 1, answers, visit);
  }
}

/// Three transactions of these shapes: upper case changes a key, lower case reads it.
template <std::size_t n, typename Answers, typename Visit>
void all_of_three(const std::array<std::string_view, n>& shapes, Answers answers, Visit visit) {
  struct Timing {
    std::array<int, 6> moments;  ///< Begin and end of each.
    std::array<std::uint32_t, 3> process;
  };
  constexpr std::array<Timing, 3> timings = {{{{0, 3, 1, 4, 2, 5}, {0, 1, 2}},
                                              {{0, 1, 2, 4, 3, 5}, {0, 0, 1}},
                                              {{0, 1, 2, 3, 4, 5}, {0, 1, 0}}}};
  for (std::size_t which = 0; which < n * n * n; ++which)
    for (const Timing& timing : timings)
      for (const Fate fate : {Fate::ok, Fate::info, Fate::fail}) {
        Transactions history(3);
        int element = 0;
        std::size_t rest = which;
        for (std::size_t t = 0; t < 3; ++t, rest /= n) {
          history[t].begin = timing.moments[2 * t];
          history[t].end = timing.moments[2 * t + 1];
          history[t].process = timing.process[t];
          for (const char c : shapes[rest % n])
            history[t].micros.push_back(c < 'a' ? append(c - 'X', ++element) : read(c - 'x', {}));
        }
        history[0].fate = fate;
        if (well_formed(history)) with_answers(history, 0, answers, visit);
      }
}

}  // namespace faultline::oracle::txn
