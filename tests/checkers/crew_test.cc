// Keys looked at on several threads: each once, and with the verdict that one thread comes to.
#include "checkers/linearizable/crew.h"

#include <atomic>
#include <deque>
#include <stdexcept>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "harness/core/rng.h"
#include "tests/checkers/linearizable_check.h"

namespace faultline {
namespace {

using linearizable::each_object;
using linearizable::Meter;
using linearizable::Purse;
using script::Script;

Verdict check_on(unsigned threads, const Script& script, const Settings& settings,
                 Budget budget = {}) {
  budget.threads = threads;
  return check(script, settings, budget);
}

void same(const Verdict& a, const Verdict& b) {
  CHECK(a.validity == b.validity);
  CHECK(a.model == b.model);
  CHECK(a.engine == b.engine);
  CHECK(a.reason == b.reason);
  CHECK(a.summary == b.summary);
  CHECK(a.explanation == b.explanation);
  CHECK(a.witness == b.witness);
  CHECK(a.anomalies == b.anomalies);
  CHECK(a.refuted == b.refuted);
  CHECK(a.not_refuted == b.not_refuted);
  CHECK(a.counted == b.counted);
  CHECK(a.keys_invalid == b.keys_invalid);
}

/// Overlapping operations of which one in sixty or so answers at random.
template <typename Add>
Script many_keys(std::uint64_t seed, int keys, Add add) {
  Rng rng(seed);
  Script script;
  for (int k = 0; k < keys; ++k) {
    const int count = 4 + static_cast<int>(rng.below(20));
    for (int i = 0; i < count; ++i) {
      const int begin = 3 * i + 100 * k;
      add(script, "k" + std::to_string(k), begin, begin + 1 + static_cast<int>(rng.below(6)), i,
          rng.below(60) == 0);
    }
  }
  return script;
}

TEST_CASE("crew: every object is looked at once, by one thread in order") {
  for (const unsigned threads : {1u, 2u, 7u}) {
    std::vector<std::atomic<int>> seen(1000);
    std::atomic<unsigned> looks = 0;
    each_object(seen.size(), threads, [&] {
      ++looks;
      return [&](std::size_t i) { ++seen[i]; };
    });
    for (const auto& times : seen) CHECK(times == 1);
    CHECK(looks == threads);
  }
  std::vector<std::size_t> order;
  each_object(5, 1, [&] { return [&](std::size_t i) { order.push_back(i); }; });
  CHECK(order == std::vector<std::size_t>{0, 1, 2, 3, 4});
  each_object(0, 3, [&] { return [&](std::size_t i) { order.push_back(i); }; });
  CHECK(order.size() == 5);
}

TEST_CASE("crew: an exception ends the work and reaches the caller") {
  for (const unsigned threads : {1u, 3u}) {
    std::atomic<std::size_t> begun = 0;
    const auto throwing = [&] {
      each_object(100'000'000, threads, [&] {
        return [&](std::size_t i) {
          ++begun;
          if (i == 40) throw std::runtime_error("object 40");
        };
      });
    };
    CHECK_THROWS_WITH(throwing(), "object 40");
    CHECK(begun < 100'000'000);
  }
}

TEST_CASE("crew: shares are taken from what is left, and what was not spent comes back") {
  Budget budget;
  budget.steps_max = 1000;
  Purse purse(budget);
  Meter half = purse.take(2, 77);
  CHECK(half.steps_left() == 500);
  CHECK(half.bytes_max() == 77);
  Meter rest = purse.take(1, 77);
  CHECK(rest.steps_left() == 500);
  CHECK_FALSE(purse.exhausted());  // what is lent may come back
  half.spend(400);
  purse.give_back(half, 500);
  purse.expect(2);
  CHECK(purse.take_share(77, 60).steps_left() == 30);
  CHECK(purse.take_share(77).steps_left() == 70);
  rest.spend(500);
  purse.give_back(rest, 500);
  CHECK_FALSE(purse.exhausted());
  purse.give_back(Meter(0, 0, nullptr), 100);
  CHECK(purse.exhausted());
  CHECK(purse.reason() == std::string("steps"));

  std::atomic<bool> stop = false;
  budget.stop = &stop;
  Purse stopped(budget);
  CHECK_FALSE(stopped.exhausted());
  stop = true;
  CHECK(stopped.exhausted());
  CHECK(stopped.reason() == std::string("stopped"));
}

TEST_CASE("crew: whoever comes first leaves the others their share") {
  Budget budget;
  budget.steps_max = 900;
  Purse purse(budget);
  purse.expect(3);
  for (int i = 0; i < 3; ++i) CHECK(purse.take_share(77).steps_left() == 300);
}

TEST_CASE("crew: registers have one verdict, however many threads look at them") {
  int invalid = 0, zones = 0;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    const bool unique = seed % 2 == 0;
    int last = 0;
    const Script script = many_keys(
        seed, 150,
        [&](Script& s, const std::string& key, int begin, int end, int i, bool at_random) {
          const int value = unique ? i : i % 3;
          if (i % 2 == 0) {
            s.write(begin, end, last = value, key);
          } else {
            s.read(begin, end, at_random ? unique ? 99 : (last + 1) % 3 : last, key);
          }
        });
    const Verdict alone = check_on(1, script, {});
    invalid += alone.validity == Validity::invalid;
    zones += alone.engine == "zones";
    for (const unsigned threads : {2u, 4u}) same(alone, check_on(threads, script, {}));
  }
  CHECK(invalid >= 6);
  CHECK(zones == 6);
}

TEST_CASE("crew: objects have one verdict, however many threads look at them") {
  int invalid = 0;
  for (const std::string engine : {"auto", "general"})
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
      const Script script = many_keys(
          seed, 120,
          [](Script& s, const std::string& key, int begin, int end, int i, bool at_random) {
            if (i % 2 == 0)
              s.add({Function::enqueue, i, {}, Fate::ok, begin, end, key});
            else
              s.add({Function::dequeue, {}, at_random ? 99 : i - 1, Fate::ok, begin, end, key});
          });
      const Settings settings{{"model", "fifo-queue"}, {"engine", engine}};
      const Verdict alone = check_on(1, script, settings);
      invalid += alone.validity == Validity::invalid;
      for (const unsigned threads : {2u, 4u}) same(alone, check_on(threads, script, settings));
    }
  CHECK(invalid >= 6);
}

