#include "harness/run/availability.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "harness/core/check.h"
#include "harness/core/text.h"
#include "harness/io/document.h"

namespace faultline {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t step = second / 10;
constexpr std::int64_t base_stretch_max = 5 * second;
constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();

void count(Counts& counts, Fate fate) {
  switch (fate) {
    case Fate::ok:
      ++counts.ok;
      break;
    case Fate::mismatch:
      ++counts.mismatch;
      break;
    case Fate::fail:
      ++counts.fail;
      break;
    case Fate::info:
      ++counts.info;
      break;
  }
}

bool served(Fate fate) { return fate == Fate::ok || fate == Fate::mismatch; }

/// When operations began and ended, in columns that are sorted for the questions below.
struct Timeline {
  struct Interval {
    std::int64_t begin, end;
    Fate fate;
  };
  std::vector<Interval> asked;          ///< By begin; `end` is forever if nobody gave up.
  std::vector<std::int64_t> served_at;  ///< Sorted.
  Counts counts;

  void add(const History& history, OperationId id) {
    const Fate fate = history.fate()[id];
    std::int64_t end = history.end_time()[id];
    if (end == no_time) end = forever;
    asked.push_back({history.begin_time()[id], end, fate});
    if (served(fate)) served_at.push_back(end);
    count(counts, fate);
  }
  void sort() {
    std::sort(asked.begin(), asked.end(),
              [](const Interval& a, const Interval& b) { return a.begin < b.begin; });
    std::sort(served_at.begin(), served_at.end());
  }
};

Outage longest_outage(const Timeline& timeline, const Period& load) {
  Outage longest;
  std::size_t next = 0;                       // the first request that began after `previous`
  std::int64_t outstanding_until = -forever;  // the latest end of those before
  std::int64_t previous = load.begin;
  const auto close = [&](std::int64_t until) {
    for (; next < timeline.asked.size() && timeline.asked[next].begin <= previous; ++next)
      outstanding_until = std::max(outstanding_until, timeline.asked[next].end);
    std::int64_t from = previous;
    if (outstanding_until <= previous)
      from = next < timeline.asked.size() ? timeline.asked[next].begin : forever;
    if (from < until && until - from > longest.length) longest = {from, until - from};
    previous = until;
  };
  for (const std::int64_t at : timeline.served_at)
    if (at > previous) close(std::min(at, std::max(load.end, previous)));
  if (previous < load.end) close(load.end);
  return longest;
}

Counts counts_in(const Timeline& timeline, std::int64_t begin, std::int64_t end) {
  Counts counts;
  auto at = std::lower_bound(
      timeline.asked.begin(), timeline.asked.end(), begin,
      [](const Timeline::Interval& interval, std::int64_t time) { return interval.begin < time; });
  for (; at != timeline.asked.end() && at->begin < end; ++at) count(counts, at->fate);
  return counts;
}

std::uint64_t served_in(const Timeline& timeline, std::int64_t begin, std::int64_t end) {
  const auto& at = timeline.served_at;
  return static_cast<std::uint64_t>(std::lower_bound(at.begin(), at.end(), end) -
                                    std::lower_bound(at.begin(), at.end(), begin));
}

/// What a fault's recovery is measured in: its own stretch of the load and no other.
class Recoveries {
 public:
  Recoveries(const Timeline& timeline, std::span<const FaultWindow> windows, const Period& load,
             std::span<const LoadStretch> stretches)
      : timeline_(timeline), windows_(windows), whole_{load, 0, true}, stretches_(stretches) {}

  /// Faults by begin, each once.
  void measure(FaultAvailability& fault) {
    const LoadStretch& before = stretch_at(fault.window.begin);
    if (const auto rate = rate_before(fault.window, before)) base_ = {*rate, before.rate};
    const std::int64_t heal = fault.window.end;
    const LoadStretch& stretch = stretch_at(heal);
    measure_first_ok(fault, stretch);
    if (!stretch.steady || !base_ || base_->asked != stretch.rate) return;
    measure_full_rate(fault, std::min(stretch.period.end, whole_.period.end));
  }

