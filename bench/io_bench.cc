// How fast a history is recorded and loaded. The bars: 150,000 operations recorded a second by the
// whole loop on two cores; one million operations loaded in 0.6 s by two threads.
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <benchmark/benchmark.h>

#include "harness/core/check.h"
#include "harness/core/rng.h"
#include "harness/io/load.h"
#include "harness/io/recorder.h"
#include "tests/io/temporary_folder.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

/// Requests as the register workload makes them: half reads, the rest writes and compare-and-sets.
class Requests {
 public:
  explicit Requests(Rng rng) : rng_(rng) {}
  Request next(std::size_t worker) {
    Request request;
    request.key = "k" + std::to_string(rng_.below(20));
    const std::uint64_t dice = rng_.below(100);
    const auto fresh = static_cast<std::int64_t>(++count_ * 64 + worker);
    if (dice < 50) return request;
    request.function = dice < 80 ? Function::write : Function::cas;
    request.value = dice < 80 ? Value(fresh) : Value(List{1, fresh});
    return request;
  }

 private:
  Rng rng_;
  std::uint64_t count_ = 0;
};

class InstantClient final : public Client {
 public:
  Outcome invoke(const Request& request, Deadline) override {
    if (request.function == Function::read) return Outcome::ok(7);
    if (request.function == Function::cas) return Outcome::mismatch();
    return Outcome::ok(request.value);
  }
};

/// The whole loop of `workers` threads: generate, invoke, null client, complete. Every `operations`
/// of them; what is counted ends when the history is on disk and in memory.
/// The history's size in memory.
std::uint64_t record(const fs::path& path, std::size_t workers, std::size_t operations) {
  auto recorder = Recorder::create(path, workers, {"n1", "n2", "n3", "n4", "n5"}, Clock::now());
  FAULTLINE_CHECK(recorder);
  std::vector<std::thread> threads;
  for (std::size_t worker = 0; worker < workers; ++worker)
    threads.emplace_back([&, worker] {
      Requests requests(Rng(1).fork("worker", worker));
      const std::unique_ptr<Client> client = std::make_unique<InstantClient>();
      const auto process = static_cast<std::uint32_t>(worker);
      for (std::size_t i = 0; i < operations / workers; ++i) {
        const Request request = requests.next(worker);
        (*recorder)->invoke(worker, process, worker % 5, request);
        const Outcome outcome = client->invoke(request, Clock::now() + std::chrono::seconds(2));
        (*recorder)->complete(worker, process, worker % 5, request, outcome);
      }
    });
  for (std::thread& thread : threads) thread.join();
  const History history = (*recorder)->finish();
  FAULTLINE_CHECK((*recorder)->status());
  FAULTLINE_CHECK(history.size() == operations / workers * workers);
  return history.bytes();
}

void record_null_client(benchmark::State& state) {
  const auto workers = static_cast<std::size_t>(state.range(0));
  constexpr std::size_t operations = 1'000'000;
  const TemporaryFolder folder;
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    bytes = record(folder / "h", workers, operations);
    state.PauseTiming();
    fs::remove(folder / "h");
    state.ResumeTiming();
  }
  state.counters["operations/s"] = benchmark::Counter(
      static_cast<double>(operations), benchmark::Counter::kIsIterationInvariantRate);
  state.counters["MiB_per_million"] =
      static_cast<double>(bytes) / static_cast<double>(operations) * 1e6 / (1 << 20);
}
BENCHMARK(record_null_client)
    ->Arg(8)
    ->Arg(20)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(3);

