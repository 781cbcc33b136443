#include "harness/run/monotonic.h"

#include <algorithm>
#include <set>

#include <doctest/doctest.h>

#include "harness/run/yaml.h"

namespace faultline {
namespace {

using namespace std::chrono_literals;

Result<MonotonicPlan> plan_of(const std::string& text, Map* resolved = nullptr) {
  const auto root = parse_config(text + "\n", "a.yaml");
  REQUIRE(root);
  Params top(*root, "configuration");
  auto plan = read_monotonic(top);
  if (resolved != nullptr) *resolved = top.resolved();
  return plan;
}

TEST_CASE("monotonic clocks: one offset, a range of them, or none") {
  CHECK(draw_monotonic(*plan_of("name: a"), 3, Rng(1)).empty());
  CHECK(draw_monotonic(*plan_of("clocks: {}"), 3, Rng(1)).empty());
  Map resolved;
  const auto one = plan_of("clocks: { monotonic-offset: 2400h }", &resolved);
  REQUIRE(one);
  const std::int64_t all = std::chrono::nanoseconds(2400h).count();
  CHECK(draw_monotonic(*one, 2, Rng(1)) == std::vector<std::int64_t>{all, all});
  // What was resolved says the same again.
  List ends;
  ends.emplace_back("2400h");
  ends.emplace_back("2400h");
  CHECK(resolved == Map{{"clocks", Map{{"monotonic-offset", std::move(ends)}}}});

  const auto range = plan_of("clocks: { monotonic-offset: [1h, 3h] }");
  REQUIRE(range);
  const auto drawn = draw_monotonic(*range, 50, Rng(7));
  CHECK(drawn == draw_monotonic(*range, 50, Rng(7)));
  CHECK(drawn != draw_monotonic(*range, 50, Rng(8)));
  CHECK(std::set<std::int64_t>(drawn.begin(), drawn.end()).size() > 45);
  CHECK(*std::ranges::min_element(drawn) >= std::chrono::nanoseconds(1h).count());
  CHECK(*std::ranges::max_element(drawn) <= std::chrono::nanoseconds(3h).count());
  CHECK(*std::ranges::max_element(drawn) > std::chrono::nanoseconds(2h).count());
}

TEST_CASE("monotonic clocks: what is no offset is refused with its place") {
  for (const char* bad : {"-1h", "[3h, 1h]", "[1h, 2h, 3h]", "soon", "1000000h", "[]"}) {
    CAPTURE(bad);
    const auto plan = plan_of("clocks: { monotonic-offset: " + std::string(bad) + " }");
    REQUIRE_FALSE(plan);
    CHECK(plan.error().what.find("a.yaml:1:") != std::string::npos);
    CHECK(plan.error().what.find("hundred years") != std::string::npos);
  }
  const auto typo = plan_of("clocks: { monotonic: 1h }");
  REQUIRE_FALSE(typo);
  CHECK(typo.error().what.find("monotonic-offset") != std::string::npos);
}

}  // namespace
}  // namespace faultline
