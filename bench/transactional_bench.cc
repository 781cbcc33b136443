// Isolation of transactions that append to lists, or write registers: one core, history in memory.
// The bars: 1 M valid transactions, strict serializable, in 250 ms with lists and in 1 s with
// registers (read before each write); lists with anomalies of all kinds in 600 ms. Registers that
// are written blindly, up to causal consistency: 1 s. The transactions (printed as counters) are
// those of database.h, or alike; a key is retired after `list` appends. `peak_MiB` is the checker's
// memory beyond the history. The bars are medians of five (`median_ms`); `Time` is the mean, with
// the first, to which the kernel gives its memory page by page (`first_ms`).
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "bench/database.h"
#include "bench/own_memory.h"
#include "checkers/checkers.h"
#include "tests/oracle/planted_lists.h"

namespace faultline {
namespace {

std::unique_ptr<Checker> checker_of(Result<std::unique_ptr<Checker>> (*make)(Params&),
                                    std::string_view model) {
  ConfigNode mapping;
  ConfigNode::Member& member = mapping.members.emplace_back();
  member.key = "model";
  member.value = ConfigNode::of(std::string(model));
  Params params(mapping, "check");
  return *make(params);
}

/// What each iteration takes.
Verdict check_often(benchmark::State& state, const Checker& checker, const History& history) {
  using Milliseconds = std::chrono::duration<double, std::milli>;
  std::vector<double> each_ms;
  Verdict verdict;
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    verdict = checker.check(history, {});
    each_ms.push_back(Milliseconds(std::chrono::steady_clock::now() - begin).count());
  }
  state.counters["first_ms"] = each_ms.front();
  std::ranges::sort(each_ms);
  state.counters["median_ms"] = each_ms[each_ms.size() / 2];
  return verdict;
}

template <typename Make>
void judge(benchmark::State& state, Work work, std::string_view model, Make make) {
  const auto transactions = static_cast<std::size_t>(state.range(0));
  const auto list_max = static_cast<std::size_t>(state.range(1));
  const auto anomaly_every = static_cast<std::size_t>(state.range(2));
  const History history = Database(transactions, list_max, anomaly_every, work).run();
  const auto checker = checker_of(make, model);
  const PeakMemory peak;
  const Verdict verdict = check_often(state, *checker, history);
  state.counters["peak_MiB"] = static_cast<double>(peak.bytes() >> 20);
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

/// Ten of every anomaly that there is of lists, spread over the history. All of them, and nothing
/// else, must be found.
void list_append_planted(benchmark::State& state) {
  namespace planted = oracle::planted;
  constexpr std::uint64_t times = 10;
  const std::vector<planted::Kind> kinds = planted::list_kinds();
  planted::Long long_history(static_cast<std::size_t>(state.range(0)), Rng(84),
                             planted::Objects::lists, static_cast<std::size_t>(state.range(1)));
  planted::Counts expected;
  for (const planted::Kind& kind : kinds) {
    for (std::uint64_t i = 0; i < times; ++i) long_history.plant(kind.plant);
    for (const auto& [name, count] : kind.found) expected[name] += times * count;
  }
  const History history = long_history.run();
  const auto checker = checker_of(make_list_append, "strict-serializable");
  const PeakMemory peak;
  const Verdict verdict = check_often(state, *checker, history);
  const std::string found = planted::text(planted::counts(verdict));
  if (verdict.validity != Validity::invalid || found != planted::text(expected))
    state.SkipWithError(("found " + found + "planted " + planted::text(expected)).c_str());
  state.counters["planted"] = static_cast<double>(times * kinds.size());
  state.counters["kinds"] = static_cast<double>(verdict.anomalies.size());
  state.counters["history_MiB"] = static_cast<double>(history.bytes() >> 20);
  state.counters["peak_MiB"] = static_cast<double>(peak.bytes() >> 20);
}
BENCHMARK(list_append_planted)
    ->ArgNames({"transactions", "list"})
    ->Args({1'000'000, 128})
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