TEST_CASE("crew: one object is searched breadth first and depth first at once, with one verdict") {
  int invalid = 0, valid = 0;
  for (std::uint64_t seed = 0; seed < 150; ++seed) {
    Rng rng(seed);
    Script script;
    std::deque<Value> queue;  // each takes effect as it begins, but for one answer in twelve
    for (int i = 0; i < 14; ++i) {
      const int begin = 2 * i, end = begin + 1 + static_cast<int>(rng.below(9));
      const auto element = static_cast<std::int64_t>(rng.below(3));
      if (i % 2 == 0) {
        const bool info = rng.below(4) == 0;
        script.add({Function::enqueue, element, {}, info ? Fate::info : Fate::ok, begin, end});
        if (!info || rng.below(2) == 0) queue.push_back(element);
        continue;
      }
      Value answer;
      if (!queue.empty()) {
        answer = queue.front();
        queue.pop_front();
      }
      if (rng.below(12) == 0) answer = element;
      script.add({Function::dequeue, {}, answer, Fate::ok, begin, end});
    }
    const Settings settings{{"model", "fifo-queue"}, {"engine", "general"}};
    const Verdict alone = check_on(1, script, settings);
    invalid += alone.validity == Validity::invalid;
    valid += alone.validity == Validity::valid;
    same(alone, check_on(2, script, settings));
  }
  CHECK(invalid >= 20);
  CHECK(valid >= 20);
}

TEST_CASE("crew: what a thread's part of the memory is too little for gets all of it") {
  Script script;
  for (const std::string key : {"a", "b", "c"}) {
    for (int i = 0; i < 9; ++i)
      script.add({Function::write, i % 5, i % 5, Fate::ok, i, 40 + i, key});
    for (int i = 0; i < 4; ++i)
      script.add({Function::cas, List{i, i + 1}, {}, Fate::ok, 10 + i, 50 + i, key});
    for (int i = 0; i < 5; ++i) script.read(20 + i, 60 + i, i, key);
    script.read(70, 71, 0, key).read(72, 73, 3, key);
  }
  for (const std::string engine : {"search", "general"}) {
    const Settings settings{{"engine", engine}};
    Budget budget;
    budget.bytes_max = 2000;
    while (check_on(1, script, settings, budget).keys_invalid.size() < 3) {
      REQUIRE(budget.bytes_max < 100'000'000);
      budget.bytes_max += budget.bytes_max / 8;
    }
    REQUIRE(budget.bytes_max > 4000);  // it does depend on the memory
    const Verdict alone = check_on(1, script, settings, budget);
    CHECK(alone.validity == Validity::invalid);
    const Verdict crew = check_on(3, script, settings, budget);
    CHECK(crew.validity == Validity::invalid);
    CHECK(crew.keys_invalid.size() == 3);
  }
}

}  // namespace
}  // namespace faultline