/// What recording adds to the latency of one operation: the two calls around a request, in
/// nanoseconds, from `workers` threads that each make 10,000 requests a second.
void record_added_latency(benchmark::State& state) {
  const auto workers = static_cast<std::size_t>(state.range(0));
  constexpr std::size_t operations = 10'000;  // of each worker
  constexpr std::chrono::microseconds pace{100};
  const TemporaryFolder folder;
  std::vector<std::vector<std::int64_t>> added(workers);
  for (auto _ : state) {
    auto recorder =
        Recorder::create(folder / "h", workers, {"n1", "n2", "n3", "n4", "n5"}, Clock::now());
    FAULTLINE_CHECK(recorder);
    std::vector<std::thread> threads;
    for (std::size_t worker = 0; worker < workers; ++worker)
      threads.emplace_back([&, worker] {
        Requests requests(Rng(1).fork("worker", worker));
        const auto process = static_cast<std::uint32_t>(worker);
        auto due = Clock::now();
        for (std::size_t i = 0; i < operations; ++i, due += pace) {
          const Request request = requests.next(worker);
          const Outcome outcome = Outcome::ok(request.value);
          std::this_thread::sleep_until(due);
          const auto begin = Clock::now();
          (*recorder)->invoke(worker, process, worker % 5, request);
          (*recorder)->complete(worker, process, worker % 5, request, outcome);
          added[worker].push_back((Clock::now() - begin).count());
        }
      });
    for (std::thread& thread : threads) thread.join();
    (*recorder)->finish();
    fs::remove(folder / "h");
  }
  std::vector<std::int64_t> all;
  for (const auto& one : added) all.insert(all.end(), one.begin(), one.end());
  std::ranges::sort(all);
  state.counters["p50_ns"] = static_cast<double>(all[all.size() / 2]);
  state.counters["p99_ns"] = static_cast<double>(all[all.size() * 99 / 100]);
  state.counters["max_ns"] = static_cast<double>(all.back());
}
BENCHMARK(record_added_latency)->Arg(1)->Arg(4)->UseRealTime()->Iterations(1);

void load_million(benchmark::State& state) {
  const TemporaryFolder folder;
  const fs::path path = folder / "history.jsonl";
  record(path, 20, 1'000'000);
  LoadOptions options;
  options.threads = static_cast<unsigned>(state.range(0));
  for (auto _ : state) {
    const auto loaded = load_history(path, options);
    FAULTLINE_CHECK(loaded && loaded->history.size() == 1'000'000);
  }
  state.counters["bytes/s"] = benchmark::Counter(static_cast<double>(fs::file_size(path)),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(load_million)
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(5);

/// An operation's two events as Jepsen writes them; `dice` decides what it is.
void write_edn(std::ostream& out, std::uint64_t n, std::uint64_t dice, bool is_txn) {
  const std::string a = std::to_string(n), b = std::to_string(dice % 20);
  const std::string asked = is_txn      ? "[[:append " + b + " " + a + "] [:r " + b + " nil]]"
                            : dice < 50 ? "nil"
                            : dice < 80 ? a
                                        : "[" + b + " " + a + "]";
  const std::string answered = is_txn ? "[[:append " + b + " " + a + "] [:r " + b + " [1 2 3]]]"
                               : dice < 50 ? b
                                           : asked;
  const char* const f = is_txn ? ":txn" : dice < 50 ? ":read" : dice < 80 ? ":write" : ":cas";
  for (const bool is_ok : {false, true})
    out << "{:type " << (is_ok ? ":ok" : ":invoke") << ", :f " << f << ", :value "
        << (is_ok ? answered : asked) << ", :process " << n % 20 << ", :time "
        << 1'000'000 + 2000 * n + is_ok << ", :index " << 2 * n + is_ok << "}\n";
}

/// The bar: 250 MB/s on two cores, whole file to history. 0: a register, 1: transactions; and how
/// many threads.
void load_edn(benchmark::State& state) {
  constexpr std::uint64_t operations = 1'000'000;
  const TemporaryFolder folder;
  const fs::path path = folder / "history.edn";
  {
    std::ofstream out(path);
    Rng rng(1);
    for (std::uint64_t n = 0; n < operations; ++n)
      write_edn(out, n, rng.below(100), state.range(0) == 1);
  }
  for (auto _ : state) {
    const auto loaded = load_history(path, {static_cast<unsigned>(state.range(1))});
    FAULTLINE_CHECK(loaded && loaded->history.size() == operations);
    state.counters["history_MiB"] = static_cast<double>(loaded->history.bytes() >> 20);
  }
  const auto bytes = static_cast<double>(fs::file_size(path));
  state.counters["file_MiB"] = bytes / (1 << 20);
  state.counters["bytes/s"] =
      benchmark::Counter(bytes, benchmark::Counter::kIsIterationInvariantRate);
}
BENCHMARK(load_edn)
    ->ArgsProduct({{0, 1}, {1, 2}})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(5);

}  // namespace
}  // namespace faultline
