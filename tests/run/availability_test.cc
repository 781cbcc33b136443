#include "harness/run/availability.h"

#include <algorithm>
#include <set>

#include <doctest/doctest.h>

using namespace faultline;

namespace {

constexpr std::int64_t ms = 1'000'000;
constexpr std::int64_t s = 1'000 * ms;

struct Operation {
  std::int64_t begin, end;
  Fate fate = Fate::ok;
  const char* node = "n1";
  Function function = Function::read;
};

/// One process per operation, so that they may overlap freely.
History history_of(const std::vector<Operation>& operations) {
  struct Event {
    std::int64_t time;
    bool completes;
    std::uint32_t process;
  };
  std::vector<Event> events;
  for (std::uint32_t i = 0; i < operations.size(); ++i) {
    events.push_back({operations[i].begin, false, i});
    if (operations[i].end != no_time) events.push_back({operations[i].end, true, i});
  }
  std::stable_sort(events.begin(), events.end(),
                   [](const Event& a, const Event& b) { return a.time < b.time; });
  HistoryBuilder builder;
  for (const Event& event : events) {
    const Operation& o = operations[event.process];
    if (event.completes)
      REQUIRE(builder.complete({event.process, o.fate, ValueHandle::nil(), no_error, event.time}));
    else
      REQUIRE(builder.invoke({event.process, o.function, builder.key("k"), ValueHandle::nil(),
                              builder.node(o.node), event.time}));
  }
  return builder.finish();
}

/// An operation every 10 ms that takes 1 ms, from `begin` to `end`.
void serve(std::vector<Operation>& operations, std::int64_t begin, std::int64_t end,
           std::int64_t every = 10 * ms) {
  for (std::int64_t t = begin; t < end; t += every) operations.push_back({t, t + ms});
}

double metric(const Availability& availability, std::string_view name) {
  for (const auto& [key, value] : availability_metrics(availability, nullptr))
    if (key == name) {
      REQUIRE(value);
      return *value;
    }
  FAIL("no such metric");
  return 0;
}

}  // namespace

TEST_CASE("availability: counts, shares and rates, overall and per node") {
  const History history = history_of({{0, ms, Fate::ok, "n1"},
                                      {2 * ms, 3 * ms, Fate::fail, "n2"},
                                      {4 * ms, 5 * ms, Fate::mismatch, "n2"},
                                      {6 * ms, 9 * ms, Fate::info, "n1"},
                                      {7 * ms, no_time, Fate::info, "n1"},
                                      {20 * s, 21 * s, Fate::ok, "n1"}});  // after the load
  const Availability a = measure_availability(history, {}, {0, 10 * s});
  CHECK(a.counts.ok == 1);
  CHECK(a.counts.mismatch == 1);
  CHECK(a.counts.fail == 1);
  CHECK(a.counts.info == 2);
  CHECK(metric(a, "ok_rate") == doctest::Approx(0.4));
  CHECK(metric(a, "info_rate") == doctest::Approx(0.4));
  CHECK(metric(a, "throughput") == doctest::Approx(0.2));
  REQUIRE(a.nodes.size() == 2);
  CHECK(a.nodes[0].node == "n1");
  CHECK(a.nodes[0].counts.total() == 3);
  CHECK(a.nodes[1].counts.served() == 1);
}

TEST_CASE("availability: nothing was asked, nothing is claimed") {
  const Availability a = measure_availability(history_of({}), {}, {0, 10 * s});
  CHECK(a.outage.length == 0);
  for (const auto& [name, value] : availability_metrics(a, nullptr))
    if (name == "ok_rate" || name == "p99_ms" || name == "recovery_s") CHECK_FALSE(value);
}

