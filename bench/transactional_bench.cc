// Isolation of transactions that append to lists, or write registers: one core, history in memory.
// The bars: 1 M valid transactions, strict serializable, in 250 ms with lists and in 1 s with
// registers (read before each write); lists with anomalies of several kinds in 600 ms. Registers
// that are written blindly, up to causal consistency: 1 s.
// The transactions (printed as counters) have one to four micro-operations, half of them writes,
// over ten keys at a time, of which the first is taken for half of them, the second for a quarter,
// and so on; a key is retired after `list` appends. Twenty processes, each in its own time.
#include <algorithm>
#include <bit>
#include <string>
#include <string_view>
#include <vector>

#include <benchmark/benchmark.h>

#include "checkers/checkers.h"
#include "harness/core/rng.h"

namespace faultline {
namespace {

/// What transactions work on; registers are read before they are written, or not.
enum class Work : std::uint8_t { lists, registers, blind_registers };

class Database {
 public:
  Database(std::size_t transactions, std::size_t list_max, std::size_t anomaly_every, Work work)
      : transactions_(transactions),
        list_max_(list_max),
        anomaly_every_(anomaly_every),
        registers_(work != Work::lists),
        blind_(work == Work::blind_registers) {
    for (std::size_t i = 0; i < 10; ++i) active_.push_back(fresh());
  }

  History run() {
    constexpr std::uint32_t processes = 20;
    struct Open {
      bool is_open = false;
      ValueHandle answer{};
    };
    std::vector<Open> open(processes);
    ValuePool& pool = builder_.values();
    append_ = pool.text(registers_ ? "w" : "append"), r_ = pool.text("r");
    for (std::size_t done = 0; done < transactions_;) {
      const auto p = static_cast<std::uint32_t>(rng_.below(processes));
      if (open[p].is_open) {
        (void)builder_.complete({p, Fate::ok, open[p].answer, no_error, no_time});
        open[p].is_open = false;
        ++done;
        continue;
      }
      // It takes effect at once, somewhere between its two events.
      open[p] = {true, execute()};
      (void)builder_.invoke({p, Function::txn, no_key, open[p].answer, no_node, no_time});
    }
    return builder_.finish();
  }

 private:
  struct Key {
    std::int64_t id = 0;
    std::vector<ValueHandle> list;
  };

  std::size_t fresh() {
    keys_.push_back({static_cast<std::int64_t>(keys_.size()), {}});
    return keys_.size() - 1;
  }

  ValueHandle execute() {
    ValuePool& pool = builder_.values();
    const bool is_stale = anomaly_every_ > 0 && ++executed_ % anomaly_every_ == 0;
    std::vector<ValueHandle> micro;
    for (std::size_t n = 1 + rng_.below(4); n > 0; --n) {
      const auto at =
          static_cast<std::size_t>(std::min(9, std::countr_zero(rng_.below(1024) | 512)));
      Key& key = keys_[active_[at]];
      const ValueHandle id = pool.integer(key.id);
      if (rng_.below(2) == 0) {
        const std::size_t seen =
            key.list.size() -
            (is_stale ? std::min<std::size_t>(1 + rng_.below(3), key.list.size()) : 0);
        const ValueHandle answer = !registers_ ? pool.list(std::span(key.list).first(seen))
                                   : seen == 0 ? ValueHandle()
                                               : key.list[seen - 1];
        micro.push_back(pool.list(std::vector{r_, id, answer}));
        continue;
      }
      // Nothing else would tell the order of so many versions.
      if (registers_ && !blind_)
        micro.push_back(
            pool.list(std::vector{r_, id, key.list.empty() ? ValueHandle() : key.list.back()}));
      const ValueHandle element = pool.integer(static_cast<std::int64_t>(key.list.size()));
      key.list.push_back(element);
      micro.push_back(pool.list(std::vector{append_, id, element}));
      if (key.list.size() >= list_max_) active_[at] = fresh();
    }
    return pool.list(micro);
  }

  const std::size_t transactions_, list_max_, anomaly_every_;
  const bool registers_, blind_;
  HistoryBuilder builder_;
  Rng rng_{1};
  std::vector<Key> keys_;
  std::vector<std::size_t> active_;
  ValueHandle append_{}, r_{};
  std::size_t executed_ = 0;
};

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
FAULTLINE_BLIND("causal-cerone", 0);
FAULTLINE_BLIND("strong-session-causal", 0);
FAULTLINE_BLIND("strong-session-causal", 10'000);

}  // namespace
}  // namespace faultline
