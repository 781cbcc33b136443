// Throughput of the fast engines of linearizability, beside the register's (checkers_bench.cc), on
// generated objects that are linearizable, so that nothing is cut short. The name says the
// parameters: clients in a closed loop, each operation taking effect at an instant within it.
// `bytes_per_op` is what the engine's own arrays hold at the end.
#include <algorithm>
#include <deque>
#include <queue>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include "checkers/linearizable/fast/counter.h"
#include "checkers/linearizable/fast/fetch_and_add.h"
#include "checkers/linearizable/fast/grow_set.h"
#include "checkers/linearizable/fast/owner_mutex.h"
#include "checkers/linearizable/fast/priority_queue.h"
#include "checkers/linearizable/fast/queue.h"
#include "checkers/linearizable/fast/semaphore.h"
#include "checkers/linearizable/fast/set.h"
#include "checkers/linearizable/fast/stack.h"
#include "harness/core/rng.h"

namespace faultline::linearizable::fast {
namespace {

/// An object with its values, which are the integers from 0 on, then true and false, then lists.
struct Generated {
  std::vector<Operation> list;
  std::vector<ValueHandle> values;
  ValuePool pool;
  Position events = 0;

  ValueId integers(std::size_t count) {
    for (std::size_t n = 0; n < count; ++n)
      values.push_back(pool.integer(static_cast<std::int64_t>(n)));
    return static_cast<ValueId>(values.size());
  }
  Operations object() const { return {list, events, values, &pool}; }
};

/// `begin(rng, operation)` says what is asked, `act(operation)` what happens and what is answered;
/// false: it waits.
template <typename Begin, typename Act>
void run(Generated& g, std::size_t operations, std::size_t clients, Begin begin, Act act) {
  Rng rng(42);
  std::vector<std::uint32_t> current(clients, no_index);
  std::vector<bool> done(clients);
  std::size_t ended = 0;
  g.list.reserve(operations);
  while (ended < operations) {
    const auto c = static_cast<std::size_t>(rng.below(clients));
    if (current[c] == no_index) {
      if (g.list.size() == operations) {
        // Who waits for what only another operation could give never gets it.
        bool stuck = true;
        for (std::size_t k = 0; k < clients; ++k)
          stuck &= current[k] == no_index || (!done[k] && !act(g.list[current[k]], false));
        if (stuck) break;
        continue;
      }
      current[c] = static_cast<std::uint32_t>(g.list.size());
      done[c] = false;
      Operation o;
      o.id = current[c];
      o.process = static_cast<std::uint32_t>(c);
      o.begin = g.events++;
      begin(rng, o);
      g.list.push_back(o);
    } else if (!done[c]) {
      done[c] = act(g.list[current[c]], true);
    } else {
      g.list[current[c]].end = g.events++;
      current[c] = no_index;
      ++ended;
    }
  }
}

template <typename Engine>
void measure(benchmark::State& state, const Generated& g, Engine&& engine) {
  Decision decision;
  for (auto _ : state) {
    Meter meter(std::uint64_t{1} << 60, std::uint64_t{1} << 40, nullptr);
    decision = engine.check(g.object(), meter);
    benchmark::DoNotOptimize(decision);
  }
  if (decision.answer != Decision::Answer::valid)
    state.SkipWithError((std::string(decision.anomaly) + decision.detail).c_str());
  const auto n = static_cast<std::int64_t>(g.list.size());
  state.SetItemsProcessed(state.iterations() * n);
  state.counters["bytes_per_op"] =
      static_cast<double>(engine.bytes()) / static_cast<double>(g.list.size());
}

constexpr std::size_t million = 1'000'000;

/// Half inserts. `take` removes the value that comes out next.
template <typename Content, typename Put, typename Take>
Generated container(std::size_t clients, Function in, Function out, bool shuffled, Put put,
                    Take take) {
  Generated g;
  g.integers(million);
  std::vector<ValueId> order(million);
  for (ValueId v = 0; v < million; ++v) order[v] = v;
  Rng rng(3);
  for (std::size_t i = million - 1; i > 0 && shuffled; --i)
    std::swap(order[i], order[static_cast<std::size_t>(rng.below(i + 1))]);
  std::size_t next = 0;
  Content content;
  run(
      g, million, clients,
      [&](Rng& r, Operation& o) {
        o.function = r.below(2) == 0 ? in : out;
        if (o.function == in) o.argument = order[next++];
      },
      [&](Operation& o, bool act) {
        if (!act) return true;
        if (o.function == in)
          put(content, o.argument);
        else if (!content.empty())
          o.output = take(content);
        return true;
      });
  return g;
}

void queue_1M(benchmark::State& state) {
  measure(state,
          container<std::deque<ValueId>>(
              static_cast<std::size_t>(state.range(0)), Function::enqueue, Function::dequeue, false,
              [](auto& q, ValueId v) { q.push_back(v); },
              [](auto& q) {
                const ValueId v = q.front();
                q.pop_front();
                return v;
              }),
          Queue<>());
}
void stack_1M(benchmark::State& state) {
  measure(state,
          container<std::vector<ValueId>>(
              static_cast<std::size_t>(state.range(0)), Function::push, Function::pop, false,
              [](auto& s, ValueId v) { s.push_back(v); },
              [](auto& s) {
                const ValueId v = s.back();
                s.pop_back();
                return v;
              }),
          Stack<>());
}
void priority_queue_1M(benchmark::State& state) {
  using Heap = std::priority_queue<ValueId, std::vector<ValueId>, std::greater<>>;
  measure(state,
          container<Heap>(
              static_cast<std::size_t>(state.range(0)), Function::enqueue, Function::dequeue, true,
              [](Heap& h, ValueId v) { h.push(v); },
              [](Heap& h) {
                const ValueId v = h.top();
                h.pop();
                return v;
              }),
          PriorityQueue<>());
}

void set_1M(benchmark::State& state) {
  const auto elements = static_cast<std::size_t>(state.range(1));
  Generated g;
  const ValueId yes = g.integers(elements), no = yes + 1;
  g.values.push_back(g.pool.boolean(true));
  g.values.push_back(g.pool.boolean(false));
  std::vector<bool> in(elements);
  run(
      g, million, static_cast<std::size_t>(state.range(0)),
      [&](Rng& r, Operation& o) {
        constexpr Function all[] = {Function::add, Function::remove, Function::contains};
        o.function = all[r.below(3)];
        o.argument = static_cast<ValueId>(r.below(elements));
      },
      [&](Operation& o, bool act) {
        if (!act) return true;
        const bool there = in[o.argument];
        if (o.function == Function::contains) {
          o.output = there ? yes : no;
        } else {
          o.output = there == (o.function == Function::remove) ? yes : no;
          in[o.argument] = o.function == Function::add;
        }
        return true;
      });
  measure(state, g, Set<>());
}

Generated locks(std::size_t clients, std::size_t permits) {
  Generated g;
  std::vector<bool> holds(clients);
  std::size_t held = 0;
  run(
      g, million, clients,
      [&](Rng&, Operation& o) {
        o.function = holds[o.process] ? Function::release : Function::acquire;
      },
      [&](Operation& o, bool act) {
        const bool acquires = o.function == Function::acquire;
        if (acquires && held == permits) return false;
        if (!act) return true;
        held += acquires ? 1 : -1;
        holds[o.process] = acquires;
        return true;
      });
  return g;
}
void owner_mutex_1M(benchmark::State& state) {
  measure(state, locks(static_cast<std::size_t>(state.range(0)), 1), OwnerMutex<>());
}
void mutex_1M(benchmark::State& state) {
  measure(state, locks(static_cast<std::size_t>(state.range(0)), 1), Semaphore<>());
}
void semaphore_of_5_1M(benchmark::State& state) {
  measure(state, locks(static_cast<std::size_t>(state.range(0)), 5), Semaphore<>(5));
}

/// `fetching`: adds answer what was there; else half of the operations read.
Generated numbers(std::size_t clients, bool fetching) {
  Generated g;
  g.integers(million + 1);
  ValueId state = 0;
  run(
      g, million, clients,
      [&](Rng& r, Operation& o) {
        o.function = fetching || r.below(2) == 0 ? Function::add : Function::read;
        if (o.function == Function::add) o.argument = 1;
      },
      [&](Operation& o, bool act) {
        if (!act) return true;
        if (fetching || o.function == Function::read) o.output = state;
        state += o.function == Function::add ? 1 : 0;
        return true;
      });
  return g;
}
void counter_1M(benchmark::State& state) {
  measure(state, numbers(static_cast<std::size_t>(state.range(0)), false), Counter<>());
}
void fetch_and_add_1M(benchmark::State& state) {
  measure(state, numbers(static_cast<std::size_t>(state.range(0)), true), FetchAndAdd<>());
}

/// 100 k adds, and 100 reads of all that there is: 5 million listed elements.
void grow_set_100k(benchmark::State& state) {
  Generated g;
  g.integers(200'000);
  std::vector<ValueHandle> content;
  ValueId next = 0;
  run(
      g, 100'000, static_cast<std::size_t>(state.range(0)),
      [&](Rng& r, Operation& o) {
        o.function = r.below(1000) == 0 ? Function::read : Function::add;
        if (o.function == Function::add) o.argument = next++;
      },
      [&](Operation& o, bool act) {
        if (!act) return true;
        if (o.function == Function::add) {
          content.push_back(g.values[o.argument]);
        } else {
          o.output = static_cast<ValueId>(g.values.size());
          g.values.push_back(g.pool.list(content));
        }
        return true;
      });
  measure(state, g, GrowSet<>());
}

#define FAST_BENCHMARK(name) BENCHMARK(name)->ArgName("clients")->Unit(benchmark::kMillisecond)
FAST_BENCHMARK(queue_1M)->Arg(10)->Arg(30);
FAST_BENCHMARK(stack_1M)->Arg(10)->Arg(30);
FAST_BENCHMARK(priority_queue_1M)->Arg(10)->Arg(30);
BENCHMARK(set_1M)
    ->ArgNames({"clients", "elements"})
    ->Args({30, 1})
    ->Args({30, 1000})
    ->Args({30, 200'000})
    ->Unit(benchmark::kMillisecond);
FAST_BENCHMARK(owner_mutex_1M)->Arg(30);
FAST_BENCHMARK(mutex_1M)->Arg(30);
FAST_BENCHMARK(semaphore_of_5_1M)->Arg(30);
FAST_BENCHMARK(counter_1M)->Arg(30);
FAST_BENCHMARK(fetch_and_add_1M)->Arg(30);
FAST_BENCHMARK(grow_set_100k)->Arg(30);
#undef FAST_BENCHMARK

}  // namespace
}  // namespace faultline::linearizable::fast
