#include "harness/run/thresholds.h"

#include <doctest/doctest.h>

using namespace faultline;

TEST_CASE("thresholds: parsed, kept as written, judged") {
  const auto met = [](std::string_view limit, std::optional<double> value) {
    const auto threshold = parse_threshold("x", limit);
    REQUIRE(threshold);
    const std::vector<Threshold> one = {*threshold};
    return judge_thresholds(one, {{"y", 0.0}, {"x", value}}).at(0).met;
  };
  CHECK(met("<= 10", 10));
  CHECK_FALSE(met("<= 10", 10.001));
  CHECK_FALSE(met("< 10", 10));
  CHECK(met("<10", 9.5));
  CHECK(met(">= 0.5", 0.5));
  CHECK_FALSE(met("> 0.5", 0.5));
  CHECK(met("== 0", 0));
  CHECK_FALSE(met("== 0", 1));
  CHECK_FALSE(met("<= 10", std::nullopt));
  CHECK(parse_threshold("x", "<=0.5")->limit_text() == "<= 0.5");
  for (const char* bad : {"10", "", "<=", "<= ten", "=< 10", "<= 10s", "< nan", "<= inf", "!= 3"}) {
    INFO(bad);
    REQUIRE_FALSE(parse_threshold("x", bad));
    CHECK(parse_threshold("x", bad).error().kind == ErrorKind::usage);
  }
}

TEST_CASE("thresholds: a metric that was never measured misses") {
  const std::vector<Threshold> one = {*parse_threshold("z", "<= 10")};
  CHECK_FALSE(judge_thresholds(one, {{"x", 1.0}}).at(0).met);
}
