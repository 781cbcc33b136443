// Throughput of the checkers on generated histories that are linearizable, so that nothing is cut
// short. The name says the parameters; `bytes` is the checker's peak memory beyond the history.
#include <array>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "bench/own_memory.h"
#include "checkers/checkers.h"
#include "harness/core/rng.h"

namespace faultline {
namespace {

struct Parameters {
  std::size_t operations = 1'000'000;
  std::size_t clients = 30;
  std::size_t keys = 1;
  std::uint64_t values = 0;  ///< 0: unique.
  unsigned cas_percent = 0;
  unsigned info_percent = 0;
  bool always_busy =
      false;             ///< No client rests between two calls; else each does as long as a step.
  unsigned threads = 1;  ///< Of the checker.
};

struct Caller {
  bool busy = false, executed = false;
  std::uint32_t process = 0;
  Function function = Function::read;
  std::size_t key = 0;
  std::int64_t from = 0, to = 0;
  Fate fate = Fate::ok;
  std::int64_t seen = 0;
};

void take_effect(Caller& c, std::int64_t& state) {
  c.executed = true;
  if (c.function == Function::read) {
    c.seen = state;
  } else if (c.function == Function::write || state == c.from) {
    state = c.to;
  } else {
    c.fate = Fate::fail;
  }
}

/// Clients in a closed loop on every key alike; each call takes effect at an instant within it.
History generate(const Parameters& p) {
  HistoryBuilder builder;
  builder.reserve(p.operations);
  Rng rng(42);
  std::vector<Caller> clients(p.clients);
  std::vector<std::int64_t> state(p.keys, 0);  // 0: nil
  std::vector<KeyId> keys;
  for (std::size_t k = 0; k < p.keys; ++k) keys.push_back(builder.key("k" + std::to_string(k)));
  std::uint32_t next_process = 0;
  for (Caller& client : clients) client.process = next_process++;
  const auto value = [&](std::int64_t v) {
    return v == 0 ? ValueHandle::nil() : builder.values().integer(v);
  };
  std::int64_t next_value = 0;
  const auto fresh_value = [&] {
    return p.values == 0 ? ++next_value : static_cast<std::int64_t>(1 + rng.below(p.values));
  };
  std::size_t begun = 0, ended = 0, next = 0;
  while (ended < p.operations) {
    // One that is always busy goes on before anybody else does anything.
    if (!p.always_busy || clients[next].busy) next = rng.below(clients.size());
    Caller& c = clients[next];
    if (!c.busy) {
      if (begun == p.operations) {
        next = rng.below(clients.size());
        continue;
      }
      c.busy = true;
      c.executed = false;
      c.fate = Fate::ok;
      // Keys are visited one after the other in many-key histories, as a key is retired after some
      // operations; neighbours overlap.
      c.key = p.keys == 1 ? 0 : std::min(p.keys - 1, begun * p.keys / p.operations + rng.below(2));
      const auto roll = rng.below(100);
      c.function = roll < p.cas_percent ? Function::cas
                   : roll < 60          ? Function::read
                                        : Function::write;
      c.to = c.function == Function::read ? 0 : fresh_value();
      c.from = state[c.key];
      ValueHandle argument = value(c.to);
      if (c.function == Function::cas) {
        const std::array<ValueHandle, 2> pair{value(c.from), value(c.to)};
        argument = builder.values().list(pair);
      }
      (void)builder.invoke({c.process, c.function, keys[c.key], argument, no_node, no_time});
      ++begun;
      continue;
    }
    if (!c.executed) {
      take_effect(c, state[c.key]);
      if (c.function != Function::read && c.fate == Fate::ok && rng.below(100) < p.info_percent)
        c.fate = Fate::info;
      continue;
    }
    (void)builder.complete({c.process, c.fate, value(c.seen), no_error, no_time});
    if (c.fate == Fate::info) c.process = next_process++;
    c.busy = false;
    ++ended;
  }
  return builder.finish();
}

void linearizable(benchmark::State& state, const Parameters& parameters) {
  const History history = generate(parameters);
  ConfigNode mapping;
  Params params(mapping, "check linearizable");
  const auto checker = make_linearizable(params);
  const PeakMemory peak;
  Verdict verdict;
  Budget budget;
  budget.threads = parameters.threads;
  for (auto _ : state) {
    verdict = (*checker)->check(history, budget);
    benchmark::DoNotOptimize(verdict);
  }
  if (verdict.validity != Validity::valid) state.SkipWithError(verdict.summary.c_str());
  state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(history.size()));
  state.counters["bytes"] = static_cast<double>(peak.bytes());
  state.SetLabel(verdict.engine);
}

BENCHMARK_CAPTURE(linearizable, many_keys_unique_1M_ops_5000_keys_10_clients,
                  {.clients = 10, .keys = 5000})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(linearizable, twenty_keys_unique_1M_ops_30_clients, {.keys = 20})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(linearizable, register_unique_1M_ops_30_clients, {})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(linearizable, register_unique_1M_ops_30_clients_5_percent_infos,
                  {.info_percent = 5})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(linearizable, cas_register_unique_1M_ops_30_clients, {.cas_percent = 20})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(linearizable, register_5_values_200k_ops_10_clients,
                  {.operations = 200'000, .clients = 10, .values = 5})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(linearizable, cas_register_5_values_200k_ops_10_clients,
                  {.operations = 200'000, .clients = 10, .values = 5, .cas_percent = 20})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(
    linearizable, cas_register_5_values_200k_ops_10_clients_always_busy,
    {.operations = 200'000, .clients = 10, .values = 5, .cas_percent = 33, .always_busy = true})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(
    linearizable, cas_register_5_values_50k_ops_20_clients_always_busy,
    {.operations = 50'000, .clients = 20, .values = 5, .cas_percent = 33, .always_busy = true})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(
    linearizable, cas_register_5_values_100k_ops_10_clients_5_percent_infos,
    {.operations = 100'000, .clients = 10, .values = 5, .cas_percent = 33, .info_percent = 5})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(linearizable, register_unique_100k_ops_30_clients_5_percent_infos,
                  {.operations = 100'000, .info_percent = 5})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(linearizable, cas_register_5_values_1M_ops_5000_keys_10_clients_1_percent_infos,
                  {.clients = 10, .keys = 5000, .values = 5, .cas_percent = 20, .info_percent = 1})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(
    linearizable, cas_register_5_values_1M_ops_5000_keys_10_clients_1_percent_infos_2_threads,
    {.clients = 10, .keys = 5000, .values = 5, .cas_percent = 20, .info_percent = 1, .threads = 2})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace faultline
