#include "harness/core/clocks.h"

#include <doctest/doctest.h>

namespace faultline {
namespace {

constexpr std::int64_t one_ms = 1'000'000, one_second = 1'000 * one_ms,
                       one_hour = 3'600 * one_second;
constexpr std::int64_t start = 1'000'000'000 * one_second;

std::int64_t shift_at(const std::vector<Skew>& skews, std::int64_t passed) {
  const auto sum = sum_of(skews, start + passed);
  REQUIRE(sum);
  return sum->at(start + passed);
}

TEST_CASE("clocks: each kind by itself") {
  CHECK(shift_at({}, 5 * one_second) == 0);
  CHECK(shift_at({{.kind = Skew::Kind::jump, .since_ns = start, .by_ns = -one_hour}}, 0) ==
        -one_hour);

  const std::vector<Skew> drift = {
      {.kind = Skew::Kind::drift, .since_ns = start, .rate_q32 = rate_of_ppm(100'000)}};
  CHECK(shift_at(drift, 0) == 0);
  CHECK(shift_at(drift, 10 * one_second) == doctest::Approx(one_second).epsilon(1e-6));

  const std::vector<Skew> strobe = {{.kind = Skew::Kind::strobe,
                                     .since_ns = start,
                                     .by_ns = one_hour,
                                     .period_ns = 200 * one_ms}};
  CHECK(shift_at(strobe, 0) == one_hour);
  CHECK(shift_at(strobe, 99 * one_ms) == one_hour);
  CHECK(shift_at(strobe, 100 * one_ms) == 0);
  CHECK(shift_at(strobe, 200 * one_ms) == one_hour);

  const std::vector<Skew> frozen = {{.kind = Skew::Kind::freeze, .since_ns = start}};
  CHECK(shift_at(frozen, 0) == 0);
  CHECK(shift_at(frozen, 7 * one_second) == -7 * one_second);
}

TEST_CASE(
    "clocks: a walk takes a bounded step at once and after every period, the same each time") {
  const Skew walk{.kind = Skew::Kind::random_walk,
                  .since_ns = start,
                  .by_ns = 100 * one_ms,
                  .period_ns = one_second,
                  .seed = 7};
  CHECK(shift_at({walk}, 0) == shift_at({walk}, one_second - 1));
  bool moved = false;
  for (std::int64_t i = 0; i < 100; ++i) {
    const std::int64_t step =
        shift_at({walk}, (i + 1) * one_second) - shift_at({walk}, i * one_second);
    CHECK(std::abs(step) <= 100 * one_ms);
    moved = moved || step != 0;
  }
  CHECK(moved);
  CHECK(next_step(std::vector{walk}, start) == start + one_second);
  CHECK(next_step(std::vector{walk}, start + one_second) == start + 2 * one_second);
  CHECK(next_step({}, start) == -1);
}

TEST_CASE("clocks: shifts add up, but a clock that stands still does so once") {
  const Skew jump{.kind = Skew::Kind::jump, .since_ns = start, .by_ns = one_hour};
  const Skew slow{.kind = Skew::Kind::drift, .since_ns = start, .rate_q32 = rate_of_ppm(-250'000)};
  const Skew fast{.kind = Skew::Kind::drift,
                  .since_ns = start + 4 * one_second,
                  .rate_q32 = rate_of_ppm(500'000)};
  // An one_hour, a quarter of 8 s less, half of 4 s more.
  CHECK(shift_at({jump, slow, fast}, 8 * one_second) == one_hour);
  CHECK(shift_at({fast, slow, jump}, 8 * one_second) == one_hour);
  const Skew frozen{.kind = Skew::Kind::freeze, .since_ns = start};
  const Skew later{.kind = Skew::Kind::freeze, .since_ns = start + one_second};
  CHECK(shift_at({later, frozen}, 5 * one_second) == -5 * one_second);
  CHECK(shift_at({later}, 5 * one_second) == -4 * one_second);
  CHECK(shift_at({frozen, jump}, 5 * one_second) == one_hour - 5 * one_second);
}

TEST_CASE("clocks: more strobes than there is room for are refused") {
  const Skew strobe{
      .kind = Skew::Kind::strobe, .since_ns = start, .by_ns = one_second, .period_ns = one_second};
  CHECK(shift_at({strobe, strobe, strobe}, 0) == 3 * one_second);
  CHECK_FALSE(sum_of(std::vector<Skew>(4, strobe), start));
}

}  // namespace
}  // namespace faultline
