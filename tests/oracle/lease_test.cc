// The lease, by the clock: the oracle tries every instant of every operation, the model only the
// earliest. Clocks that tick unevenly, infos, refusals; and each rule of the model broken alone.
#include "checkers/linearizable/models/lease.h"

#include <array>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/linearizable/reduce.h"
#include "tests/oracle/judges.h"
#include "tests/oracle/objects.h"

namespace faultline::oracle {
namespace {

using linearizable::GeneralOptions;
using linearizable::LeaseRules;

/// Events between which the clock ticks not at all or several times; now and then two of them were
/// stamped the other way round.
void read_clock(std::vector<Asked>& history, Rng& rng) {
  Position events = 0;
  for (const Asked& o : history) events = std::max({events, o.begin + 1, o.info ? 0 : o.end + 1});
  std::vector<std::int64_t> clock;
  const int most = 1 + pick(rng, 3);
  for (std::int64_t now = pick(rng, 3); clock.size() < events; now += pick(rng, most + 1))
    clock.push_back(std::min<std::int64_t>(now, 25));
  if (pick(rng, 4) == 0) {
    const auto at = static_cast<std::size_t>(pick(rng, static_cast<int>(events)));
    if (at > 0 && clock[at] - clock[at - 1] < 2) std::swap(clock[at], clock[at - 1]);
  }
  for (Asked& o : history) {
    o.begin_ms = clock[o.begin];
    if (!o.info) o.end_ms = std::max(clock[o.end], o.begin_ms);
  }
}

std::string with_clock(const std::vector<Asked>& history) {
  std::string out = to_text(history);
  for (const Asked& o : history)
    out +=
        std::to_string(o.asked_ms()) + "-" + (o.info ? "" : std::to_string(o.answered_ms())) + " ";
  return out;
}

std::vector<Asked> timed_history(const Spec& spec, Rng& rng, int most) {
  std::vector<Asked> history = random_object_history(spec, rng, most);
  read_clock(history, rng);
  return history;
}

template <typename Rules = LeaseRules>
Validity judge_lease(const std::vector<Asked>& history, bool by_time = true,
                     const GeneralOptions& options = {}) {
  const Built built(history);
  const auto all = built.all();
  linearizable::Lease<Rules> model(all);
  const linearizable::GeneralPlan plan(all, model, true, by_time);
  linearizable::States states(model, plan.classes());
  linearizable::Meter meter(std::uint64_t{1} << 40, std::uint64_t{1} << 30, nullptr);
  return linearizable::General<linearizable::GeneralRules, 1>(plan, states, meter)
      .run(options)
      .validity;
}

TEST_CASE("oracle: a lease under a clock that ticks unevenly, every instant tried") {
  ObjectOracle oracle;
  const Spec spec = lease_spec();
  Rng rng(3001);
  const long count = iterations(12'000);
  long valid = 0, wrong = 0, infos = 0, refusals = 0;
  for (long i = 0; i < count; ++i) {
    const std::vector<Asked> history = timed_history(spec, rng, 8);
    for (const Asked& o : history) infos += o.info, refusals += o.refused;
    const bool truth = oracle.linearizable(spec, history);
    valid += truth;
    GeneralOptions options;
    options.strategy = strategy_in_turn(i);
    if (judge_lease(history, true, options) == validity(truth)) continue;
    if (++wrong == 1) FAIL_CHECK("oracle says " << truth << "\n" << with_clock(history));
  }
  CHECK(wrong == 0);
  CHECK(valid > count / 5);
  CHECK(count - valid > count / 8);
  CHECK(infos > count / 5);
  CHECK(refusals > count / 20);
  MESSAGE(count << " histories, " << valid << " valid, " << infos << " infos, " << refusals
                << " refusals");
}

TEST_CASE("oracle: a lease, every history of three operations") {
  ObjectOracle oracle;
  const Spec spec = lease_spec();
  std::vector<Asked> words;
  for (const std::uint32_t process : {0u, 1u})
    for (const bool info : {false, true})
      for (const int ttl : {0, 1, 3, 9}) {
        Asked o = ttl == 0 ? request(Function::release) : request(Function::acquire, ttl);
        o.process = process;
        o.info = info;
        words.push_back(o);
      }
  long count = 0, valid = 0, wrong = 0;
  std::array<std::size_t, 6> events{0, 0, 1, 1, 2, 2};
  do {
    std::array<std::array<Position, 2>, 3> at{};
    std::array<std::size_t, 3> seen{};
    for (Position p = 0; p < 6; ++p) at[events[p]][seen[events[p]]++] = p;
    if (at[0][0] > at[1][0] || at[1][0] > at[2][0]) continue;
    for (const Asked& a : words)
      for (const Asked& b : words)
        for (const Asked& c : words) {
          std::vector<Asked> history{a, b, c};
          for (std::size_t i = 0; i < 3; ++i) {
            history[i].begin = at[i][0];
            history[i].end = at[i][1];
          }
          const bool truth = oracle.linearizable(spec, history);
          GeneralOptions options;
          options.strategy = strategy_in_turn(count + count / 16);  // each with each word
          ++count;
          valid += truth;
          if (judge_lease(history, true, options) == validity(truth)) continue;
          if (++wrong == 1) FAIL_CHECK("oracle says " << truth << "\n" << with_clock(history));
        }
  } while (std::ranges::next_permutation(events).found);
  CHECK(wrong == 0);
  CHECK(count == 15L * 16 * 16 * 16);
  CHECK(valid > count / 20);
  CHECK(count - valid > count / 50);
}

TEST_CASE(
    "oracle: a lease with wider intervals by the clock stays valid; moved or scaled, what it is") {
  const Spec spec = lease_spec();
  Rng rng(3002);
  const long count = iterations(5'000);
  long wrong = 0, valid = 0, invalid = 0;
  for (long i = 0; i < count; ++i) {
    const std::vector<Asked> history = timed_history(spec, rng, 14);
    const Validity verdict = judge_lease(history);
    std::vector<Asked> other = history;
    // The halves of the clock's number carry at 4.29 s.
    for (Asked& o : other) {
      o.begin_ms = 2 * o.begin_ms + 4'250;
      if (!o.info) o.end_ms = 2 * o.end_ms + 4'250;
      if (o.function == Function::acquire) o.argument = 2 * whole(o.argument);
    }
    wrong += judge_lease(other) != verdict;
    if (verdict != Validity::valid) {
      ++invalid;
      continue;
    }
    ++valid;
    for (int widened = 0; widened < 4; ++widened) {
      Asked& o = other[static_cast<std::size_t>(pick(rng, static_cast<int>(other.size())))];
      o.begin_ms -= pick(rng, 30);
      if (!o.info) o.end_ms += pick(rng, 30);
    }
    wrong += judge_lease(other) != Validity::valid;
  }
  CHECK(wrong == 0);
  CHECK(valid > count / 5);
  CHECK(invalid > count / 8);
}

TEST_CASE("oracle: of a valid lease any of its units can be left out, alone or together") {
  ObjectOracle oracle;
  const Spec spec = lease_spec();
  const auto traits = linearizable::find_model("lease")->traits();
  Rng rng(3003);
  const long count = iterations(6'000);
  long wrong = 0, looked = 0, large = 0;
  for (long i = 0; i < count; ++i) {
    std::vector<Asked> history = timed_history(spec, rng, 8);
    // More of what one process does, so that its part is cut.
    if (i % 2 == 0)
      for (Asked& o : history) o.process %= 2;
    if (judge_lease(history) != Validity::valid) continue;
    const Built built(history);
    const auto units = linearizable::droppable(built.all(), traits, {});
    std::vector<bool> gone(built.asked.size(), false);
    for (const auto& unit : units) {
      if (pick(rng, 3) > 0) continue;
      large += unit.size() > 1 && unit.size() < built.asked.size() / 2;
      for (const std::size_t place : unit) gone[place] = true;
    }
    std::vector<Asked> rest;
    for (std::size_t place = 0; place < gone.size(); ++place)
      if (!gone[place]) rest.push_back(built.asked[place]);
    looked += rest.size() < gone.size();
    if (oracle.linearizable(spec, rest)) continue;
    if (++wrong == 1) FAIL_CHECK(with_clock(history) << "\n without some:\n" << with_clock(rest));
  }
  CHECK(wrong == 0);
  CHECK(looked > count / 5);
  CHECK(large > count / 50);
}

TEST_CASE("oracle: a witness about a lease is invalid by itself, and nothing of it can go") {
  ObjectOracle oracle;
  const Spec spec = lease_spec();
  const auto traits = linearizable::find_model("lease")->traits();
  Rng rng(3005);
  const long count = iterations(4'000);
  long wrong = 0, invalid = 0, smaller = 0;
  for (long i = 0; i < count; ++i) {
    const std::vector<Asked> history = timed_history(spec, rng, 8);
    const Built built(history);
    const auto all = built.all();
    const auto model = traits.make(all, {});
    const linearizable::GeneralPlan plan(all, *model, traits.by_process, traits.by_time);
    linearizable::States states(*model, plan.classes());
    linearizable::Meter meter(std::uint64_t{1} << 40, std::uint64_t{1} << 30, nullptr);
    const auto result = linearizable::search_general(plan, states, meter);
    if (result.validity != Validity::invalid) continue;
    ++invalid;
    const auto proof = linearizable::reduce(all, result.failed_call, traits, {}, meter);
    std::vector<Asked> kept;
    for (const std::size_t place : proof.places) kept.push_back(built.asked[place]);
    smaller += kept.size() < history.size();
    wrong += !proof.minimal || oracle.linearizable(spec, kept);
  }
  CHECK(wrong == 0);
  CHECK(invalid > count / 8);
  CHECK(smaller > invalid / 2);
}

// --- The model's rules, broken alone. ------------------------------------------------------------

constexpr long lease_tries = 200'000;

template <typename Rules>
void lease_must_die(const std::string& name, bool by_time = true) {
  CAPTURE(name);
  const Spec spec = lease_spec();
  Rng rng = Rng(3004).fork(name);
  long died = 0;
  for (long i = 1; i <= lease_tries && died == 0; ++i) {
    const std::vector<Asked> history = timed_history(spec, rng, 10);
    if (judge_lease<Rules>(history, by_time) != judge_lease(history)) died = i;
  }
  CHECK(died > 0);
  MESSAGE("a lease without " << name << " dies after " << died << " histories");
}

#define LEASE_MUTANT(rule)              \
  struct Lease_##rule : LeaseRules {    \
    static constexpr bool rule = false; \
  };                                    \
  TEST_CASE("mutant: a lease without " #rule) { lease_must_die<Lease_##rule>(#rule); }

LEASE_MUTANT(holds_end)
LEASE_MUTANT(releases_end_holds)
LEASE_MUTANT(own_holds_only)
LEASE_MUTANT(earliest_instant)
LEASE_MUTANT(not_before_invocation)
LEASE_MUTANT(not_after_answer)
LEASE_MUTANT(instants_in_order)
LEASE_MUTANT(holders_renew)
LEASE_MUTANT(renewals_may_shorten)
LEASE_MUTANT(infos_may_shorten)
LEASE_MUTANT(infos_may_release)

#undef LEASE_MUTANT

TEST_CASE("mutant: a lease whose operations are alike at different times") {
  lease_must_die<LeaseRules>("by_time", false);
}

}  // namespace
}  // namespace faultline::oracle
