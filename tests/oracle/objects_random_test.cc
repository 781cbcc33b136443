// The general engine against the oracle, every model, on random histories; and against what must
// not change a verdict.
#include <doctest/doctest.h>

#include "checkers/linearizable/reduce.h"
#include "tests/oracle/judges.h"
#include "tests/oracle/objects.h"

namespace faultline::oracle {
namespace {

using linearizable::GeneralOptions;

TEST_CASE("oracle: every model on random histories of up to twelve operations, by all strategies") {
  ObjectOracle oracle;
  for (const Spec& spec : all_specs()) {
    CAPTURE(spec.model);
    Rng rng = Rng(2027).fork(spec.model);
    const long count = iterations(10'000);
    long valid = 0, wrong = 0;
    for (long i = 0; i < count; ++i) {
      const std::vector<Asked> history = random_object_history(spec, rng, 12);
      const bool truth = oracle.linearizable(spec, history);
      valid += truth;
      const Built built(history);
      GeneralOptions options;
      options.strategy = strategy_in_turn(i);
      if (i % 5 == 0) options.beam = 1;
      const Validity found = judge_general(spec, built.all(), options);
      if (found == validity(truth)) continue;
      if (++wrong == 1)
        FAIL_CHECK("oracle " << name_of(validity(truth)) << ", engine " << name_of(found) << " ("
                             << i % 4 << ")\n"
                             << to_text(history));
    }
    CHECK(wrong == 0);
    CHECK(valid > count / 5);
    CHECK(count - valid > count / 50);
  }
}

/// Goes back in histories of a few operations.
struct RestlessGeneral : linearizable::GeneralRules {
  static constexpr std::size_t checkpoint_every = 1, goes_back_first = 2, used_at_first = 1;
};

TEST_CASE("oracle: every model with a narrow beam that goes back") {
  ObjectOracle oracle;
  for (const Spec& spec : all_specs()) {
    CAPTURE(spec.model);
    Rng rng = Rng(2033).fork(spec.model);
    const long count = iterations(5'000);
    long wrong = 0;
    for (long i = 0; i < count; ++i) {
      const std::vector<Asked> history = random_object_history(spec, rng, 12);
      GeneralOptions options;
      options.beam = 1;
      wrong += judge_general<RestlessGeneral>(spec, Built(history).all(), options) !=
               validity(oracle.linearizable(spec, history));
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("oracle: every fast engine that a model has, and its witness") {
  ObjectOracle oracle;
  for (const Spec& spec : all_specs()) {
    CAPTURE(spec.model);
    const linearizable::ModelTraits traits = linearizable::find_model(spec.model)->traits();
    if (traits.fast == nullptr) continue;
    CHECK_FALSE(traits.fast_name.empty());
    Rng rng = Rng(2032).fork(spec.model);
    const long count = iterations(10'000);
    long wrong = 0, decided = 0;
    for (long i = 0; i < count; ++i) {
      const std::vector<Asked> history =
          random_object_history(spec, rng, 4 + static_cast<int>(i % 9));
      const Built built(history);
      linearizable::Meter meter(std::uint64_t{1} << 40, std::uint64_t{1} << 30, nullptr);
      const auto decision = traits.fast(built.all(), meter, {spec.initial});
      using Answer = linearizable::Decision::Answer;
      if (decision.answer == Answer::unknown) continue;
      ++decided;
      std::vector<Asked> kept;
      for (const OperationId row : decision.witness) kept.push_back(built.asked[row]);
      const bool truth = oracle.linearizable(spec, history);
      const bool witnessed = truth || !oracle.linearizable(spec, kept);
      if (truth == (decision.answer == Answer::valid) && witnessed) continue;
      if (++wrong == 1) FAIL_CHECK("oracle says " << truth << "\n" << to_text(history));
    }
    CHECK(wrong == 0);
    const bool decides = decided > count / 100 || spec.model == "semaphore";
    CHECK(decides);
  }
}

TEST_CASE("oracle: widening an interval never turns valid into invalid") {
  for (const Spec& spec : all_specs()) {
    CAPTURE(spec.model);
    Rng rng = Rng(2029).fork(spec.model);
    const long count = iterations(1'000);
    long wrong = 0, valid = 0;
    for (long i = 0; i < count; ++i) {
      std::vector<Asked> history = random_object_history(spec, rng, 14);
      if (judge_general(spec, Built(history).all()) != Validity::valid) continue;
      ++valid;
      // Room between the positions, and then some of it used.
      for (Asked& o : history) {
        o.begin = 4 * o.begin + 40;
        if (!o.info) o.end = 4 * o.end + 40;
      }
      for (int widened = 0; widened < 3; ++widened) {
        Asked& o = history[static_cast<std::size_t>(pick(rng, static_cast<int>(history.size())))];
        o.begin -= static_cast<Position>(std::min(pick(rng, 30), static_cast<int>(o.begin)));
        if (!o.info) o.end += static_cast<Position>(pick(rng, 30));
        if (!o.info && pick(rng, 6) == 0) {
          o.info = true;
          o.refused = false;
          o.output = {};
        }
      }
      wrong += judge_general(spec, Built(history).all()) != Validity::valid;
    }
    CHECK(wrong == 0);
    CHECK(valid > count / 5);
  }
}

TEST_CASE("oracle: what a witness leaves out was not needed, and what it keeps is invalid") {
  ObjectOracle oracle;
  for (const Spec& spec : all_specs()) {
    CAPTURE(spec.model);
    const linearizable::ModelTraits traits = linearizable::find_model(spec.model)->traits();
    Rng rng = Rng(2030).fork(spec.model);
    const long count = iterations(2'000);
    long wrong = 0, invalid = 0;
    for (long i = 0; i < count; ++i) {
      const std::vector<Asked> history = random_object_history(spec, rng, 12);
      const Built built(history);
      const auto all = built.all();
      const auto model = traits.make(all, {spec.initial});
      const linearizable::GeneralPlan plan(all, *model, traits.by_process, traits.by_time);
      linearizable::States states(*model, plan.classes());
      linearizable::Meter meter(std::uint64_t{1} << 40, std::uint64_t{1} << 30, nullptr);
      const auto result = linearizable::search_general(plan, states, meter);
      if (result.validity != Validity::invalid) continue;
      ++invalid;
      const auto proof =
          linearizable::reduce(all, result.failed_call, traits, {spec.initial}, meter);
      std::vector<Asked> kept;
      for (const std::size_t place : proof.places) {
        Asked o = built.asked[place];
        if (!o.info && o.end > proof.unanswered_after) {
          if (o.function == Function::read || o.function == Function::contains) continue;
          o.info = true;
          o.refused = false;
          o.output = {};
        }
        kept.push_back(std::move(o));
      }
      wrong += !proof.minimal || oracle.linearizable(spec, kept);
    }
    CHECK(wrong == 0);
    CHECK(invalid > count / 50);
  }
}

TEST_CASE("oracle: what a reduction drops never makes a valid history invalid") {
  // Of valid histories any sound part is valid as well: the engine must not find a violation in
  // what is left when whole values, or holds, are dropped.
  ObjectOracle oracle;
  for (const Spec& spec : all_specs()) {
    CAPTURE(spec.model);
    const linearizable::ModelTraits traits = linearizable::find_model(spec.model)->traits();
    Rng rng = Rng(2031).fork(spec.model);
    const long count = iterations(1'000);
    long wrong = 0, looked = 0;
    for (long i = 0; i < count; ++i) {
      const std::vector<Asked> history = random_object_history(spec, rng, 12);
      if (!oracle.linearizable(spec, history)) continue;
      const Built built(history);
      for (const auto& part : linearizable::droppable(built.all(), traits, {spec.initial})) {
        std::vector<Asked> rest;
        for (std::size_t place = 0; place < built.asked.size(); ++place)
          if (std::ranges::find(part, place) == part.end()) rest.push_back(built.asked[place]);
        ++looked;
        wrong += !oracle.linearizable(spec, rest);
      }
    }
    CHECK(wrong == 0);
    CHECK((looked > count / 5 || spec.model == "id-generator"));
  }
}

}  // namespace
}  // namespace faultline::oracle