 private:
  struct Base {
    double served, asked;  ///< A second.
  };

  const LoadStretch& stretch_at(std::int64_t time) const {
    for (const LoadStretch& stretch : stretches_)
      if (time < stretch.period.end) return stretch;
    return stretches_.empty() ? whole_ : stretches_.back();
  }

  /// Served per second just before `window` struck, if nothing else was active then.
  std::optional<double> rate_before(const FaultWindow& window, const LoadStretch& stretch) const {
    if (!stretch.steady) return std::nullopt;
    std::int64_t from = std::max(stretch.period.begin, window.begin - base_stretch_max);
    for (const FaultWindow& other : windows_)
      if (other.begin < window.begin) from = std::max(from, other.end);
    if (window.begin - from < second) return std::nullopt;
    return static_cast<double>(served_in(timeline_, from, window.begin)) * second /
           static_cast<double>(window.begin - from);
  }

  /// Until something was asked for nothing could be answered.
  void measure_first_ok(FaultAvailability& fault, const LoadStretch& stretch) const {
    const std::int64_t heal = fault.window.end;
    const auto& at = timeline_.served_at;
    const auto first = std::lower_bound(at.begin(), at.end(), heal);
    if (heal >= whole_.period.end || first == at.end()) return;
    const bool paused = &stretch != &stretch_at(*first) && quiet_between(heal, *first);
    if (!paused) fault.first_ok = *first - heal;
  }
  bool quiet_between(std::int64_t from, std::int64_t to) const {
    return std::any_of(stretches_.begin(), stretches_.end(), [&](const LoadStretch& stretch) {
      return !stretch.steady && stretch.rate == 0 && stretch.period.begin < to &&
             stretch.period.end > from;
    });
  }

  void measure_full_rate(FaultAvailability& fault, std::int64_t limit) const {
    const std::int64_t heal = fault.window.end;
    for (const FaultWindow& other : windows_) {
      if (other.begin <= heal && other.end > heal) return;  // still something broken
      if (other.begin > heal) limit = std::min(limit, other.begin);
    }
    if (base_->served <= 0 || limit <= heal) return;
    for (std::int64_t t = heal; t + second <= limit; t += step)
      if (static_cast<double>(served_in(timeline_, t, t + second)) >= 0.9 * base_->served) {
        fault.full_rate = t - heal;
        return;
      }
    fault.full_rate = std::max<std::int64_t>(0, limit - second - heal);
    fault.full_rate_is_bound = true;
  }

