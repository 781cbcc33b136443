// Each rule of the general engine, broken alone: the histories here must notice. A mutant that
// survives means that the tests could not tell a wrong engine from a right one.
#include <string>

#include <doctest/doctest.h>

#include "tests/oracle/judges.h"
#include "tests/oracle/objects.h"

namespace faultline::oracle {
namespace {

using linearizable::GeneralOptions;
using linearizable::GeneralRules;

constexpr long general_tries = 300'000;

/// After how many histories the engine disagreed with itself unbroken; 0: never.
template <typename Rules>
long objects_survived(const std::string& name, std::size_t beam = GeneralOptions{}.beam) {
  const std::vector<Spec> specs = all_specs();
  Rng rng = Rng(2028).fork(name);
  for (long i = 1; i <= general_tries; ++i) {
    const Spec& spec = specs[rng.below(specs.size())];
    const std::vector<Asked> history = random_object_history(spec, rng, 12);
    const Built built(history);
    GeneralOptions options;
    options.strategy =
        i % 2 == 0 ? GeneralOptions::Strategy::breadth : GeneralOptions::Strategy::depth;
    if (beam != options.beam) options = {GeneralOptions::Strategy::both, beam};
    if (judge_general<Rules>(spec, built.all(), options) !=
        judge_general(spec, built.all(), options))
      return i;
  }
  return 0;
}

template <typename Rules>
void must_die(const std::string& name) {
  CAPTURE(name);
  const long died = objects_survived<Rules>(name);
  CHECK(died > 0);
  MESSAGE("general without " << name << " dies after " << died << " histories");
}

struct GeneralForgetsTruncation : GeneralRules {
  static constexpr std::size_t checkpoint_every = 1, goes_back_first = 2;
  static constexpr bool truncation_remembered = false;
};
TEST_CASE("mutant: general that goes back to a beam as if it were all there is") {
  const long died = objects_survived<GeneralForgetsTruncation>("truncation", 1);
  CHECK(died > 0);
  MESSAGE("dies after " << died << " histories");
}

#define GENERAL_MUTANT(rule)             \
  struct General_##rule : GeneralRules { \
    static constexpr bool rule = false;  \
  };                                     \
  TEST_CASE("mutant: general without " #rule) { must_die<General_##rule>(#rule); }

GENERAL_MUTANT(only_observers_absorbed)
GENERAL_MUTANT(earliest_deadline)
GENERAL_MUTANT(infos_are_counted)
GENERAL_MUTANT(infos_live)
GENERAL_MUTANT(only_commuting_wait)
GENERAL_MUTANT(visited_knows_pending)
GENERAL_MUTANT(compare_reads)
GENERAL_MUTANT(compare_used)
GENERAL_MUTANT(compare_cas)

#undef GENERAL_MUTANT

}  // namespace
}  // namespace faultline::oracle
