#include "harness/core/clocks.h"

#include <doctest/doctest.h>

namespace faultline {
namespace {

constexpr std::int64_t ms = 1'000'000, second = 1'000 * ms, hour = 3'600 * second;
constexpr std::int64_t start = 1'000'000'000 * second;

std::int64_t shift_at(const std::vector<Skew>& skews, std::int64_t passed) {
  const auto sum = sum_of(skews, start + passed);
  REQUIRE(sum);
  return sum->at(start + passed);
}

TEST_CASE("clocks: each kind by itself") {
  CHECK(shift_at({}, 5 * second) == 0);
  CHECK(shift_at({{.kind = Skew::Kind::jump, .since_ns = start, .by_ns = -hour}}, 0) == -hour);

  const std::vector<Skew> drift = {
      {.kind = Skew::Kind::drift, .since_ns = start, .rate_q32 = rate_of_ppm(100'000)}};
  CHECK(shift_at(drift, 0) == 0);
  CHECK(shift_at(drift, 10 * second) == doctest::Approx(second).epsilon(1e-6));

  const std::vector<Skew> strobe = {
      {.kind = Skew::Kind::strobe, .since_ns = start, .by_ns = hour, .period_ns = 200 * ms}};
  CHECK(shift_at(strobe, 0) == hour);
  CHECK(shift_at(strobe, 99 * ms) == hour);
  CHECK(shift_at(strobe, 100 * ms) == 0);
  CHECK(shift_at(strobe, 200 * ms) == hour);

  const std::vector<Skew> frozen = {{.kind = Skew::Kind::freeze, .since_ns = start}};
  CHECK(shift_at(frozen, 0) == 0);
  CHECK(shift_at(frozen, 7 * second) == -7 * second);
}

TEST_CASE(
    "clocks: a walk takes a bounded step at once and after every period, the same each time") {
  const Skew walk{.kind = Skew::Kind::random_walk,
                  .since_ns = start,
                  .by_ns = 100 * ms,
                  .period_ns = second,
                  .seed = 7};
  CHECK(shift_at({walk}, 0) == shift_at({walk}, second - 1));
  bool moved = false;
  for (std::int64_t i = 0; i < 100; ++i) {
    const std::int64_t step = shift_at({walk}, (i + 1) * second) - shift_at({walk}, i * second);
    CHECK(std::abs(step) <= 100 * ms);
    moved = moved || step != 0;
  }
  CHECK(moved);
  CHECK(next_step(std::vector{walk}, start) == start + second);
  CHECK(next_step(std::vector{walk}, start + second) == start + 2 * second);
  CHECK(next_step({}, start) == -1);
}

TEST_CASE("clocks: shifts add up, but a clock that stands still does so once") {
  const Skew jump{.kind = Skew::Kind::jump, .since_ns = start, .by_ns = hour};
  const Skew slow{.kind = Skew::Kind::drift, .since_ns = start, .rate_q32 = rate_of_ppm(-250'000)};
  const Skew fast{
      .kind = Skew::Kind::drift, .since_ns = start + 4 * second, .rate_q32 = rate_of_ppm(500'000)};
  // An hour, a quarter of 8 s less, half of 4 s more.
  CHECK(shift_at({jump, slow, fast}, 8 * second) == hour);
  CHECK(shift_at({fast, slow, jump}, 8 * second) == hour);
  const Skew frozen{.kind = Skew::Kind::freeze, .since_ns = start};
  const Skew later{.kind = Skew::Kind::freeze, .since_ns = start + second};
  CHECK(shift_at({later, frozen}, 5 * second) == -5 * second);
  CHECK(shift_at({later}, 5 * second) == -4 * second);
  CHECK(shift_at({frozen, jump}, 5 * second) == hour - 5 * second);
}

TEST_CASE("clocks: more strobes than there is room for are refused") {
  const Skew strobe{
      .kind = Skew::Kind::strobe, .since_ns = start, .by_ns = second, .period_ns = second};
  CHECK(shift_at({strobe, strobe, strobe}, 0) == 3 * second);
  CHECK_FALSE(sum_of(std::vector<Skew>(4, strobe), start));
}

}  // namespace
}  // namespace faultline
