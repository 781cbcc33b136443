// The general engine's rules about containers, on histories made for them: against the oracle, and
// each one broken alone.
#include "tests/oracle/crowded_containers.h"

#include <string>

#include <doctest/doctest.h>

#include "tests/oracle/judges.h"

namespace faultline::oracle {
namespace {

using linearizable::ContainerRules;
using linearizable::GeneralOptions;
using linearizable::GeneralRules;

GeneralOptions crowded_options(long i) {
  GeneralOptions options;
  options.strategy = strategy_in_turn(i);
  if (i % 5 == 0) options.beam = 1;
  return options;
}

/// Goes back, and forgets what infos nobody has used, in histories of a few operations.
struct RestlessCrowd : GeneralRules {
  static constexpr std::size_t checkpoint_every = 1, goes_back_first = 2, used_at_first = 1;
};

TEST_CASE("oracle: crowded containers, by all strategies, and going back") {
  ObjectOracle oracle;
  for (const CrowdedContainer& container : crowded_containers()) {
    CAPTURE(container.spec.model);
    Rng rng = Rng(2041).fork(container.spec.model);
    const long count = iterations(6'000);
    long wrong = 0, valid = 0;
    for (long i = 0; i < count; ++i) {
      const std::vector<Asked> history = crowded_history(container, rng, 12);
      const Built built(history);
      const bool truth = oracle.linearizable(container.spec, history);
      valid += truth;
      GeneralOptions narrow;
      narrow.beam = 1;
      if (judge_container(container, built.all(), crowded_options(i)) == validity(truth) &&
          judge_container<RestlessCrowd>(container, built.all(), narrow) == validity(truth))
        continue;
      if (++wrong == 1) FAIL_CHECK("oracle says " << truth << "\n" << to_text(history));
    }
    CHECK(wrong == 0);
    CHECK(valid > count / 3);
    CHECK(count - valid > count / 20);
  }
}

/// After how many histories the engine disagreed with itself unbroken; 0: never in that many.
template <typename Rules, typename Looks>
long crowded_survived(const std::string& name) {
  constexpr long tries = 20'000;
  const std::vector<CrowdedContainer> containers = crowded_containers();
  Rng rng = Rng(2042).fork(name);
  for (long i = 1; i <= tries; ++i) {
    const CrowdedContainer& container = containers[rng.below(containers.size())];
    const Built built(crowded_history(container, rng, 12));
    const GeneralOptions options = crowded_options(i);
    if (judge_container<Rules, Looks>(container, built.all(), options) !=
        judge_container(container, built.all(), options))
      return i;
  }
  return 0;
}

#define CROWDED_MUTANT(base, rule, rules, looks)                                \
  struct Crowded_##rule : base {                                                \
    static constexpr bool rule = false;                                         \
  };                                                                            \
  TEST_CASE("mutant: containers without " #rule) {                              \
    const long died = crowded_survived<rules, looks>(#rule);                    \
    CHECK(died > 0);                                                            \
    MESSAGE("containers without " #rule " die after " << died << " histories"); \
  }
#define GENERAL_MUTANT(rule) CROWDED_MUTANT(GeneralRules, rule, Crowded_##rule, ContainerRules)
#define CONTAINER_MUTANT(rule) CROWDED_MUTANT(ContainerRules, rule, GeneralRules, Crowded_##rule)

GENERAL_MUTANT(only_takes_at_once)
GENERAL_MUTANT(only_passages_in_order)
GENERAL_MUTANT(only_unused_infos_awaited)
GENERAL_MUTANT(only_earlier_takes)
GENERAL_MUTANT(only_taken_go_first)
GENERAL_MUTANT(only_inside_together)
GENERAL_MUTANT(only_later_takes)

CONTAINER_MUTANT(only_too_late)
CONTAINER_MUTANT(infos_may_take)
CONTAINER_MUTANT(spares_only_taken)
CONTAINER_MUTANT(only_certain_puts)
CONTAINER_MUTANT(only_put_once)
CONTAINER_MUTANT(only_unseen)

/// These two die rarely at random.
Asked answered(Function f, Value argument, Value output, Position begin, Position end) {
  Asked o = request(f, std::move(argument));
  o.output = std::move(output);
  o.begin = begin;
  o.end = end;
  o.info = end == never;
  return o;
}
template <typename Rules>
void must_mistake(const std::vector<Asked>& history, bool valid) {
  const CrowdedContainer queue = crowded_containers().front();
  const Built built(history);
  for (const auto strategy : {GeneralOptions::Strategy::both, GeneralOptions::Strategy::breadth,
                              GeneralOptions::Strategy::depth}) {
    CHECK(ObjectOracle().linearizable(queue.spec, history) == valid);
    CHECK(judge_container(queue, built.all(), {strategy}) == validity(valid));
    CHECK(judge_container<Rules>(queue, built.all(), {strategy}) == validity(!valid));
  }
}

struct PutsWithTakesUndone : GeneralRules {
  static constexpr bool puts_with_takes_undone = false;
};
TEST_CASE("mutant: a queue that lets an element pass by two others, one of which must stay") {
  must_mistake<PutsWithTakesUndone>(
      {answered(Function::enqueue, 1, {}, 0, 1), answered(Function::enqueue, 2, {}, 2, 3),
       answered(Function::dequeue, {}, {}, 4, never), answered(Function::enqueue, 3, {}, 5, 7),
       answered(Function::dequeue, {}, 3, 6, 8)},
      false);
}

struct PutDeadlines : GeneralRules {
  static constexpr bool put_deadlines = false;
};
TEST_CASE("mutant: a queue in which a lost element waits for one that cannot go in so early") {
  must_mistake<PutDeadlines>(
      {answered(Function::enqueue, 1, {}, 0, 100), answered(Function::enqueue, 2, {}, 1, 10),
       answered(Function::dequeue, {}, {}, 2, never), answered(Function::enqueue, 3, {}, 20, 30),
       answered(Function::dequeue, {}, 3, 40, 50), answered(Function::dequeue, {}, 1, 60, 70)},
      true);
}

#undef GENERAL_MUTANT
#undef CONTAINER_MUTANT
#undef CROWDED_MUTANT

}  // namespace
}  // namespace faultline::oracle
