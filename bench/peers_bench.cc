// Beside Porcupine and Knossos: histories made with the parameters of those that they were measured
// on (their own machines of the same kind: 2 cores; Porcupine @55508eb on Go 1.19, Knossos @9b2c79e
// `competition` warm on OpenJDK 17; checks without loading). The counters say how many times faster
// we are than what they took; where one gave up (120 s, 16 GiB) the factor is a lower bound, 0
// where it was not measured. Their times hold to about 50 %.
#include <functional>
#include <queue>
#include <string>
#include <tuple>
#include <vector>

#include <benchmark/benchmark.h>

#include "checkers/checkers.h"
#include "harness/core/rng.h"

namespace faultline {
namespace {

struct Peer {
  std::size_t operations;
  std::size_t clients;
  bool unique;            ///< Reads and writes of unique values; else cas over 5 values, too.
  unsigned info_percent;  ///< Of writes and compare-and-sets; they stay open for ever.
  std::size_t keys;
  double porcupine_ms, knossos_ms;
};

/// Clients wait 0.2 ms between two calls; a call lasts 1 ms, give or take a half, and takes effect
/// at some instant within. A refused compare-and-set and a crashed read say nothing.
class Simulation {
 public:
  explicit Simulation(const Peer& peer) : peer_(peer), state_(peer.keys, 0) {
    for (std::size_t k = 0; k < peer.keys; ++k)
      keys_.push_back(builder_.key("k" + std::to_string(k)));
    clients_.resize(peer.clients);
    for (std::size_t c = 0; c < peer.clients; ++c) {
      clients_[c].process = next_process_++;
      queue_.push({rng_.uniform(), c});
    }
  }

  History run() {
    while (!queue_.empty()) {
      const auto [now, index] = queue_.top();
      queue_.pop();
      step(now, index);
    }
    return builder_.finish();
  }

 private:
  enum class Stage { resting, asked, done };
  struct Client {
    Stage stage = Stage::resting;
    std::uint32_t process = 0;
    Function function = Function::read;
    std::size_t key = 0;
    std::int64_t from = 0, to = 0, seen = 0;
    Fate fate = Fate::ok;
    double end = 0;
  };

  ValueHandle value(std::int64_t v) {
    return v == 0 ? ValueHandle::nil() : builder_.values().integer(v);
  }

  void step(double now, std::size_t index) {
    Client& c = clients_[index];
    if (c.stage == Stage::resting) {
      if (begun_++ >= peer_.operations) return;
      ask(c);
      c.end = now + 0.5 + rng_.uniform();
      c.stage = Stage::asked;
      return queue_.push({now + rng_.uniform() * (c.end - now), index});
    }
    if (c.stage == Stage::asked) {
      take_effect(c);
      c.stage = Stage::done;
      return queue_.push({c.end, index});
    }
    (void)builder_.complete({c.process, c.fate, value(c.seen), no_error, no_time});
    if (c.fate == Fate::info) c.process = next_process_++;
    c.stage = Stage::resting;
    queue_.push({now + 0.2, index});
  }

  void ask(Client& c) {
    const auto roll = rng_.below(4);
    c.function = roll < 2                    ? Function::read
                 : roll == 2 || peer_.unique ? Function::write
                                             : Function::cas;
    c.key = rng_.below(peer_.keys);
    c.from = static_cast<std::int64_t>(1 + rng_.below(5));
    c.to = peer_.unique ? ++unique_ : static_cast<std::int64_t>(1 + rng_.below(5));
    ValueHandle argument = value(c.function == Function::read ? 0 : c.to);
    if (c.function == Function::cas)
      argument = builder_.values().list(std::vector{value(c.from), value(c.to)});
    (void)builder_.invoke({c.process, c.function, keys_[c.key], argument, no_node, no_time});
  }

  void take_effect(Client& c) {
    std::int64_t& state = state_[c.key];
    const bool crashes = rng_.below(100) < peer_.info_percent;
    c.fate = crashes ? Fate::info : Fate::ok;
    c.seen = 0;
    if (crashes && rng_.below(2) == 0) return;
    if (c.function == Function::read) {
      c.seen = crashes ? 0 : state;
    } else if (c.function == Function::write || state == c.from) {
      state = c.to;
    } else if (!crashes) {
      c.fate = Fate::fail;
    }
  }

