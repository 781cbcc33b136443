// Nodes and links: bars are five nodes in 50 ms and fifty in 250 ms, without a store's own start.
#include <benchmark/benchmark.h>
#include <signal.h>

#include "bench/world.h"
#include "tests/io/temporary_folder.h"

namespace faultline {
namespace {

struct Bed {
  Bed() {
    const Status& entered = bench_world();
    problem = entered ? "" : entered.error().what;
    options.directory = folder.path();
    options.launch = [](const Node&, std::span<const Node>) -> Result<Launch> {
      return Launch{{"/bin/sleep", "1000"}, {}};
    };
  }
  std::unique_ptr<Cluster> make(std::size_t nodes) {
    options.nodes = nodes;
    auto made = make_cluster(options);
    if (!made) problem = made.error().what;
    return made ? std::move(*made) : nullptr;
  }

  TemporaryFolder folder;
  ClusterOptions options;
  std::string problem;
};

void os_nodes_up(benchmark::State& state) {
  Bed bed;
  for (auto _ : state) {
    if (!bed.problem.empty()) return state.SkipWithError(bed.problem.c_str());
    auto cluster = bed.make(static_cast<std::size_t>(state.range(0)));
    state.PauseTiming();
    cluster.reset();
    state.ResumeTiming();
  }
}
BENCHMARK(os_nodes_up)->Arg(5)->Arg(50)->UseRealTime()->Unit(benchmark::kMillisecond);

void os_nodes_down(benchmark::State& state) {
  Bed bed;
  for (auto _ : state) {
    state.PauseTiming();
    auto cluster = bed.make(static_cast<std::size_t>(state.range(0)));
    if (!cluster) return state.SkipWithError(bed.problem.c_str());
    for (const Node& node : cluster->nodes()) (void)cluster->start(node.index);
    state.ResumeTiming();
    cluster.reset();
  }
}
BENCHMARK(os_nodes_down)->Arg(5)->Arg(50)->UseRealTime()->Unit(benchmark::kMillisecond);

/// Cuts the cluster in two halves, and heals it.
void os_cut_and_heal(benchmark::State& state) {
  Bed bed;
  const auto nodes = static_cast<std::size_t>(state.range(0));
  auto cluster = bed.make(nodes);
  if (!cluster) return state.SkipWithError(bed.problem.c_str());
  std::vector<Edge> edges;
  for (std::size_t from = 0; from < nodes; ++from)
    for (std::size_t to = 0; to < nodes; ++to)
      if ((from < nodes / 2) != (to < nodes / 2)) edges.push_back({from, to});
  for (auto _ : state) {
    if (!cluster->cut(edges)) return state.SkipWithError("cut");
    if (!cluster->cut({})) return state.SkipWithError("heal");
  }
}
BENCHMARK(os_cut_and_heal)->Arg(5)->Arg(50)->UseRealTime()->Unit(benchmark::kMillisecond);

void os_kill_and_start(benchmark::State& state) {
  Bed bed;
  auto cluster = bed.make(1);
  if (!cluster) return state.SkipWithError(bed.problem.c_str());
  for (auto _ : state) {
    if (!cluster->start(0)) return state.SkipWithError("start");
    if (!cluster->signal(0, SIGKILL)) return state.SkipWithError("kill");
  }
}
BENCHMARK(os_kill_and_start)->UseRealTime()->Unit(benchmark::kMillisecond);

void os_read_drops(benchmark::State& state) {
  Bed bed;
  auto cluster = bed.make(5);
  if (!cluster) return state.SkipWithError(bed.problem.c_str());
  const std::vector<Edge> edges = {{0, 1}, {1, 0}};
  if (!cluster->cut(edges)) return state.SkipWithError("cut");
  for (auto _ : state) benchmark::DoNotOptimize(cluster->drops(edges));
}
BENCHMARK(os_read_drops)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace faultline
