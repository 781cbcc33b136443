#include "harness/run/load_report.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/printf.h>

#include "harness/core/text.h"

namespace faultline {
namespace {

constexpr double share_that_matters = 0.01;     ///< Of the scheduled requests.
constexpr double waiting_that_matters = 0.1;    ///< Of Little's expectation.
constexpr double delay_that_matters_s = 0.001;  ///< Mean, inside the harness.

double share(std::uint64_t part, std::uint64_t all) {
  return all == 0 ? 0 : static_cast<double>(part) / static_cast<double>(all);
}

std::string_view name_of(LoadPhase::Kind kind) {
  constexpr std::array<std::string_view, 3> names = {"ramp", "steady", "quiet"};
  return names[static_cast<std::size_t>(kind)];
}

/// Empty for none.
std::string_view name_of(Bottleneck bottleneck) {
  constexpr std::array<std::string_view, 3> names = {"", "workers", "machine"};
  return names[static_cast<std::size_t>(bottleneck)];
}

void append_load(Map& map, const PhaseLoad& load) {
  map.emplace_back("scheduled", load.scheduled);
  map.emplace_back("sent", load.sent);
  map.emplace_back("late", load.late);
  map.emplace_back("overslept", load.overslept);
  map.emplace_back("dropped", load.dropped);
}

std::string quantiles_text(const LatencyHistogram& all) {
  return fmt::sprintf("p50 %.1f ms, p99 %.1f ms, max %.1f ms", 1e-6 * double(all.quantile(0.5)),
                      1e-6 * double(all.quantile(0.99)), 1e-6 * double(all.max()));
}

std::string phase_text(const PhaseAvailability& phase) {
  const Counts& counts = phase.availability.counts;
  const Period& period = phase.availability.load;
  const double length = seconds_of(period.end - period.begin);
  std::string text = "  " + format_seconds(period.begin) + "  " + phase.phase.text() + ": " +
                     with_thousands(counts.total()) + " operations";
  if (counts.total() > 0)
    text += fmt::sprintf(", %.1f %% ok, %.0f/s; ", 100 * counts.share(counts.served()).value_or(0),
                         length > 0 ? static_cast<double>(counts.served()) / length : 0.0) +
            quantiles_text(phase.availability.latencies.all());
  if (phase.load.late + phase.load.dropped > 0)
    text += "; " + with_thousands(phase.load.late) + " late, " +
            with_thousands(phase.load.dropped) + " dropped";
  return text + "\n";
}

constexpr auto metric_list =
    std::to_array<std::string_view>({"scheduled_ok_rate", "late_rate", "dropped_rate"});

}  // namespace

void PhaseLoad::merge(const PhaseLoad& other) {
  scheduled += other.scheduled;
  sent += other.sent;
  late += other.late;
  overslept += other.overslept;
  dropped += other.dropped;
  sojourn_ns += other.sojourn_ns;
  intended.merge(other.intended);
}

PhaseLoad LoadReport::total() const {
  PhaseLoad sum;
  for (const PhaseLoad& load : loads) sum.merge(load);
  return sum;
}

LittlesLaw apply_littles_law(const LoadReport& report, const History& history, const Period& load) {
  LittlesLaw law;
  const double length = seconds_of(load.end - load.begin);
  const PhaseLoad total = report.total();
  if (length <= 0 || total.scheduled == 0) return law;
  double under_way_s = 0;
  for (OperationId id = 0; id < history.size(); ++id) {
    const std::int64_t begin = history.begin_time()[id];
    if (begin == no_time || begin < load.begin || begin >= load.end) continue;
    const std::int64_t end = history.end_time()[id];
    under_way_s += seconds_of((end == no_time ? load.end : end) - begin);
  }
  law.measured = under_way_s / length;
  const double rate = static_cast<double>(total.scheduled) / length;
  const double mean_s = seconds_of(total.sojourn_ns) / static_cast<double>(total.scheduled);
  law.expected = rate * mean_s;
  if (!report.open) return law;

  const double waiting = law.expected - law.measured;
  const std::uint64_t no_worker = total.late + total.dropped;
  if (share(std::max(no_worker, total.overslept), total.scheduled) > share_that_matters)
    law.bottleneck = no_worker >= total.overslept ? Bottleneck::workers : Bottleneck::machine;
  else if (waiting > waiting_that_matters * law.expected && waiting / rate > delay_that_matters_s)
    law.bottleneck = Bottleneck::machine;
  return law;
}

std::string bottleneck_text(const LoadReport& report, const LittlesLaw& law) {
  const PhaseLoad total = report.total();
  const std::string scheduled = with_thousands(total.scheduled) + " scheduled requests";
  const std::string blame =
      "; latencies from the intended start include the wait inside the harness, latency_ms does "
      "not";
  switch (law.bottleneck) {
    case Bottleneck::workers:
      return "all " + std::to_string(report.workers) + " workers were busy when " +
             with_thousands(total.late + total.dropped) + " of " + scheduled + " were due (" +
             with_thousands(total.dropped) +
             " were never sent): raise concurrency, unless it was the store that had stalled" +
             blame;
    case Bottleneck::machine:
      return "this machine could not keep the schedule: " + with_thousands(total.overslept) +
             " of " + scheduled + " left late although a worker was free, and " +
             fmt::sprintf("%.1f of %.1f", law.expected - law.measured, law.expected) +
             " requests were waiting inside the harness on average" + blame;
    case Bottleneck::none:
      break;
  }
  return {};
}

std::vector<LoadStretch> load_stretches(const LoadProfile& profile, std::int64_t begin) {
  std::vector<LoadStretch> stretches;
  for (std::size_t i = 0; i < profile.phases().size(); ++i) {
    const LoadPhase& phase = profile.phases()[i];
    const std::int64_t from = begin + profile.begin_of(i).count();
    // What came before the first phase, while the workers were started, is part of it.
    stretches.push_back({{i == 0 ? 0 : from, from + phase.length.count()},
                         std::max(phase.from, phase.to),
                         phase.kind == LoadPhase::Kind::steady});
  }
  return stretches;
}

std::vector<PhaseAvailability> measure_phases(const LoadReport& report, const History& history,
                                              const Period& load,
                                              std::span<const LoadStretch> stretches) {
  std::vector<PhaseAvailability> phases;
  for (std::size_t i = 0; i < stretches.size(); ++i) {
    Period period{stretches[i].period.begin, std::min(stretches[i].period.end, load.end)};
    if (period.begin >= load.end) break;  // interrupted before it began
    phases.push_back(
        {report.phases[i], report.loads[i], measure_availability(history, {}, period)});
  }
  return phases;
}

Value load_value(const LoadReport& report, const LittlesLaw& law) {
  Map map = {{"loop", report.open ? "open" : "closed"}};
  if (report.open) map.emplace_back("arrivals", report.arrivals);
  append_load(map, report.total());
  map.emplace_back("concurrency", Map{{"max", std::uint64_t{report.workers}},
                                      {"mean", rounded(law.measured)},
                                      {"littles_law", rounded(law.expected)}});
  if (!report.open) return map;
  const std::string_view name = name_of(law.bottleneck);
  map.emplace_back("bottleneck", name.empty() ? Value() : Value(std::string(name)));
  if (const std::string warning = bottleneck_text(report, law); !warning.empty())
    map.emplace_back("warning", warning);
  return map;
}

Value phases_value(std::span<const PhaseAvailability> phases) {
  List list;
  for (const PhaseAvailability& phase : phases) {
    Map map;
    map.emplace_back("phase", std::string(name_of(phase.phase.kind)));
    append_load(map, phase.load);
    map.emplace_back("from", rounded(phase.phase.from));
    map.emplace_back("to", rounded(phase.phase.to));
    // Nodes and faults are told for the whole load; a fault does not end with a phase.
    constexpr std::array<std::string_view, 4> left_out = {"first_ok_s", "recovery_s", "nodes",
                                                          "faults"};
    const Value all = availability_value(phase.availability, &phase.load.intended);
    for (const auto& [key, value] : *all.map())
      if (std::ranges::find(left_out, key) == left_out.end())
        map.emplace_back(key == "load" ? "time" : key, value);
    list.push_back(std::move(map));
  }
  return list;
}

std::string load_text(const LoadReport& report, const LittlesLaw& law,
                      std::span<const PhaseAvailability> phases) {
  std::string text;
  if (report.open) {
    const PhaseLoad total = report.total();
    text = "load: open, " + report.arrivals + ": " + with_thousands(total.scheduled) +
           " scheduled, " + with_thousands(total.late) + " late, " + with_thousands(total.dropped) +
           " dropped; from the intended start " + quantiles_text(total.intended.all()) +
           fmt::sprintf("; %.1f of %zu workers busy", law.measured, report.workers) + "\n";
  }
  if (const std::string warning = bottleneck_text(report, law); !warning.empty())
    text += "warning: the harness was the bottleneck: " + warning + "\n";
  for (const PhaseAvailability& phase : phases) text += phase_text(phase);
  return text;
}

std::span<const std::string_view> load_metric_names() { return metric_list; }

Metrics load_metrics(const LoadReport* report, const Counts& counts) {
  const PhaseLoad total = report != nullptr ? report->total() : PhaseLoad();
  const auto metric = [&](std::size_t i, std::uint64_t part) -> Metrics::value_type {
    const bool any = total.scheduled > 0;
    return {std::string(metric_list[i]),
            any ? std::optional(share(part, total.scheduled)) : std::nullopt};
  };
  return {metric(0, counts.served()), metric(1, total.late), metric(2, total.dropped)};
}

}  // namespace faultline
