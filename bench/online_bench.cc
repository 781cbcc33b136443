// list-append, fed event by event, from memory: one core. The bar: 200,000 transactions a second,
// valid ones and with a stale one among 10,000, with all their anomalies named. Memory is what the
// checker holds in the end, for each transaction and in all.
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

void online_list_append(benchmark::State& state) {
  const auto transactions = static_cast<std::size_t>(state.range(0));
  const History history = Database(transactions, static_cast<std::size_t>(state.range(1)),
                                   static_cast<std::size_t>(state.range(2)), Work::lists)
                              .run(true);
  const std::vector<OnlineEvent> events = events_of(history);
  const ConfigNode nothing;
  Params params(nothing, "check");
  const auto checker = make_list_append(params);
  // As often as a run that serves fifty thousand a second would ask.
  constexpr std::size_t asked_every = 20'000;
  OnlineFindings findings;
  std::uint64_t bytes = 0;
  for (auto _ : state) {
    const auto online = (*checker)->online({});
    for (std::size_t i = 0; i < events.size(); ++i) {
      online->feed(history.values(), events[i]);
      if (i % asked_every == 0) findings = online->findings();
    }
    findings = online->findings();
    bytes = online->bytes();
  }
  if (!findings.ended.empty() || findings.anomalies.empty() != (state.range(2) == 0))
    state.SkipWithError("it did not find what there is");
  state.SetItemsProcessed(static_cast<std::int64_t>(transactions) * state.iterations());
  state.counters["MiB"] = static_cast<double>(bytes >> 20);
  state.counters["bytes_each"] = static_cast<double>(bytes) / static_cast<double>(transactions);
  state.counters["kinds"] = static_cast<double>(findings.anomalies.size());
}
BENCHMARK(online_list_append)
    ->ArgNames({"transactions", "list", "anomaly_every"})
    ->Args({1'000'000, 32, 0})
    ->Args({1'000'000, 128, 0})
    ->Args({1'000'000, 32, 10'000})
    ->Args({1'000'000, 32, 100})
    ->Unit(benchmark::kMillisecond)
    ->Iterations(1);

}  // namespace
}  // namespace faultline
