// The switch in user space. Bars: 100,000 packets a second and core, 150 us added at low load, 10
// ms asked for are 10 +- 0.5 ms, a policy of all links changed within 1 ms.
#include <algorithm>
#include <array>

#include <benchmark/benchmark.h>
#include <sys/resource.h>

#include "bench/world.h"
#include "harness/core/packets.h"
#include "tests/io/temporary_folder.h"

namespace faultline {
namespace {

using namespace std::chrono_literals;

class SwitchBed {
 public:
  explicit SwitchBed(LinksLever links, std::size_t nodes = 2) {
    const Status& entered = bench_world();
    problem = entered ? "" : entered.error().what;
    if (!entered) return;
    ClusterOptions options;
    options.nodes = nodes;
    options.links = links;
    options.directory = folder_.path();
    options.launch = [](const Node&, std::span<const Node>) -> Result<Launch> {
      return Launch{{"/bin/sleep", "1000"}, {}};
    };
    auto made = make_cluster(options);
    if (!made)
      problem = made.error().what;
    else
      cluster = std::move(*made);
  }
  /// Microseconds of a probe from the first node to the second.
  double transit_us() {
    const auto took = cluster->transit({0, 1}, 5000ms);
    if (!took || !*took) {
      problem = "a probe was lost";
      return 0;
    }
    return std::chrono::duration<double, std::micro>(**took).count();
  }

  std::string problem;
  std::unique_ptr<Cluster> cluster;

 private:
  TemporaryFolder folder_;
};

double cpu_seconds(int who) {
  rusage used{};
  ::getrusage(who, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// One way, at low load, over each data plane: the difference is what the switch adds.
void switch_transit(benchmark::State& state) {
  SwitchBed bed(state.range(0) == 0 ? LinksLever::bridge : LinksLever::packet_switch);
  state.SetLabel(state.range(0) == 0 ? "bridge" : "switch");
  for (auto _ : state) {
    if (!bed.problem.empty()) return state.SkipWithError(bed.problem.c_str());
    state.SetIterationTime(bed.transit_us() * 1e-6);
  }
}
BENCHMARK(switch_transit)->Arg(0)->Arg(1)->UseManualTime()->Unit(benchmark::kMicrosecond);

/// A flood of small packets from one node; how many the switch's thread carries in a second of its
/// processor's time. With a policy that acts on each, and without.
void switch_packets(benchmark::State& state) {
  SwitchBed bed(LinksLever::packet_switch);
  if (!bed.problem.empty()) return state.SkipWithError(bed.problem.c_str());
  PacketPlane& plane = *bed.cluster->packets();
  state.SetLabel(state.range(0) == 0 ? "as they are" : "1 ms late, 1 % lost");
  if (state.range(0) != 0 && !plane.shape({{{0, 1}, {.delay = 1ms, .loss = 0.01}}}))
    return state.SkipWithError("shape");
  const std::uint64_t before = plane.cost().packets;
  // The rest of this process does nothing but send.
  const double own = cpu_seconds(RUSAGE_THREAD), all = cpu_seconds(RUSAGE_SELF);
  for (auto _ : state)
    for (int i = 0; i < 100; ++i)
      if (!bed.cluster->send_probe({0, 1})) return state.SkipWithError("send");
  const double busy = cpu_seconds(RUSAGE_SELF) - all - (cpu_seconds(RUSAGE_THREAD) - own);
  const PlaneCost cost = plane.cost();
  const auto carried = static_cast<double>(cost.packets - before);
  state.counters["packets_per_cpu_s"] = carried / busy;
  state.counters["packets_per_s"] = benchmark::Counter(carried, benchmark::Counter::kIsRate);
  state.counters["own_drops"] = static_cast<double>(cost.dropped);
}
BENCHMARK(switch_packets)->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMicrosecond);

/// 10 ms asked for: what a probe takes.
void switch_delay_10ms(benchmark::State& state) {
  SwitchBed bed(LinksLever::packet_switch);
  if (!bed.problem.empty()) return state.SkipWithError(bed.problem.c_str());
  if (!bed.cluster->packets()->shape({{{0, 1}, {.delay = 10ms}}}))
    return state.SkipWithError("shape");
  std::vector<double> took;
  for (auto _ : state) {
    took.push_back(bed.transit_us() / 1e3);
    state.SetIterationTime(took.back() * 1e-3);
  }
  std::sort(took.begin(), took.end());
  const auto at = [&](double part) {
    return took[static_cast<std::size_t>(part * static_cast<double>(took.size() - 1))];
  };
  state.counters["least_ms"] = at(0);
  state.counters["median_ms"] = at(0.5);
  state.counters["p90_ms"] = at(0.9);
  state.counters["most_ms"] = at(1);
}
BENCHMARK(switch_delay_10ms)->UseManualTime()->Unit(benchmark::kMillisecond);

/// A policy on every link of a cluster, and none: until both are in force, and how long each took
/// to hold on all links from when it was published. One that tells packets apart has segmentation
/// offload turned off in every sender before that, and on after it.
void switch_change(benchmark::State& state) {
  const auto nodes = static_cast<std::size_t>(state.range(0));
  const bool one_by_one = state.range(1) != 0;
  state.SetLabel(one_by_one ? "offloads off and on" : "offloads as they are");
  SwitchBed bed(LinksLever::packet_switch, nodes);
  if (!bed.problem.empty()) return state.SkipWithError(bed.problem.c_str());
  LinkPolicies policies;
  for (std::size_t from = 0; from < nodes; ++from)
    for (std::size_t to = 0; to < nodes; ++to)
      if (from != to) policies[{from, to}] = {.delay = 1ms, .loss = one_by_one ? 0.01 : 0};
  std::vector<double> instants;
  for (auto _ : state)
    for (const LinkPolicies& wanted : {policies, LinkPolicies{}}) {
      if (!bed.cluster->packets()->shape(wanted)) return state.SkipWithError("shape");
      instants.push_back(
          std::chrono::duration<double, std::micro>(bed.cluster->packets()->last_change()).count());
    }
  std::ranges::sort(instants);
  state.counters["instant_us"] = instants[instants.size() / 2];
  state.counters["instant_p99_us"] = instants[instants.size() * 99 / 100];
}
BENCHMARK(switch_change)
    ->ArgsProduct({{5, 50}, {0, 1}})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace faultline