  const Timeline& timeline_;
  std::span<const FaultWindow> windows_;
  LoadStretch whole_;
  std::span<const LoadStretch> stretches_;
  std::optional<Base> base_;  ///< The one found most recently.
};

std::vector<FaultAvailability> measure_faults(const Timeline& timeline,
                                              std::span<const FaultWindow> windows,
                                              const Period& load,
                                              std::span<const LoadStretch> stretches) {
  std::vector<FaultAvailability> result;
  Recoveries recoveries(timeline, windows, load, stretches);
  for (const FaultWindow& window : windows) {
    FaultAvailability fault{window, counts_in(timeline, window.begin, window.end), {}, {}, false};
    recoveries.measure(fault);
    result.push_back(std::move(fault));
  }
  return result;
}

double seconds(std::int64_t nanoseconds) {
  return std::round(static_cast<double>(nanoseconds) / 1e3) / 1e6;  // microseconds are enough
}
double milliseconds(std::int64_t nanoseconds) {
  return std::round(static_cast<double>(nanoseconds) / 1e3) / 1e3;
}

Value optional_seconds(const std::optional<std::int64_t>& v) {
  return v ? Value(seconds(*v)) : Value();
}

void append_counts(Map& map, const Counts& counts) {
  map.emplace_back("ok", counts.ok);
  map.emplace_back("mismatch", counts.mismatch);
  map.emplace_back("fail", counts.fail);
  map.emplace_back("info", counts.info);
  const auto share = counts.share(counts.served());
  map.emplace_back("ok_rate", share ? Value(rounded(*share)) : Value());
}

constexpr std::array<std::pair<const char*, double>, 4> quantiles = {
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p999", 0.999}}};

Value latency_value(const LatencyHistogram& histogram) {
  Map map = {{"count", histogram.count()}};
  for (const auto& [name, share] : quantiles)
    map.emplace_back(name, milliseconds(histogram.quantile(share)));
  map.emplace_back("max", milliseconds(histogram.max()));
  return map;
}

Value latencies_value(const Latencies& latencies) {
  Map map;
  for (std::size_t i = 0; i < function_names().size(); ++i)
    if (const LatencyHistogram& own = latencies.by_function[i]; own.count() > 0)
      map.emplace_back(std::string(function_names()[i]), latency_value(own));
  return map;
}

constexpr auto names = std::to_array<std::string_view>(
    {"ok_rate", "fail_rate", "info_rate", "throughput", "operations", "unavailable_s", "first_ok_s",
     "recovery_s", "p50_ms", "p90_ms", "p99_ms", "p999_ms", "max_ms", "intended_p50_ms",
     "intended_p90_ms", "intended_p99_ms", "intended_p999_ms", "intended_max_ms"});

}  // namespace

std::vector<FaultWindow> fault_windows(std::span<const Value> fault_lines) {
  std::vector<FaultWindow> windows;
  const auto nanoseconds = [](const Value* value) -> std::optional<std::int64_t> {
    if (value == nullptr) return std::nullopt;
    if (const std::int64_t* whole = value->integer()) return *whole * second;
    if (const double* real = std::get_if<double>(&value->content)) return std::llround(*real * 1e9);
    return std::nullopt;
  };
  for (const Value& line : fault_lines) {
    if (line.map() == nullptr) continue;
    const Value* fault = member_of(line, "fault");
    const Value* id = member_of(line, "id");
    const auto begin = nanoseconds(member_of(line, "applied"));
    const auto end = nanoseconds(member_of(line, "healed"));
    if (fault == nullptr || fault->text() == nullptr || !begin || !end) continue;
    const bool numbered = id != nullptr && id->integer() != nullptr;
    windows.push_back(
        {*fault->text(), numbered ? static_cast<FaultId>(*id->integer()) : 0, *begin, *end});
  }
  std::stable_sort(windows.begin(), windows.end(),
                   [](const FaultWindow& a, const FaultWindow& b) { return a.begin < b.begin; });
  return windows;
}

std::optional<std::int64_t> Availability::longest_first_ok() const {
  std::optional<std::int64_t> longest;
  for (const FaultAvailability& fault : faults)
    if (fault.first_ok && (!longest || *fault.first_ok > *longest)) longest = fault.first_ok;
  return longest;
}

std::optional<std::int64_t> Availability::longest_full_rate() const {
  std::optional<std::int64_t> longest;
  for (const FaultAvailability& fault : faults)
    if (fault.full_rate && (!longest || *fault.full_rate > *longest)) longest = fault.full_rate;
  return longest;
}

Availability measure_availability(const History& history, std::span<const FaultWindow> windows,
                                  const Period& load, std::span<const LoadStretch> stretches) {
  Availability result;
  result.load = load;
  Timeline overall;
  std::vector<Timeline> by_node(history.node_count());
  for (OperationId id = 0; id < history.size(); ++id) {
    const std::int64_t begin = history.begin_time()[id];
    if (begin == no_time || begin < load.begin || begin >= load.end) continue;
    overall.add(history, id);
    if (history.node()[id] != no_node) by_node[history.node()[id]].add(history, id);
    if (served(history.fate()[id]) && history.end_time()[id] != no_time)
      result.latencies.of(history.function()[id]).record(history.end_time()[id] - begin);
  }
  overall.sort();
  result.counts = overall.counts;
  result.outage = longest_outage(overall, load);
  for (std::size_t node = 0; node < by_node.size(); ++node) {
    by_node[node].sort();
    result.nodes.push_back({history.node_name(static_cast<NodeId>(node)), by_node[node].counts,
                            longest_outage(by_node[node], load)});
  }
  result.faults = measure_faults(overall, windows, load, stretches);
  return result;
}

Value availability_value(const Availability& a, const Latencies* intended) {
  Map map = {{"load", Map{{"begin", seconds(a.load.begin)}, {"end", seconds(a.load.end)}}}};
  append_counts(map, a.counts);
  const double length = seconds(a.load.end - a.load.begin);
  map.emplace_back("throughput",
                   length > 0 ? rounded(static_cast<double>(a.counts.served()) / length) : 0.0);
  map.emplace_back("unavailable",
                   Map{{"begin", seconds(a.outage.begin)}, {"seconds", seconds(a.outage.length)}});
  map.emplace_back("first_ok_s", optional_seconds(a.longest_first_ok()));
  map.emplace_back("recovery_s", optional_seconds(a.longest_full_rate()));
  Map nodes;
  for (const NodeAvailability& node : a.nodes) {
    Map one;
    append_counts(one, node.counts);
    one.emplace_back("unavailable", Map{{"begin", seconds(node.outage.begin)},
                                        {"seconds", seconds(node.outage.length)}});
    nodes.emplace_back(node.node, std::move(one));
  }
  map.emplace_back("nodes", std::move(nodes));
  List faults;
  for (const FaultAvailability& fault : a.faults) {
    Map one = {{"fault", fault.window.fault},
               {"id", std::int64_t{fault.window.id}},
               {"begin", seconds(fault.window.begin)},
               {"end", seconds(fault.window.end)}};
    append_counts(one, fault.counts);
    one.emplace_back("first_ok_s", optional_seconds(fault.first_ok));
    one.emplace_back("full_rate_s", optional_seconds(fault.full_rate));
    if (fault.full_rate_is_bound) one.emplace_back("full_rate_is_lower_bound", true);
    faults.push_back(std::move(one));
  }
  map.emplace_back("faults", std::move(faults));
  map.emplace_back("latency_ms", latencies_value(a.latencies));
  if (intended != nullptr) map.emplace_back("latency_intended_ms", latencies_value(*intended));
  return map;
}

std::span<const std::string_view> metric_names() { return names; }

Metrics availability_metrics(const Availability& a, const Latencies* intended) {
  const auto in_seconds = [](const std::optional<std::int64_t>& v) {
    return v ? std::optional(seconds(*v)) : std::nullopt;
  };
  const double length = seconds(a.load.end - a.load.begin);
  std::vector<std::optional<double>> values = {
      a.counts.share(a.counts.served()),
      a.counts.share(a.counts.fail),
      a.counts.share(a.counts.info),
      length > 0 ? std::optional(static_cast<double>(a.counts.served()) / length) : std::nullopt,
      static_cast<double>(a.counts.total()),
      seconds(a.outage.length),
      in_seconds(a.longest_first_ok()),
      in_seconds(a.longest_full_rate())};
  const auto add_latencies = [&](const LatencyHistogram& histogram) {
    const bool any = histogram.count() > 0;
    for (const auto& quantile : quantiles)
      values.push_back(any ? std::optional(milliseconds(histogram.quantile(quantile.second)))
                           : std::nullopt);
    values.push_back(any ? std::optional(milliseconds(histogram.max())) : std::nullopt);
  };
  add_latencies(a.latencies.all());
  add_latencies(intended != nullptr ? intended->all() : LatencyHistogram());
  Metrics metrics;
  FAULTLINE_CHECK(values.size() == names.size());
  for (std::size_t i = 0; i < names.size(); ++i)
    metrics.emplace_back(std::string(names[i]), values[i]);
  return metrics;
}

}  // namespace faultline