  const Peer peer_;
  HistoryBuilder builder_;
  Rng rng_{42};
  std::vector<std::int64_t> state_;
  std::vector<KeyId> keys_;
  std::vector<Client> clients_;
  std::priority_queue<std::pair<double, std::size_t>, std::vector<std::pair<double, std::size_t>>,
                      std::greater<>>
      queue_;
  std::uint32_t next_process_ = 0;
  std::int64_t unique_ = 0;
  std::size_t begun_ = 0;
};

void peers(benchmark::State& state, const Peer& peer) {
  const History history = Simulation(peer).run();
  ConfigNode mapping;
  Params params(mapping, "check linearizable");
  const auto checker = make_linearizable(params);
  Budget budget;
  budget.threads = peer.keys > 1 ? 2 : 1;  // as theirs
  Verdict verdict;
  double seconds = 0;
  for (auto _ : state) {
    const auto begin = std::chrono::steady_clock::now();
    verdict = (*checker)->check(history, budget);
    seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  }
  if (verdict.validity != Validity::valid) state.SkipWithError(verdict.summary.c_str());
  const double ours_ms = seconds * 1e3 / static_cast<double>(state.iterations());
  state.counters["porcupine"] = peer.porcupine_ms / ours_ms;
  state.counters["knossos"] = peer.knossos_ms / ours_ms;
  state.counters["operations"] = static_cast<double>(history.size());
  state.SetLabel(verdict.engine);
}

constexpr double gave_up = 120'000, not_measured = 0;

#define PEER(name, ...) \
  BENCHMARK_CAPTURE(peers, name, Peer{__VA_ARGS__})->Unit(benchmark::kMillisecond)->UseRealTime()

PEER(unique_1k_5_clients, 1'000, 5, true, 0, 1, 3.7, 207);
PEER(unique_1k_10_clients, 1'000, 10, true, 0, 1, 27, 284);
PEER(unique_1k_30_clients, 1'000, 30, true, 0, 1, gave_up, gave_up);
PEER(cas_1k_10_clients, 1'000, 10, false, 0, 1, 2.9, 235);
PEER(cas_1k_30_clients, 1'000, 30, false, 0, 1, 3418, 5929);
PEER(unique_10k_5_clients, 10'000, 5, true, 0, 1, 49, 1091);
PEER(unique_10k_10_clients, 10'000, 10, true, 0, 1, 540, 2789);
PEER(cas_10k_5_clients, 10'000, 5, false, 0, 1, 29, 642);
PEER(cas_10k_10_clients, 10'000, 10, false, 0, 1, 65, 824);
PEER(cas_10k_30_clients, 10'000, 30, false, 0, 1, gave_up, gave_up);
PEER(unique_100k_5_clients, 100'000, 5, true, 0, 1, 2096, not_measured);
PEER(unique_100k_10_clients, 100'000, 10, true, 0, 1, gave_up, not_measured);
PEER(cas_100k_5_clients, 100'000, 5, false, 0, 1, 1093, not_measured);
PEER(cas_100k_10_clients, 100'000, 10, false, 0, 1, 4022, not_measured);
PEER(unique_1k_30_clients_infos, 1'000, 30, true, 5, 1, gave_up, gave_up);
PEER(cas_1k_30_clients_infos, 1'000, 30, false, 5, 1, gave_up, gave_up);
PEER(unique_10k_5_clients_infos, 10'000, 5, true, 5, 1, 136, 1791);
PEER(cas_10k_5_clients_infos, 10'000, 5, false, 5, 1, 66, 2176);
PEER(unique_10k_10_clients_infos, 10'000, 10, true, 5, 1, 1634, 6765);
PEER(cas_10k_10_clients_infos, 10'000, 10, false, 5, 1, 301, 1478);
PEER(unique_100k_5_clients_infos, 100'000, 5, true, 5, 1, 7267, not_measured);
PEER(cas_100k_5_clients_infos, 100'000, 5, false, 5, 1, 2342, not_measured);
PEER(unique_100k_10_clients_infos, 100'000, 10, true, 5, 1, gave_up, not_measured);
PEER(cas_100k_10_clients_infos, 100'000, 10, false, 5, 1, 16887, not_measured);
PEER(kv_unique_100k_100_keys_30_clients, 100'000, 30, true, 0, 100, 124, 3350);
PEER(kv_cas_100k_100_keys_30_clients, 100'000, 30, false, 0, 100, 113, 3752);
PEER(kv_unique_100k_100_keys_30_clients_infos, 100'000, 30, true, 5, 100, 155, not_measured);
PEER(kv_cas_100k_100_keys_30_clients_infos, 100'000, 30, false, 5, 100, 105, not_measured);
#undef PEER

}  // namespace
}  // namespace faultline
