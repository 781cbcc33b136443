// The rw-register checker against brute force: random histories, and all of the smallest.
#include <algorithm>
#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "tests/oracle/judges.h"
#include "tests/oracle/registers_oracle.h"
#include "tests/oracle/txn_mutate.h"
#include "tests/oracle/txn_shrink.h"

namespace faultline::oracle::registers {

std::unique_ptr<Checker> checker_for(std::string_view model) {
  ConfigNode mapping;
  ConfigNode::Member& member = mapping.members.emplace_back();
  member.key = "model";
  member.value = ConfigNode::of(std::string(model));
  Params params(mapping, "check rw-register");
  auto made = make_rw_register(params);
  REQUIRE(made);
  return std::move(*made);
}

bool reads_nothing(const Transactions& history) {
  bool nothing = true;
  txn::each_read(history, [&](const Transaction&, const Micro&) { nothing = false; });
  return nothing;
}

/// A checker of one model beside the oracle.
class Comparison {
 public:
  explicit Comparison(const Model& model) : model_(model), checker_(checker_for(model.name)) {}

  void compare(const Transactions& history, txn::Spelling spelling = {}) {
    spelling.registers = true;
    const bool truth = oracle_.allows(history, model_);
    const Verdict verdict = checker_->check(txn::Speller(spelling).history(history), {});
    ++(truth ? allowed : forbidden);
    if (verdict.validity == Validity::unknown && verdict.reason != "vacuous")
      ++(truth ? unproven : undetected);
    ++(verdict.validity == Validity::valid     ? valid
       : verdict.validity == Validity::invalid ? invalid
       : verdict.reason == "vacuous"           ? vacuous
                                               : incomplete);
    const std::string why = objection(history, truth, verdict);
    if (why.empty() || ++wrong > 1) return;
    const Transactions least = txn::shrunk(history, [&](const Transactions& h) {
      return objection(h, oracle_.allows(h, model_),
                       checker_->check(txn::Speller(spelling).history(h), {})) == why;
    });
    FAIL_CHECK(model_.name << ": " << why << "\n" << txn::to_text(least));
  }

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
    for (const Model& other : models) {
      const bool refuted =
          std::count(verdict.refuted.begin(), verdict.refuted.end(), other.name) > 0 ||
          std::count(verdict.also_refuted.begin(), verdict.also_refuted.end(), other.name) > 0;
      if (refuted && oracle_.allows(history, other))
        return said + " refutes " + std::string(other.name) + ", which the oracle does not";
    }
    return {};
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
  Model model_;
  std::unique_ptr<Checker> checker_;
  Oracle oracle_;
};

TEST_CASE("oracle: rw-register on random histories of up to six transactions, every model") {
  for (const Model& model : models) {
    CAPTURE(model.name);
    Comparison comparison(model);
    txn::Histories histories(Rng(3041).fork(model.name));
    const long count = iterations(10'000);
    for (long i = 0; i < count; ++i) {
      const Transactions history = histories.next();
      comparison.compare(history, histories.spelling());
    }
    CHECK(comparison.wrong == 0);
    CHECK(comparison.allowed > count / 5);
    CHECK(comparison.forbidden > 0);
    // Of what there was to judge.
    CHECK(comparison.unproven <= comparison.allowed / 50);
    CHECK(comparison.undetected <= comparison.forbidden / 20);
    MESSAGE(comparison.summary());
  }
}

/// Calls `visit` with every way to answer the reads from the `at`-th on.
template <typename Visit>
void with_answers(Transactions& history, std::size_t at, Visit&& visit) {
  std::vector<Micro*> reads;
  for (Transaction& t : history)
    for (Micro& m : t.micros)
      if (!m.append && t.fate == Fate::ok) reads.push_back(&m);
  if (at == reads.size()) return visit(history);
  reads[at]->list.clear();
  with_answers(history, at + 1, visit);
  for (const Transaction& t : history)
    for (const int e : txn::appended(t, reads[at]->key)) {
      reads[at]->list = {e};
      with_answers(history, at + 1, visit);
    }
}

/// Three transactions of these shapes: upper case writes, lower case reads.
template <typename Visit>
void all_of_three(Visit&& visit) {
  constexpr std::array<std::string_view, 8> shapes = {"X", "x", "XY", "xy", "xY", "Xy", "Xx", "xX"};
  struct Timing {
    std::array<int, 6> moments;  ///< Begin and end of each.
    std::array<std::uint32_t, 3> process;
  };
  constexpr std::array<Timing, 3> timings = {{{{0, 3, 1, 4, 2, 5}, {0, 1, 2}},
                                              {{0, 1, 2, 4, 3, 5}, {0, 0, 1}},
                                              {{0, 1, 2, 3, 4, 5}, {0, 1, 0}}}};
  for (std::size_t which = 0; which < 8 * 8 * 8; ++which)
    for (const Timing& timing : timings)
      for (const Fate fate : {Fate::ok, Fate::info, Fate::fail}) {
        Transactions history(3);
        int element = 0;
        for (std::size_t t = 0; t < 3; ++t) {
          history[t].begin = timing.moments[2 * t];
          history[t].end = timing.moments[2 * t + 1];
          history[t].process = timing.process[t];
          for (const char c : shapes[(t == 0 ? which : t == 1 ? which / 8 : which / 64) % 8])
            history[t].micros.push_back(c < 'a' ? txn::append(c - 'X', ++element)
                                                : txn::read(c - 'x', {}));
        }
        history[0].fate = fate;
        if (txn::well_formed(history)) with_answers(history, 0, visit);
      }
}

TEST_CASE("oracle: rw-register on all small histories of three transactions, every model") {
  for (const Model& model : models) {
    CAPTURE(model.name);
    Comparison comparison(model);
    all_of_three([&](const Transactions& history) { comparison.compare(history); });
    CHECK(comparison.wrong == 0);
    CHECK(comparison.allowed > 1000);
    if (model.kind != Kind::uncommitted) CHECK(comparison.forbidden > 1000);
    MESSAGE(comparison.summary());
  }
}

}  // namespace faultline::oracle::registers
