#include "harness/run/load_profile.h"

#include <algorithm>

#include <doctest/doctest.h>

using namespace faultline;
using namespace std::chrono_literals;

namespace {

using Kind = LoadPhase::Kind;

LoadProfile hill() {
  return LoadProfile({{Kind::quiet, 1s, 0, 0},
                      {Kind::ramp, 10s, 0, 100},     // 500 requests
                      {Kind::steady, 2s, 100, 100},  // 200
                      {Kind::quiet, 3s, 0, 0},
                      {Kind::ramp, 2s, 100, 0}});  // 100
}

std::vector<Nanoseconds> all_of(Arrivals arrivals) {
  std::vector<Nanoseconds> times;
  while (const auto due = arrivals.next()) times.push_back(*due);
  return times;
}

}  // namespace

TEST_CASE("load profile: a request is due when the integral of the rate says so") {
  const LoadProfile profile = hill();
  CHECK(profile.length() == 18s);
  CHECK(profile.due(0) == 1s);    // nothing before the first phase that asks
  CHECK(profile.due(5) == 2s);    // 10/s after a second: 5 so far
  CHECK(profile.due(125) == 6s);  // half of the ramp's time, a quarter of its requests
  CHECK(profile.due(500) == 11s);
  CHECK(profile.due(600) == 12s);
  CHECK(profile.due(700) == 16s);  // the quiet phase is passed over
  CHECK(profile.due(775) == 17s);  // ramping down
  CHECK(profile.due(799.999)->count() < 18'000'000'000);
  CHECK_FALSE(profile.due(800));
  const LoadProfile constant = LoadProfile::constant(4);
  CHECK(constant.due(0) == 0s);
  CHECK(constant.due(6) == 1500ms);
  CHECK(constant.due(4e6) == 1'000'000s);
  CHECK(LoadProfile().unlimited());
}

TEST_CASE("load profile: due() never goes back, and no ramp is too steep or too flat for it") {
  for (const auto& [from, to] : {std::pair(0.0, 1e6), std::pair(1e6, 0.0), std::pair(1e6, 1e6),
                                 std::pair(0.01, 0.0), std::pair(999'999.0, 1e6)}) {
    const LoadProfile profile({{Kind::ramp, 3s, from, to}});
    Nanoseconds before{};
    const double total = (from + to) / 2 * 3;
    for (int i = 0; i < 1000; ++i) {
      const auto due = profile.due(total * i / 1000);
      REQUIRE(due);
      CHECK(*due >= before);
      CHECK(*due <= 3s);
      before = *due;
    }
  }
}

TEST_CASE("load profile: which phase a moment belongs to") {
  const LoadProfile profile = hill();
  CHECK(profile.phase_at(0s) == 0);
  CHECK(profile.phase_at(999ms) == 0);
  CHECK(profile.phase_at(1s) == 1);
  CHECK(profile.phase_at(12s) == 2);
  CHECK(profile.phase_at(13s) == 3);
  CHECK(profile.phase_at(99s) == 4);
  CHECK(profile.begin_of(3) == 13s);
  CHECK(profile.phases()[1].text() == "ramp to 100/s");
  CHECK(profile.phases()[2].text() == "steady 100/s");
  CHECK(profile.phases()[3].text() == "quiet");
}

TEST_CASE("arrivals: even ones follow the profile exactly") {
  const LoadProfile profile = hill();
  const auto times = all_of(Arrivals(profile, Arrivals::Spacing::constant, Rng(1)));
  REQUIRE(times.size() == 800);
  CHECK(times[0] == 1s);
  CHECK(times[125] == 6s);
  CHECK(times[501] == 11s + 10ms);
  for (const Nanoseconds time : times) CHECK_FALSE((time > 13s && time < 16s));
}

TEST_CASE("arrivals: Poisson's are the seed's, at the same rate, and never in a quiet phase") {
  const LoadProfile profile = hill();
  const auto drawn = [&](std::uint64_t seed) {
    return all_of(Arrivals(profile, Arrivals::Spacing::poisson, Rng(seed)));
  };
  CHECK(drawn(7) == drawn(7));
  CHECK(drawn(7) != drawn(8));
  double total = 0, squares = 0;
  constexpr int seeds = 200;
  for (std::uint64_t seed = 0; seed < seeds; ++seed) {
    const auto times = drawn(seed);
    CHECK(std::is_sorted(times.begin(), times.end()));
    for (const Nanoseconds time : times)
      CHECK_FALSE((time < 1s || (time > 13s && time < 16s) || time >= 18s));
    const double count = static_cast<double>(times.size());
    total += count;
    squares += count * count;
  }
  // The number of arrivals of a Poisson process has a variance equal to its mean.
  const double mean = total / seeds, variance = squares / seeds - mean * mean;
  CHECK(mean == doctest::Approx(800).epsilon(0.01));
  CHECK(variance == doctest::Approx(800).epsilon(0.3));
}
