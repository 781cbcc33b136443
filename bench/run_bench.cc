// The whole loop: workers, generator, session, recorder, disk. A client that answers at once takes
// the place of the store, so that what is measured is ours alone. Bar: 150,000 operations a second
// on two cores.
#include <filesystem>

#include <benchmark/benchmark.h>
#include <unistd.h>

#include "bench/null_target.h"
#include "bench/world.h"
#include "harness/run/client_machines.h"
#include "harness/run/crew.h"
#include "tests/io/temporary_folder.h"

namespace {

using namespace faultline;

/// Half reads, half writes of unique values over twenty keys.
class Halves : public Workload {
 public:
  std::string_view name() const override { return "halves"; }
  std::vector<Function> functions() const override { return {Function::read, Function::write}; }
  std::vector<std::string> checks() const override { return {}; }
  std::vector<Request> final_requests(const std::vector<std::string>&) const override { return {}; }
  std::unique_ptr<Generator> generator(Rng rng, std::size_t worker,
                                       std::size_t workers) const override {
    struct Own : Generator {
      Own(Rng r, std::size_t w, std::size_t n) : rng(r), value(w), step(n) {}
      Request next() override {
        Request request;
        request.key = "k" + std::to_string(rng.below(20));
        if (rng.below(2) == 0) return request;
        request.function = Function::write;
        request.value = Value(value += step);
        return request;
      }
      Rng rng;
      std::uint64_t value;
      std::size_t step;
    };
    return std::make_unique<Own>(rng, worker, workers);
  }
};

/// One node, and `machines` client machines that are ready for `workers`.
Status start_machines(const TemporaryFolder& directory, std::size_t machines, std::size_t workers,
                      std::unique_ptr<ClientMachines>& clients, std::unique_ptr<Cluster>& cluster) {
  if (!bench_world()) return bench_world();
  auto made = ClientMachines::make({machines, workers, 5, Map{{"name", "null"}}});
  if (!made) return made.error();
  clients = std::move(*made);
  ClusterOptions options;
  options.nodes = 1;
  options.clients = clients->programs();
  options.directory = directory.path();
  auto built = make_cluster(options);
  if (!built) return built.error();
  cluster = std::move(*built);
  for (const Node& client : cluster->clients())
    if (const Status started = cluster->start(client.index); !started) return started;
  const std::vector<Node> nodes(5);
  return clients->set_up(nodes, std::chrono::seconds(30));
}

/// `operations` of `workers`, over `clients` if there are any.
void work(benchmark::State& state, std::size_t workers, std::uint64_t operations,
          ClientMachines* clients) {
  const NullTarget target;
  const Halves workload;
  std::vector<Node> nodes(5);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    nodes[i].index = i;
    names.push_back(nodes[i].name = "n" + std::to_string(i + 1));
  }
  const std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("faultline-bench-" + std::to_string(::getpid()));
  std::uint64_t recorded = 0;
  for (auto _ : state) {
    std::filesystem::remove(path);
    auto recorder = Recorder::create(path, workers, names, std::chrono::steady_clock::now());
    if (!recorder) return state.SkipWithError(recorder.error().what.c_str());
    Crew crew({**recorder,
               target,
               workload,
               nodes,
               workers,
               {},
               Affinity::spread,
               std::chrono::seconds(2),
               Rng(1),
               operations / workers,
               {},
               {},
               clients});
    if (!crew.start()) return state.SkipWithError("no threads");
    crew.join();
    const History history = (*recorder)->finish();  // until all of it is on disk
    recorded += history.size();
  }
  std::filesystem::remove(path);
  state.counters["operations/s"] =
      benchmark::Counter(static_cast<double>(recorded), benchmark::Counter::kIsRate);
}

void run_loop(benchmark::State& state) {
  work(state, static_cast<std::size_t>(state.range(0)), 400'000, nullptr);
}

/// The same with `clients: separate`: every request goes to a process on a client machine and back.
void run_clients_separate(benchmark::State& state) {
  const auto workers = static_cast<std::size_t>(state.range(0));
  const auto machines = static_cast<std::size_t>(state.range(1));
  const TemporaryFolder directory;
  std::unique_ptr<ClientMachines> clients;
  std::unique_ptr<Cluster> cluster;
  const Status started = start_machines(directory, machines, workers, clients, cluster);
  if (!started) return state.SkipWithError(started.error().what.c_str());
  work(state, workers, 100'000, clients.get());
}

}  // namespace

BENCHMARK(run_loop)->Arg(8)->Arg(32)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(run_clients_separate)
    ->Args({8, 5})
    ->Args({32, 1})
    ->Args({32, 5})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
