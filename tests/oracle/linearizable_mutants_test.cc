// Each rule of each engine, broken alone: the histories here must notice. A mutant that survives
// means that the tests could not tell a wrong engine from a right one.
#include <algorithm>
#include <string>

#include <doctest/doctest.h>

#include "harness/core/rng.h"
#include "tests/oracle/generate.h"
#include "tests/oracle/judges.h"

namespace faultline::oracle {
namespace {

using linearizable::Call;
using linearizable::Object;
using linearizable::SearchRules;
using linearizable::ZoneRules;

// Tried up to this many times; the hardest mutant dies after some thousand histories.
constexpr long register_tries = 3'000'000;

/// After how many histories the engine disagreed with the oracle; 0: never.
template <typename Judge, typename... Options>
long survived(const std::string& name, bool unique, const Options&... options) {
  Judge judge;
  Oracle oracle;
  Rng rng = Rng(2026).fork(name);
  for (long i = 1; i <= register_tries; ++i) {
    Shape shape = random_shape(rng, 10);
    if (unique) {
      shape.unique = rng.below(4) > 0;
      shape.mismatches = rng.below(8) == 0;
    }
    const std::vector<Call> calls = random_history(rng, shape);
    const Validity found = judge.judge(Object{calls, value_count(shape)}, options...);
    if (found != Validity::unknown && found != validity(oracle.linearizable(calls))) return i;
  }
  return 0;
}

template <typename Rules>
void must_die_in_search(const std::string& name) {
  CAPTURE(name);
  const long died = survived<SearchJudge<Rules>>(name, false);
  CHECK(died > 0);
  MESSAGE("search without " << name << " dies after " << died << " histories");
}

template <typename Rules>
void must_die_in_zones(const std::string& name) {
  CAPTURE(name);
  const long died = survived<ZoneJudge<Rules>>(name, true);
  CHECK(died > 0);
  MESSAGE("zones without " << name << " die after " << died << " histories");
}

struct ForgetsTruncation : SearchRules {
  static constexpr std::size_t checkpoint_every = 1, goes_back_first = 2;
  static constexpr bool truncation_remembered = false;
};
TEST_CASE("mutant: search that goes back to a beam as if it were all there is") {
  linearizable::SearchOptions narrow;
  narrow.beam = 1;
  const long died = survived<SearchJudge<ForgetsTruncation>>("truncation", false, narrow);
  CHECK(died > 0);
  MESSAGE("dies after " << died << " histories");
}

#define SEARCH_MUTANT(rule)             \
  struct Search_##rule : SearchRules {  \
    static constexpr bool rule = false; \
  };                                    \
  TEST_CASE("mutant: search without " #rule) { must_die_in_search<Search_##rule>(#rule); }
#define ZONE_MUTANT(rule)               \
  struct Zones_##rule : ZoneRules {     \
    static constexpr bool rule = false; \
  };                                    \
  TEST_CASE("mutant: zones without " #rule) { must_die_in_zones<Zones_##rule>(#rule); }

SEARCH_MUTANT(thrift_remembered)
SEARCH_MUTANT(absorbed_writes_stay_usable)
SEARCH_MUTANT(equal_writes_only)
SEARCH_MUTANT(useful_to_reads)
SEARCH_MUTANT(useful_to_cas)
SEARCH_MUTANT(useful_to_mismatches)
SEARCH_MUTANT(useful_through_infos)
SEARCH_MUTANT(brought_by_cas)
SEARCH_MUTANT(brought_by_infos)
SEARCH_MUTANT(late_optional_writes)
SEARCH_MUTANT(late_for_mismatches)
SEARCH_MUTANT(earliest_deadline)
SEARCH_MUTANT(fresh_against_consumed)
SEARCH_MUTANT(compare_optional)
SEARCH_MUTANT(compare_reads)
SEARCH_MUTANT(compare_used)
SEARCH_MUTANT(compare_cas)
SEARCH_MUTANT(infos_are_counted)
SEARCH_MUTANT(infos_live_through_infos)
SEARCH_MUTANT(infos_live_for_mismatches)
SEARCH_MUTANT(merged_values_uncompared)
SEARCH_MUTANT(merged_states_uncompared)

ZONE_MUTANT(unique_writes)
ZONE_MUTANT(fresh_writes)
ZONE_MUTANT(no_mismatches)
ZONE_MUTANT(written)
ZONE_MUTANT(not_from_future)
ZONE_MUTANT(forward_disjoint)
ZONE_MUTANT(backward_outside)
ZONE_MUTANT(initial_first)
ZONE_MUTANT(chain_order)
ZONE_MUTANT(chain_closed)
ZONE_MUTANT(chain_zone)
ZONE_MUTANT(observed_infos)
ZONE_MUTANT(unobserved_infos)
ZONE_MUTANT(info_chains)

#undef SEARCH_MUTANT
#undef ZONE_MUTANT

}  // namespace
}  // namespace faultline::oracle
