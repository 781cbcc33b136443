// Isolation of transactions that append to lists, or write registers: one core, history in memory.
// The bars: 1 M valid transactions, strict serializable, in 250 ms with lists and in 1 s with
// registers (read before each write); lists with anomalies of several kinds in 600 ms. Registers
// that are written blindly, up to causal consistency: 1 s.
// The transactions (printed as counters) are those of database.h; a key is retired after `list`
// appends.
#include <string>
#include <string_view>

#include <benchmark/benchmark.h>

#include "bench/database.h"
#include "checkers/checkers.h"

namespace faultline {
namespace {

template <typename Make>
void judge(benchmark::State& state, Work work, std::string_view model, Make make) {
  const auto transactions = static_cast<std::size_t>(state.range(0));
  const auto list_max = static_cast<std::size_t>(state.range(1));
  const auto anomaly_every = static_cast<std::size_t>(state.range(2));
  const History history = Database(transactions, list_max, anomaly_every, work).run();
  ConfigNode mapping;
  ConfigNode::Member& member = mapping.members.emplace_back();
  member.key = "model";
  member.value = ConfigNode::of(std::string(model));
  Params params(mapping, "check");
  const auto checker = make(params);
  Verdict verdict;
  for (auto _ : state) verdict = (*checker)->check(history, {});
  if ((verdict.validity == Validity::valid) != (anomaly_every == 0))
    state.SkipWithError(verdict.summary.c_str());
  for (const auto& [name, count] : verdict.counted)
    state.counters[name] = static_cast<double>(count);
  state.counters["history_MiB"] = static_cast<double>(history.bytes() >> 20);
  state.counters["kinds"] = static_cast<double>(verdict.anomalies.size());
}

void list_append(benchmark::State& state) {
  judge(state, Work::lists, "strict-serializable", make_list_append);
}
BENCHMARK(list_append)
    ->ArgNames({"transactions", "list", "anomaly_every"})
    ->Args({1'000'000, 128, 0})
    ->Args({1'000'000, 128, 10'000})
    ->Args({1'000'000, 32, 0})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(5);

/// Gigabytes, and a minute: only for who asks for it. Is the time linear?
void list_append_ten_million(benchmark::State& state) {
  if (benchmark::GetBenchmarkFilter().find("ten_million") == std::string::npos) {
    state.SkipWithError("ask for it by name: ./dev bench ten_million");
    return;
  }
  list_append(state);
}
BENCHMARK(list_append_ten_million)
    ->ArgNames({"transactions", "list", "anomaly_every"})
    ->Args({1'000'000, 32, 0})
    ->Args({3'000'000, 32, 0})
    ->Args({10'000'000, 32, 0})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);

void rw_register(benchmark::State& state) {
  judge(state, Work::registers, "strict-serializable", make_rw_register);
}
BENCHMARK(rw_register)
    ->ArgNames({"transactions", "list", "anomaly_every"})
    ->Args({1'000'000, 128, 0})
    ->Args({1'000'000, 128, 10'000})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(5);

void rw_register_blind(benchmark::State& state, std::string_view model) {
  judge(state, Work::blind_registers, model, make_rw_register);
}
#define FAULTLINE_BLIND(model, anomaly_every)               \
  BENCHMARK_CAPTURE(rw_register_blind, model, model)        \
      ->ArgNames({"transactions", "list", "anomaly_every"}) \
      ->Args({1'000'000, 128, anomaly_every})               \
      ->Unit(benchmark::kMillisecond)                       \
      ->Iterations(3)
FAULTLINE_BLIND("read-committed", 0);
FAULTLINE_BLIND("monotonic-atomic-view", 0);
FAULTLINE_BLIND("read-atomic", 0);
FAULTLINE_BLIND("strong-session-read-atomic", 0);
FAULTLINE_BLIND("causal-cerone", 0);
FAULTLINE_BLIND("strong-session-causal", 0);
FAULTLINE_BLIND("strong-session-causal", 10'000);

}  // namespace
}  // namespace faultline
