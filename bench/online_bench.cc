// list-append and rw-register, fed event by event, from memory: one core. The bar: 200,000
// transactions a second, valid ones and with a stale one among 10,000, with all their anomalies
// named. Memory is what the checker holds in the end, for each transaction and in all.
#include <vector>

#include <benchmark/benchmark.h>

#include "bench/database.h"
#include "checkers/checkers.h"

namespace faultline {
namespace {

/// As a run would tell it: an invocation says what is asked.
std::vector<OnlineEvent> events_of(const History& history) {
  std::vector<OnlineEvent> events(history.events());
  for (std::size_t row = 0; row < history.size(); ++row) {
    events[history.begin()[row]] = {history.process()[row], true, Fate::info, Function::txn,
                                    history.argument()[row]};
    if (history.end()[row] == never) continue;  // it was still open
    events[history.end()[row]] = {history.process()[row], false, history.fate()[row], Function::txn,
                                  history.output()[row]};
  }
  return events;
}

/// `history` of so many transactions; `has_anomalies`: some must be found, else none.
void feed_all(benchmark::State& state, const Checker& checker, const History& history,
              bool has_anomalies) {
  const std::vector<OnlineEvent> events = events_of(history);
  // As often as a run that serves fifty thousand a second would ask.
  constexpr std::size_t asked_every = 20'000;
  OnlineFindings findings;
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    const auto online = checker.online({});
    for (std::size_t i = 0; i < events.size(); ++i) {
      online->feed(history.values(), events[i]);
      if (i % asked_every == 0) findings = online->findings();
    }
    findings = online->findings();
    bytes = online->bytes();
  }
  if (!findings.ended.empty() || findings.anomalies.empty() == has_anomalies)
    state.SkipWithError("it did not find what there is");
  state.SetItemsProcessed(static_cast<std::int64_t>(history.size()) * state.iterations());
  state.counters["MiB"] = static_cast<double>(bytes >> 20);
  state.counters["bytes_each"] = static_cast<double>(bytes) / static_cast<double>(history.size());
  state.counters["kinds"] = static_cast<double>(findings.anomalies.size());
}

void online_list_append(benchmark::State& state) {
  const History history =
      Database(static_cast<std::size_t>(state.range(0)), static_cast<std::size_t>(state.range(1)),
               static_cast<std::size_t>(state.range(2)), Work::lists)
          .run(true);
  const ConfigNode nothing;
  Params params(nothing, "check");
  feed_all(state, **make_list_append(params), history, state.range(2) != 0);
}
BENCHMARK(online_list_append)
    ->ArgNames({"transactions", "list", "anomaly_every"})
    ->Args({1'000'000, 32, 0})
    ->Args({1'000'000, 128, 0})
    ->Args({1'000'000, 32, 10'000})
    ->Args({1'000'000, 32, 100})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);

/// Read before they are written; blind writes are the harder ones.
void online_rw_register(benchmark::State& state) {
  const History history = Database(static_cast<std::size_t>(state.range(0)), 32,
                                   static_cast<std::size_t>(state.range(2)),
                                   state.range(1) != 0 ? Work::blind_registers : Work::registers)
                              .run(true);
  const ConfigNode nothing;
  Params params(nothing, "check");
  feed_all(state, **make_rw_register(params), history, state.range(2) != 0);
}
BENCHMARK(online_rw_register)
    ->ArgNames({"transactions", "blind", "anomaly_every"})
    ->Args({1'000'000, 0, 0})
    ->Args({1'000'000, 1, 0})
    ->Args({1'000'000, 0, 10'000})
    ->Args({1'000'000, 1, 10'000})
    ->Args({1'000'000, 0, 100})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);

}  // namespace
}  // namespace faultline
