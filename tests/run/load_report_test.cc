#include "harness/run/load_report.h"

#include <doctest/doctest.h>

#include "harness/io/document.h"

using namespace faultline;
using namespace std::chrono_literals;

namespace {

constexpr std::int64_t millisecond = 1'000'000;

/// `count` reads a second apart from each other, each under way for `latency`.
History reads(int count, std::int64_t latency) {
  HistoryBuilder builder;
  for (int i = 0; i < count; ++i) {
    const std::int64_t begin = i * 1000 * millisecond;
    REQUIRE(builder.invoke({0, Function::read, no_key, {}, no_node, begin}));
    REQUIRE(builder.complete({0, Fate::ok, {}, no_error, begin + latency}));
  }
  return builder.finish();
}

LoadReport open_report(const PhaseLoad& load) {
  LoadReport report;
  report.open = true;
  report.arrivals = "poisson";
  report.workers = 4;
  report.phases = {{LoadPhase::Kind::steady, 10s, 1, 1}};
  report.loads = {load};
  return report;
}

PhaseLoad load_of(std::uint64_t scheduled, std::int64_t sojourn_each_ns) {
  PhaseLoad load;
  load.scheduled = load.sent = scheduled;
  load.sojourn_ns = static_cast<std::int64_t>(scheduled) * sojourn_each_ns;
  return load;
}

}  // namespace