TEST_CASE("availability: the longest outage counts only time in which somebody asked") {
  SUBCASE("from the first request that went unanswered to the next answer") {
    const History history = history_of({{0, 10 * ms},
                                        {1 * s, 3 * s, Fate::fail},  // idle until 1 s
                                        {3 * s, 4 * s},
                                        {5 * s, 5 * s + ms}});
    const Outage outage = measure_availability(history, {}, {0, 6 * s}).outage;
    CHECK(outage.begin == 1 * s);
    CHECK(outage.length == 3 * s);
  }
  SUBCASE("a request outstanding when another is answered keeps the clock running") {
    const History history = history_of({{0, 4 * s, Fate::info}, {0, ms}, {3 * s, 3 * s + ms}});
    const Outage outage = measure_availability(history, {}, {0, 4 * s}).outage;
    CHECK(outage.begin == ms);
    CHECK(outage.length == 3 * s);
  }
  SUBCASE("until the end of the load if no answer ever came") {
    const History history = history_of({{0, ms}, {2 * s, no_time, Fate::info}});
    const Outage outage = measure_availability(history, {}, {0, 10 * s}).outage;
    CHECK(outage.begin == 2 * s);
    CHECK(outage.length == 8 * s);
  }
  SUBCASE("an answer after the end of the load ends the outage at the load's end") {
    const History history = history_of({{0, ms}, {2 * s, 12 * s}});
    const Outage outage = measure_availability(history, {}, {0, 10 * s}).outage;
    CHECK(outage.length == 8 * s);
  }
  SUBCASE("per node") {
    const History history = history_of({{0, ms, Fate::ok, "n1"},
                                        {0, 2 * s, Fate::fail, "n2"},
                                        {1 * s, 1 * s + ms, Fate::ok, "n1"},
                                        {3 * s, 3 * s + ms, Fate::ok, "n2"}});
    const Availability a = measure_availability(history, {}, {0, 4 * s});
    CHECK(a.outage.length == 2 * s - 0 * ms);  // 1.001 s … 3.001 s, n2's request outstanding
    CHECK(a.nodes[0].outage.length == ms);
    CHECK(a.nodes[1].outage.length == 3 * s + ms);
  }
}

TEST_CASE("availability: recovery to the first ok and to the full rate") {
  std::vector<Operation> operations;
  serve(operations, 0, 5 * s);                            // 100/s
  for (std::int64_t t = 5 * s; t < 8 * s; t += 100 * ms)  // broken
    operations.push_back({t, t + 50 * ms, Fate::info});
  serve(operations, 8 * s + 500 * ms, 10 * s, 100 * ms);  // 10/s from 0.5 s after the heal
  serve(operations, 10 * s, 20 * s);                      // all of it from 2 s after
  const std::vector<FaultWindow> windows = {{"kill", 1, 5 * s, 8 * s}};
  const Availability a = measure_availability(history_of(operations), windows, {0, 20 * s});
  REQUIRE(a.faults.size() == 1);
  CHECK(a.faults[0].counts.info == 30);
  CHECK(a.faults[0].counts.served() == 0);
  CHECK(a.faults[0].first_ok == 501 * ms);
  REQUIRE(a.faults[0].full_rate);
  CHECK(*a.faults[0].full_rate >= 1900 * ms);
  CHECK(*a.faults[0].full_rate <= 2000 * ms);
  CHECK_FALSE(a.faults[0].full_rate_is_bound);
  CHECK(metric(a, "recovery_s") >= 1.9);
  CHECK(metric(a, "unavailable_s") == doctest::Approx(3.5).epsilon(0.01));
}

TEST_CASE("availability: a recovery that nobody saw the end of is a lower bound") {
  std::vector<Operation> operations;
  serve(operations, 0, 5 * s);
  serve(operations, 8 * s, 14 * s, 100 * ms);
  const std::vector<FaultWindow> windows = {{"kill", 1, 5 * s, 8 * s}};
  const Availability a = measure_availability(history_of(operations), windows, {0, 14 * s});
  REQUIRE(a.faults[0].full_rate);
  CHECK(*a.faults[0].full_rate == 5 * s);
  CHECK(a.faults[0].full_rate_is_bound);
}

TEST_CASE("availability: a heal that leaves another fault active measures no full rate") {
  std::vector<Operation> operations;
  serve(operations, 0, 20 * s);
  const std::vector<FaultWindow> windows = {{"kill", 1, 5 * s, 8 * s}, {"pause", 2, 7 * s, 10 * s}};
  const Availability a = measure_availability(history_of(operations), windows, {0, 20 * s});
  CHECK_FALSE(a.faults[0].full_rate);
  CHECK(a.faults[1].full_rate == 0);  // by the rate found before the first fault
  CHECK(a.faults[0].first_ok);
}

TEST_CASE("availability: without a clean second before any fault there is no full rate") {
  std::vector<Operation> operations;
  serve(operations, 0, 20 * s);
  const std::vector<FaultWindow> windows = {{"kill", 1, s / 2, 8 * s}};
  CHECK_FALSE(
      measure_availability(history_of(operations), windows, {0, 20 * s}).faults[0].full_rate);
}

