// Counters, fetch-and-add, ids and grow-only sets: the fast engines against brute force.
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/linearizable/fast/counter.h"
#include "checkers/linearizable/fast/fetch_and_add.h"
#include "checkers/linearizable/fast/grow_set.h"
#include "tests/oracle/brute.h"

namespace faultline::oracle {
namespace {

using namespace linearizable::fast;

constexpr ValueId first_sum = 3;  ///< What counters begin with, so that answers can be below.

/// Counters and fetch-and-adds. `step_other` percent of the adds add 1 more.
struct NumberShape {
  ValueId step = 1;
  int step_other = 0;
  int read_percent = 50;
  bool fetches = false;  ///< Adds answer, what was there before or after.
  bool after = false;
};

Subject<ValueId> number_subject(NumberShape shape) {
  Subject<ValueId> s;
  s.initial = first_sum;
  s.step = [=](ValueId& state, const Operation& o) {
    const bool info = o.end == never;
    if (o.function == Function::read) return info || o.output == state;
    const ValueId next = state + o.argument;
    if (shape.fetches && !info && o.output != (shape.after ? next : state)) return false;
    state = next;
    return true;
  };
  s.make = [=](Rng& rng, Operation& o, int) {
    o.function = below(rng, 100) < shape.read_percent ? Function::read : Function::add;
    if (o.function == Function::read) return false;
    o.argument = shape.step + (below(rng, 100) < shape.step_other ? 1 : 0);
    return true;
  };
  s.answer = [=](Rng&, const ValueId& state, Operation& o) {
    if (o.function == Function::read)
      o.output = state;
    else if (shape.fetches)
      o.output = shape.after ? state + o.argument : state;
  };
  s.spoil = [](Rng& rng, Operation& o, const Operation& other) {
    if (o.output == no_value) return;
    const int how = below(rng, 4);
    if (how == 0 && o.output > 0) --o.output;
    if (how == 1) ++o.output;
    if (how >= 2 && other.output != no_value) o.output = other.output;
  };
  return s;
}

TEST_CASE("fast: counter") {
  Values values;
  const long count = iterations(30'000);
  for (const ValueId step : {1, 2}) {
    const Tally t = compare(number_subject({.step = step}), values, Counter<>(first_sum),
                            Rng(31).fork("step", step), count, by_row);
    CHECK(t.wrong == 0);
    CHECK(t.unknown == 0);
    CHECK(t.valid > count / 5);
    CHECK(t.invalid > count / 10);
    CHECK(t.minimal > t.invalid / 20);
  }
  const Tally t = compare(number_subject({.step_other = 20}), values, Counter<>(first_sum),
                          Rng(31).fork("unequal"), count / 2, by_row);
  CHECK(t.wrong == 0);
  CHECK(t.unknown > count / 10);
}

TEST_CASE("fast: fetch-and-add") {
  Values values;
  const long count = iterations(30'000);
  for (const bool after : {false, true})
    for (const int reads : {0, 30}) {
      CAPTURE(after);
      CAPTURE(reads);
      const Tally t = compare(
          number_subject(
              {.step = after ? 2u : 1u, .read_percent = reads, .fetches = true, .after = after}),
          values, FetchAndAdd<>(after ? Answers::after : Answers::before, first_sum),
          Rng(32).fork(after ? "after" : "before", static_cast<std::uint64_t>(reads)), count,
          by_row);
      CHECK(t.wrong == 0);
      CHECK(t.unknown == 0);
      CHECK(t.valid > count / 5);
      CHECK(t.invalid > count / 5);
    }
  const Tally t = compare(number_subject({.step_other = 20, .read_percent = 10, .fetches = true}),
                          values, FetchAndAdd<>(Answers::before, first_sum),
                          Rng(32).fork("unequal"), count / 2, by_row);
  CHECK(t.wrong == 0);
  CHECK(t.unknown > count / 10);
}

TEST_CASE("fast: fetch-and-add, 0 and then 5 with nothing between") {
  Values values;
  FetchAndAdd<> engine;
  History12 h(2);
  for (std::size_t i = 0; i < 2; ++i) {
    h[i].function = Function::add;
    h[i].argument = 1;
    h[i].begin = static_cast<Position>(2 * i);
    h[i].end = h[i].begin + 1;
    h[i].output = static_cast<ValueId>(5 * i);
  }
  linearizable::Meter meter = plenty();
  CHECK(engine.check(values.object(h), meter).answer == Answer::invalid);
  h[1].output = 1;
  CHECK(engine.check(values.object(h), meter).answer == Answer::valid);
}

TEST_CASE("fast: ids") {
  Values values;
  IdGenerator engine;
  Rng rng(33);
  for (int i = 0; i < 10'000; ++i) {
    History12 h(1 + static_cast<std::size_t>(below(rng, 8)));
    bool twice = false;
    std::vector<ValueId> given;
    for (std::size_t k = 0; k < h.size(); ++k) {
      h[k].function = Function::generate;
      h[k].begin = static_cast<Position>(2 * k);
      h[k].end = below(rng, 5) == 0 ? never : h[k].begin + 1;
      h[k].id = static_cast<OperationId>(k);
      if (h[k].end == never) continue;
      h[k].output = static_cast<ValueId>(below(rng, 20));
      twice |= std::find(given.begin(), given.end(), h[k].output) != given.end();
      given.push_back(h[k].output);
    }
    linearizable::Meter meter = plenty();
    const Decision d = engine.check(values.object(h), meter);
    REQUIRE(d.answer == (twice ? Answer::invalid : Answer::valid));
    if (!twice) continue;
    REQUIRE(d.witness.size() == 2);
    REQUIRE(h[d.witness[0]].output == h[d.witness[1]].output);
  }
}

// Grow-only sets.

using Elements = std::vector<ValueId>;

Subject<Elements> grow_subject(Values& values, int repeat_percent) {
  Subject<Elements> s;
  const auto content = [&values](ValueId list) {
    const auto at = values.items.find(list);
    Elements sorted = at == values.items.end() ? Elements{} : at->second;
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  };
  s.step = [=](Elements& elements, const Operation& o) {
    if (o.function == Function::read) return o.end == never || content(o.output) == elements;
    const auto at = std::lower_bound(elements.begin(), elements.end(), o.argument);
    if (at == elements.end() || *at != o.argument) elements.insert(at, o.argument);
    return true;
  };
  s.make = [=](Rng& rng, Operation& o, int index) {
    o.function = below(rng, 2) == 0 ? Function::read : Function::add;
    if (o.function == Function::read) return false;
    o.argument = static_cast<ValueId>(below(rng, 100) < repeat_percent ? below(rng, 3) : index);
    return true;
  };
  s.answer = [&values](Rng& rng, const Elements& elements, Operation& o) {
    if (o.function != Function::read) return;
    Elements shuffled = elements;
    for (std::size_t i = 1; i < shuffled.size(); ++i)
      std::swap(shuffled[i],
                shuffled[static_cast<std::size_t>(below(rng, static_cast<int>(i) + 1))]);
    o.output = values.list(shuffled);
  };
  s.spoil = [=, &values](Rng& rng, Operation& o, const Operation& other) {
    if (o.function != Function::read) return;
    Elements items = content(o.output);
    if (below(rng, 2) == 0 && !items.empty()) {
      items.erase(items.begin() + below(rng, static_cast<int>(items.size())));
    } else {
      const ValueId more = other.function == Function::add ? other.argument : ValueId{11};
      if (std::find(items.begin(), items.end(), more) == items.end() || below(rng, 10) == 0)
        items.push_back(more);
    }
    o.output = values.list(items);
  };
  return s;
}

TEST_CASE("fast: grow-only set") {
  const long count = iterations(12'000);
  for (const int repeats : {0, 40}) {
    Values values;
    const Tally t =
        compare(grow_subject(values, repeats), values, GrowSet<>(),
                Rng(34).fork("grow", static_cast<std::uint64_t>(repeats)), count, by_row);
    CHECK(t.wrong == 0);
    CHECK(t.unknown < count / 10);
    CHECK(t.valid > count / 5);
    CHECK(t.invalid > count / 10);
  }
}

// Mutants.

#define NUMBER_MUTANT(Engine, rule, shape, ...)                                            \
  struct Engine##_##rule : Engine##Rules {                                                 \
    static constexpr bool rule = false;                                                    \
  };                                                                                       \
  TEST_CASE("mutant: " #Engine " without " #rule) {                                        \
    Values values;                                                                         \
    const long died = survived(number_subject(shape), values,                              \
                               Engine<Engine##_##rule>(__VA_ARGS__), Rng(35).fork(#rule)); \
    CHECK(died > 0);                                                                       \
    MESSAGE(#Engine " without " #rule " dies after " << died << " histories");             \
  }
constexpr NumberShape counting{.step_other = 3};
constexpr NumberShape fetching{.step_other = 3, .read_percent = 25, .fetches = true};
NUMBER_MUTANT(Counter, equal_steps, counting, first_sum)
NUMBER_MUTANT(Counter, not_too_few, counting, first_sum)
NUMBER_MUTANT(Counter, not_too_many, counting, first_sum)
NUMBER_MUTANT(Counter, earliest_first, counting, first_sum)
NUMBER_MUTANT(Counter, reads_count, counting, first_sum)
NUMBER_MUTANT(FetchAndAdd, equal_steps, fetching, Answers::before, first_sum)
NUMBER_MUTANT(FetchAndAdd, distinct, fetching, Answers::before, first_sum)
NUMBER_MUTANT(FetchAndAdd, in_order, fetching, Answers::before, first_sum)
NUMBER_MUTANT(FetchAndAdd, reads_in_order, fetching, Answers::before, first_sum)
NUMBER_MUTANT(FetchAndAdd, gaps_filled, fetching, Answers::before, first_sum)
NUMBER_MUTANT(FetchAndAdd, gaps_in_time, fetching, Answers::before, first_sum)
#undef NUMBER_MUTANT

#define GROW_MUTANT(rule)                                                                \
  struct Grow_##rule : GrowSetRules {                                                    \
    static constexpr bool rule = false;                                                  \
  };                                                                                     \
  TEST_CASE("mutant: GrowSet without " #rule) {                                          \
    Values values;                                                                       \
    const long died = survived(grow_subject(values, 20), values, GrowSet<Grow_##rule>(), \
                               Rng(36).fork(#rule), 8);                                  \
    CHECK(died > 0);                                                                     \
    MESSAGE("GrowSet without " #rule " dies after " << died << " histories");            \
  }
GROW_MUTANT(added)
GROW_MUTANT(chain)
GROW_MUTANT(adds_in_time)
GROW_MUTANT(adds_seen)
GROW_MUTANT(reads_in_order)
GROW_MUTANT(unread_adds)
#undef GROW_MUTANT

}  // namespace
}  // namespace faultline::oracle
