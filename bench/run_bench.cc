// The whole loop: workers, generator, session, recorder, disk. A client that answers at once takes
// the place of the store, so that what is measured is ours alone. Bar: 150,000 operations a second
// on two cores.
#include <filesystem>

#include <benchmark/benchmark.h>
#include <unistd.h>

#include "harness/run/crew.h"

namespace {

using namespace faultline;

class NullClient : public Client {
 public:
  Outcome invoke(const Request& request, Deadline) override { return Outcome::ok(request.value); }
};

class NullTarget : public Target {
 public:
  std::string_view name() const override { return "null"; }
  std::vector<Function> functions() const override { return {Function::read, Function::write}; }
  Status available() const override { return Ok{}; }
  std::filesystem::path program() const override { return {}; }
  std::string version() const override { return {}; }
  Result<Launch> launch(const Node&, std::span<const Node>) const override { return Launch{}; }
  Status ready(const Node&, Deadline) const override { return Ok{}; }
  Result<std::unique_ptr<Client>> connect(const Node&) const override {
    return std::unique_ptr<Client>(std::make_unique<NullClient>());
  }
};

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

void run_loop(benchmark::State& state) {
  const auto workers = static_cast<std::size_t>(state.range(0));
  constexpr std::uint64_t operations = 400'000;
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
               operations / workers});
    if (!crew.start()) return state.SkipWithError("no threads");
    crew.join();
    const History history = (*recorder)->finish();  // until all of it is on disk
    recorded += history.size();
  }
  std::filesystem::remove(path);
  state.counters["operations/s"] =
      benchmark::Counter(static_cast<double>(recorded), benchmark::Counter::kIsRate);
}

}  // namespace

BENCHMARK(run_loop)->Arg(8)->Arg(32)->Unit(benchmark::kMillisecond)->UseRealTime();
