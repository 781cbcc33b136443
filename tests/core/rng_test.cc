#include "harness/core/rng.h"

#include <array>
#include <set>

#include <doctest/doctest.h>

namespace faultline {
namespace {

TEST_CASE("rng: SplitMix64 as published") {
  // The reference implementation's first outputs for seed 1234567 (Vigna, splitmix64.c).
  Rng rng(1234567);
  CHECK(rng.next() == 6457827717110365317ull);
  CHECK(rng.next() == 3203168211198807973ull);
  CHECK(rng.next() == 9817491932198370423ull);
}

TEST_CASE("rng: a fork is a function of state and name only, and leaves its parent alone") {
  const Rng rng(42);
  CHECK(rng.fork("schedule").next() == rng.fork("schedule").next());
  std::set<std::uint64_t> first;
  for (const char* name : {"schedule", "workload", "refkv", ""})
    first.insert(rng.fork(name).next());
  for (std::uint64_t i = 0; i < 1000; ++i) first.insert(rng.fork("workload", i).next());
  first.insert(Rng(43).fork("schedule").next());
  CHECK(first.size() == 1005);
  Rng a(42), b(42);
  (void)a.fork("x");
  CHECK(a.next() == b.next());
}

TEST_CASE("rng: numbers below a bound are in range and evenly spread") {
  Rng rng(1);
  std::array<int, 7> seen{};
  for (int i = 0; i < 70'000; ++i) ++seen.at(rng.below(7));
  for (const int count : seen) CHECK((count > 9'500 && count < 10'500));
  CHECK(rng.below(1) == 0);
  double sum = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double v = rng.uniform();
    CHECK((v >= 0 && v < 1));
    sum += v;
  }
  CHECK((sum > 4'800 && sum < 5'200));
}

}  // namespace
}  // namespace faultline