TEST_CASE("load report: Little's law holds where nothing waits in the harness") {
  const History history = reads(10, 500 * millisecond);
  const LoadReport report = open_report(load_of(10, 500 * millisecond));
  const LittlesLaw law = apply_littles_law(report, history, {0, 10'000 * millisecond});
  CHECK(law.measured == doctest::Approx(0.5));
  CHECK(law.expected == doctest::Approx(0.5));
  CHECK(law.bottleneck == Bottleneck::none);
  CHECK(bottleneck_text(report, law).empty());
  const Value json = load_value(report, law);
  CHECK(*member_of(json, "loop") == Value("open"));
  CHECK(*member_of(json, "scheduled") == Value(10));
  CHECK(member_of(json, "bottleneck")->is_nil());
  CHECK(member_of(json, "warning") == nullptr);
  CHECK(load_text(report, law, {}).find("warning") == std::string::npos);
}

TEST_CASE("load report: what waited in the harness is told from what the store took") {
  const History history = reads(10, 500 * millisecond);
  SUBCASE("without a cause of its own: the machine") {
    const LoadReport report = open_report(load_of(10, 700 * millisecond));
    const LittlesLaw law = apply_littles_law(report, history, {0, 10'000 * millisecond});
    CHECK(law.expected == doctest::Approx(0.7));
    CHECK(law.bottleneck == Bottleneck::machine);
    CHECK(bottleneck_text(report, law).find("0.2 of 0.7 requests were waiting inside") !=
          std::string::npos);
  }
  SUBCASE("a wait too short to matter") {
    const History quick = reads(10, 2 * millisecond);
    const LoadReport report = open_report(load_of(10, 2 * millisecond + millisecond / 2));
    CHECK(apply_littles_law(report, quick, {0, 10'000 * millisecond}).bottleneck ==
          Bottleneck::none);
  }
  SUBCASE("all workers busy") {
    PhaseLoad load = load_of(10, 700 * millisecond);
    load.late = 3;
    load.dropped = 2;
    load.sent = 8;
    load.overslept = 1;
    const LoadReport report = open_report(load);
    const LittlesLaw law = apply_littles_law(report, history, {0, 10'000 * millisecond});
    CHECK(law.bottleneck == Bottleneck::workers);
    const std::string text = load_text(report, law, {});
    CHECK(text.find("warning: the harness was the bottleneck: all 4 workers were busy when 5 of "
                    "10 scheduled requests were due (2 were never sent)") != std::string::npos);
    CHECK(*member_of(load_value(report, law), "bottleneck") == Value("workers"));
  }
  SUBCASE("a machine that wakes too late") {
    PhaseLoad load = load_of(10, 700 * millisecond);
    load.overslept = 4;
    const LoadReport report = open_report(load);
    const LittlesLaw law = apply_littles_law(report, history, {0, 10'000 * millisecond});
    CHECK(law.bottleneck == Bottleneck::machine);
    CHECK(*member_of(load_value(report, law), "bottleneck") == Value("machine"));
  }
  SUBCASE("a closed loop waits for answers: nobody's fault") {
    LoadReport report = open_report(load_of(10, 700 * millisecond));
    report.open = false;
    report.loads[0].dropped = 5;
    const LittlesLaw law = apply_littles_law(report, history, {0, 10'000 * millisecond});
    CHECK(law.bottleneck == Bottleneck::none);
    CHECK(load_text(report, law, {}).empty());
  }
}

TEST_CASE("load report: an operation without an end is under way until the load ends") {
  HistoryBuilder builder;
  REQUIRE(builder.invoke({0, Function::write, no_key, {}, no_node, 4000 * millisecond}));
  const History history = builder.finish();
  const LoadReport report = open_report(load_of(1, 6000 * millisecond));
  CHECK(apply_littles_law(report, history, {0, 10'000 * millisecond}).measured ==
        doctest::Approx(0.6));
  CHECK(apply_littles_law(report, history, {5000 * millisecond, 10'000 * millisecond}).measured ==
        0);
}

TEST_CASE("load report: each phase has its own availability, latency and losses") {
  const LoadProfile profile({{LoadPhase::Kind::ramp, 4s, 0, 2},
                             {LoadPhase::Kind::quiet, 2s, 0, 0},
                             {LoadPhase::Kind::steady, 4s, 1, 1}});
  const std::vector<LoadStretch> stretches = load_stretches(profile, 10 * millisecond);
  REQUIRE(stretches.size() == 3);
  CHECK(stretches[0].period.begin == 0);
  CHECK(stretches[0].period.end == 4010 * millisecond);
  CHECK_FALSE(stretches[0].steady);
  CHECK(stretches[1].rate == 0);
  CHECK(stretches[2].steady);
  LoadReport report;
  report.open = true;
  report.workers = 4;
  report.phases.assign(profile.phases().begin(), profile.phases().end());
  report.loads.resize(3);
  report.loads[0].scheduled = 4;
  report.loads[2].scheduled = 5;
  report.loads[2].dropped = 1;
  const History history = reads(10, 500 * millisecond);
  const auto phases = measure_phases(report, history, {0, 10'000 * millisecond}, stretches);
  REQUIRE(phases.size() == 3);
  CHECK(phases[0].availability.counts.ok == 5);  // at 0, 1, 2, 3 and 4 s
  CHECK(phases[1].availability.counts.ok == 2);
  CHECK(phases[2].availability.counts.ok == 3);
  CHECK(phases[2].availability.load.end == 10'000 * millisecond);
  const Value json = phases_value(phases);
  const Value& last = json.list()->at(2);
  CHECK(*member_of(last, "phase") == Value("steady"));
  CHECK(*member_of(last, "dropped") == Value(1));
  CHECK(*member_of(last, "ok_rate") == Value(1.0));
  CHECK(member_of(last, "latency_ms") != nullptr);
  CHECK(member_of(last, "faults") == nullptr);
  CHECK(*member_of(json.list()->at(0), "to") == Value(2.0));
  CHECK(*member_of(json.list()->at(1), "phase") == Value("quiet"));
  const std::string text = load_text(report, {}, phases);
  CHECK(text.find("ramp to 2/s: 5 operations, 100.0 % ok") != std::string::npos);
  CHECK(text.find("0 late, 1 dropped") != std::string::npos);
  // Interrupted in the second phase: the third never began.
  CHECK(measure_phases(report, history, {0, 5000 * millisecond}, stretches).size() == 2);
}

TEST_CASE("load report: thresholds on shares of what was scheduled") {
  const LoadReport report = [] {
    PhaseLoad load = load_of(10, millisecond);
    load.dropped = 2;
    load.late = 1;
    return open_report(load);
  }();
  Counts counts;
  counts.ok = 6;
  counts.mismatch = 1;
  const Metrics metrics = load_metrics(&report, counts);
  REQUIRE(metrics.size() == load_metric_names().size());
  CHECK(metrics[0] == Metrics::value_type("scheduled_ok_rate", 0.7));
  CHECK(metrics[1].second == doctest::Approx(0.1));
  CHECK(metrics[2].second == doctest::Approx(0.2));
  CHECK_FALSE(load_metrics(nullptr, counts)[0].second);
}