TEST_CASE("availability: fault windows are the applied lines of faults.jsonl") {
  const std::vector<Value> lines = {
      Map{{"fault", "pause"}, {"id", 2}, {"applied", 8.5}, {"healed", 10}},
      Map{{"fault", "kill"}, {"id", 1}, {"applied", 8.001}, {"healed", 12.5}},
      Map{{"fault", "kill"}, {"id", 3}, {"applied", Value()}, {"healed", Value()}}, Value(7)};
  const auto windows = fault_windows(lines);
  REQUIRE(windows.size() == 2);
  CHECK(windows[0].fault == "kill");
  CHECK(windows[0].begin == 8'001 * ms);
  CHECK(windows[1].end == 10 * s);
}

TEST_CASE("latency: quantiles are within one percent, the maximum is exact") {
  LatencyHistogram histogram;
  CHECK(histogram.quantile(0.5) == 0);
  for (int i = 1; i <= 100'000; ++i) histogram.record(i * 10'000);  // 10 us … 1 s
  for (const double share : {0.001, 0.1, 0.5, 0.9, 0.99, 0.999}) {
    const double exact = share * 1e9;
    CHECK(static_cast<double>(histogram.quantile(share)) >= exact);
    CHECK(static_cast<double>(histogram.quantile(share)) <= exact * 1.01 + 1024);
  }
  CHECK(histogram.quantile(1) == 1'000'000'000);
  CHECK(histogram.max() == 1'000'000'000);
  LatencyHistogram other;
  other.record(-5);
  other.record(std::int64_t{1} << 60);
  CHECK(other.quantile(0.5) == 1023);
  other.merge(histogram);
  CHECK(other.count() == 100'002);
  CHECK(other.max() == std::int64_t{1} << 60);
}

TEST_CASE("availability: every metric has one name") {
  const std::set<std::string_view> unique(metric_names().begin(), metric_names().end());
  CHECK(unique.size() == metric_names().size());
  const Availability a = measure_availability(history_of({{0, ms}}), {}, {0, s});
  CHECK(availability_metrics(a, &a.latencies).size() == metric_names().size());
  CHECK(availability_value(a, &a.latencies).map() != nullptr);
}

TEST_CASE("availability: a recovery is measured within one stretch of the load, at one rate") {
  std::vector<Operation> operations;
  serve(operations, 0, 10 * s);              // 100/s
  serve(operations, 11 * s, 14 * s);         // the fault is from 10 to 11
  serve(operations, 20 * s, 30 * s, s / 2);  // 2/s after a quiet phase
  const History history = history_of(operations);
  const std::vector<FaultWindow> window = {{"kill", 1, 10 * s, 11 * s}};
  const auto measured = [&](std::vector<LoadStretch> stretches, std::int64_t end = 30 * s) {
    return measure_availability(history, window, {0, end}, stretches).faults.at(0);
  };
  CHECK(measured({}).full_rate == 0);
  CHECK(measured({{{0, 30 * s}, 100, true}}).full_rate == 0);
  CHECK_FALSE(measured({{{0, 10 * s}, 100, true}, {{10 * s, 30 * s}, 50, true}}).full_rate);
  CHECK_FALSE(measured({{{0, 30 * s}, 100, false}}).full_rate);  // a ramp
  CHECK(measured({{{0, 30 * s}, 100, false}}).first_ok == ms);

  // Healed while nobody asked: the silence was not the store's.
  const std::vector<FaultWindow> silent = {{"kill", 1, 10 * s, 15 * s}};
  const std::vector<LoadStretch> quiet = {
      {{0, 14 * s}, 100, true}, {{14 * s, 20 * s}, 0, false}, {{20 * s, 30 * s}, 2, true}};
  CHECK(measure_availability(history, silent, {0, 30 * s}).faults[0].first_ok == 5 * s + ms);
  CHECK_FALSE(measure_availability(history, silent, {0, 30 * s}, quiet).faults[0].first_ok);
  CHECK_FALSE(measure_availability(history, silent, {0, 30 * s}, quiet).faults[0].full_rate);

  // It ends with its stretch, however much of the load is left.
  const std::vector<FaultWindow> late = {{"kill", 1, 12 * s, 14 * s}};
  const std::vector<LoadStretch> ends = {{{0, 16 * s}, 100, true}, {{16 * s, 30 * s}, 2, true}};
  const FaultAvailability bound = measure_availability(history, late, {0, 30 * s}, ends).faults[0];
  CHECK(bound.full_rate == s);
  CHECK(bound.full_rate_is_bound);
}
