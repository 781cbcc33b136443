// The fast engines on histories that are too long for brute force: what must not change a verdict,
// what a witness must be, and what a budget does.
#include <algorithm>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/linearizable/fast/counter.h"
#include "checkers/linearizable/fast/fetch_and_add.h"
#include "checkers/linearizable/fast/grow_set.h"
#include "checkers/linearizable/fast/owner_mutex.h"
#include "checkers/linearizable/fast/priority_queue.h"
#include "checkers/linearizable/fast/queue.h"
#include "checkers/linearizable/fast/semaphore.h"
#include "checkers/linearizable/fast/set.h"
#include "checkers/linearizable/fast/stack.h"
#include "checkers/linearizable/general.h"
#include "checkers/linearizable/model.h"
#include "tests/oracle/brute.h"

namespace faultline::oracle {
namespace {

using namespace linearizable::fast;

struct Long {
  ValuePool pool;
  std::vector<ValueHandle> values;
  std::vector<Operation> list;
  Position events = 0;

  explicit Long(ValueId integers) {
    for (ValueId n = 0; n < integers; ++n) values.push_back(pool.integer(n));
  }
  Operations object() const { return {list, events, values, &pool}; }
};

enum class ContainerKind { queue, stack, smallest };

/// Clients insert and remove; now and then answers are exchanged.
Long containers(Rng& rng, ContainerKind kind, int operations, int clients, int exchanges) {
  Long h(static_cast<ValueId>(operations));
  const Function in = kind == ContainerKind::stack ? Function::push : Function::enqueue;
  const Function out = kind == ContainerKind::stack ? Function::pop : Function::dequeue;
  std::vector<Index> open(static_cast<std::size_t>(clients), no_index);
  std::vector<bool> done(open.size());
  std::deque<ValueId> content;
  const int inserts = 40 + below(rng, 20);
  int ended = 0;
  while (ended < operations) {
    const auto c = static_cast<std::size_t>(below(rng, clients));
    if (open[c] == no_index) {
      if (h.list.size() == static_cast<std::size_t>(operations)) continue;
      open[c] = static_cast<Index>(h.list.size());
      done[c] = false;
      Operation o;
      o.id = open[c];
      o.begin = h.events++;
      o.function = below(rng, 100) < inserts ? in : out;
      // Not in their own order, for the priority queue's sake.
      if (o.function == in) o.argument = (open[c] * 7919u) % static_cast<ValueId>(operations);
      h.list.push_back(o);
      continue;
    }
    Operation& o = h.list[open[c]];
    if (!done[c]) {
      done[c] = true;
      if (o.function == in) {
        content.push_back(o.argument);
      } else if (!content.empty()) {
        const auto at = kind == ContainerKind::queue ? content.begin()
                        : kind == ContainerKind::stack
                            ? content.end() - 1
                            : std::min_element(content.begin(), content.end());
        o.output = *at;
        content.erase(at);
      }
      continue;
    }
    o.end = h.events++;
    open[c] = no_index;
    ++ended;
  }
  for (; exchanges > 0; --exchanges) {
    Operation& a = h.list[static_cast<std::size_t>(below(rng, operations))];
    // With one that is near, so that it is not seen at once.
    const auto near =
        std::min<std::size_t>(h.list.size() - 1, a.id + static_cast<std::size_t>(below(rng, 40)));
    Operation& b = h.list[near];
    if (a.function == out && b.function == out) std::swap(a.output, b.output);
  }
  return h;
}

template <typename Engine>
Decision judge(Engine&& engine, const Operations& operations) {
  linearizable::Meter meter = plenty();
  return engine.check(operations, meter);
}

/// The same in few of many positions; then time is not what the front end numbered.
std::vector<Operation> stretched(const std::vector<Operation>& list) {
  std::vector<Operation> far = list;
  for (Operation& o : far) {
    o.begin = 77 + 1000 * o.begin;
    if (o.end != never) o.end = 77 + 1000 * o.end;
  }
  return far;
}

struct Trees : StackRules {
  static constexpr std::uint64_t small = 1;
};

template <typename Engine, typename Other>
void hold_against(ContainerKind kind, Engine engine, Other other) {
  Rng rng = Rng(41).fork("long", static_cast<std::uint64_t>(kind));
  const long count = iterations(600);
  long valid = 0, wrong = 0, minimal = 0;
  for (long i = 0; i < count; ++i) {
    const int operations = 200 + below(rng, 1500);
    const Long h = containers(rng, kind, operations, 2 + below(rng, 30), below(rng, 3));
    const Decision d = judge(engine, h.object());
    REQUIRE(d.answer != Answer::unknown);
    valid += d.answer == Answer::valid;
    wrong += judge(other, h.object()).answer != d.answer;
    Operations far = h.object();
    const std::vector<Operation> moved = stretched(h.list);
    far.list = moved;
    far.events = 77 + 1000 * h.events;
    wrong += judge(engine, far).answer != d.answer;
    if (d.answer == Answer::valid) continue;
    // By itself it is invalid as well, and by its name.
    std::vector<Operation> witness;
    for (const OperationId id : d.witness) witness.push_back(h.list[id]);
    Operations alone = h.object();
    alone.list = witness;
    const Decision again = judge(engine, alone);
    wrong += again.answer != Answer::invalid || again.anomaly != d.anomaly;
    minimal += d.minimal;
  }
  CHECK(wrong == 0);
  CHECK(valid > count / 5);
  CHECK(count - valid > count / 10);
  CHECK(minimal == count - valid);
}

TEST_CASE("fast, long: queue") { hold_against(ContainerKind::queue, Queue<>(), Queue<>()); }
TEST_CASE("fast, long: stack, small parts one by one or by trees") {
  hold_against(ContainerKind::stack, Stack<>(), Stack<Trees>());
}
TEST_CASE("fast, long: priority queue") {
  hold_against(ContainerKind::smallest, PriorityQueue<>(), PriorityQueue<>());
}

/// An element that goes in and out, seen by many; some of it unknown.
Long flips(Rng& rng, int operations, int clients, bool spoilt) {
  Long h(1);
  const ValueId yes = 1, no = 2;
  h.values.push_back(h.pool.boolean(true));
  h.values.push_back(h.pool.boolean(false));
  std::vector<Index> open(static_cast<std::size_t>(clients), no_index);
  std::vector<bool> done(open.size());
  bool in = false;
  int ended = 0;
  while (ended < operations) {
    const auto c = static_cast<std::size_t>(below(rng, clients));
    if (open[c] == no_index) {
      open[c] = static_cast<Index>(h.list.size());
      done[c] = false;
      constexpr Function all[] = {Function::add, Function::remove, Function::contains};
      Operation o;
      o.id = open[c];
      o.begin = h.events++;
      o.argument = 0;
      o.function = all[below(rng, 3)];
      h.list.push_back(o);
      continue;
    }
    Operation& o = h.list[open[c]];
    if (!done[c]) {
      done[c] = true;
      const bool adds = o.function == Function::add;
      const bool answer = o.function == Function::contains ? in : in != adds;
      o.output = answer ? yes : no;
      if (o.function != Function::contains) in = adds;
      continue;
    }
    if (o.function != Function::contains && below(rng, 400) == 0)
      o.output = no_value;
    else
      o.end = h.events++;
    open[c] = no_index;
    ++ended;
  }
  for (const Index i : open)
    if (i != no_index) h.list[i].output = no_value;
  std::erase_if(h.list, [](const Operation& o) {
    return o.end == never && o.function == Function::contains;
  });
  Operation& o = h.list[h.list.size() / 2];
  if (spoilt && o.end != never) o.output = o.output == yes ? no : yes;
  return h;
}

TEST_CASE("fast, long: the witness of a set is small and a proof") {
  Rng rng(42);
  const long count = iterations(300);
  long invalid = 0, wrong = 0, rows = 0, operations = 0;
  for (long i = 0; i < count; ++i) {
    const Long h = flips(rng, 1000 + below(rng, 2000), 2 + below(rng, 8), i % 2 == 1);
    const Decision d = judge(Set<>(), h.object());
    REQUIRE(d.answer != Answer::unknown);
    if (i % 2 == 0) wrong += d.answer != Answer::valid;
    if (d.answer == Answer::valid) continue;
    ++invalid;
    std::vector<Operation> witness;
    for (const Operation& o : h.list)
      if (std::find(d.witness.begin(), d.witness.end(), o.id) != d.witness.end())
        witness.push_back(o);
    Operations alone = h.object();
    alone.list = witness;
    wrong += judge(Set<>(), alone).answer != Answer::invalid;
    rows += static_cast<long>(d.witness.size());
    operations += static_cast<long>(h.list.size());
  }
  CHECK(wrong == 0);
  CHECK(invalid > count / 10);
  CHECK(rows * 20 < operations);
}

/// What the search says of it; `unknown` where that would take long.
Validity generally(const char* model_name, const Operations& all) {
  const linearizable::ModelTraits traits = linearizable::find_model(model_name)->traits();
  const auto model = traits.make(all, {});
  const linearizable::GeneralPlan plan(all, *model, traits.by_process);
  linearizable::States states(*model, plan.classes());
  linearizable::Meter meter(300'000, std::uint64_t{1} << 28, nullptr);
  return linearizable::search_general(plan, states, meter, {}).validity;
}

template <typename Make, typename Engine>
void hold_against_general(const char* model, Make make, Engine engine) {
  CAPTURE(std::string(model));
  const long count = iterations(60);
  Rng rng = Rng(44).fork(model);
  long decided = 0, invalid = 0, wrong = 0;
  for (long i = 0; i < count; ++i) {
    const Long h = make(rng, i);
    const Decision d = judge(engine, h.object());
    REQUIRE(d.answer != Answer::unknown);
    const Validity searched = generally(model, h.object());
    if (searched == Validity::unknown) continue;
    ++decided;
    invalid += searched == Validity::invalid;
    wrong += searched != validity(d.answer == Answer::valid);
  }
  CHECK(wrong == 0);
  CHECK(decided > count / 2);
  CHECK(invalid > 0);
  CHECK(invalid < decided);
}

TEST_CASE("fast, long: the fast engines and the search agree") {
  const auto container = [](ContainerKind kind) {
    return [kind](Rng& rng, long i) {
      return containers(rng, kind, 100 + below(rng, 300), 2 + below(rng, 3), i % 2 == 0 ? 0 : 1);
    };
  };
  hold_against_general("fifo-queue", container(ContainerKind::queue), Queue<>());
  hold_against_general("stack", container(ContainerKind::stack), Stack<>());
  hold_against_general("priority-queue", container(ContainerKind::smallest), PriorityQueue<>());
  hold_against_general(
      "set",
      [](Rng& rng, long i) {
        return flips(rng, 100 + below(rng, 500), 2 + below(rng, 4), i % 2 == 1);
      },
      Set<>());
}

TEST_CASE("fast: a budget that is used up is no answer") {
  Rng rng(43);
  const Long h = containers(rng, ContainerKind::queue, 20'000, 10, 0);
  const Long s = containers(rng, ContainerKind::stack, 20'000, 10, 0);
  const Long p = containers(rng, ContainerKind::smallest, 20'000, 10, 0);
  const Long f = flips(rng, 20'000, 10, false);
  const auto check = [&](auto&& engine, const Operations& operations) {
    linearizable::Meter steps(1000, std::uint64_t{1} << 30, nullptr);
    Decision d = engine.check(operations, steps);
    CHECK(d.answer == Answer::unknown);
    CHECK(d.reason == "steps");
    linearizable::Meter bytes(std::uint64_t{1} << 40, 1000, nullptr);
    d = engine.check(operations, bytes);
    CHECK(d.answer == Answer::unknown);
    CHECK(d.reason == "memory");
    const std::atomic<bool> stop = true;
    linearizable::Meter stopped(std::uint64_t{1} << 40, std::uint64_t{1} << 30, &stop);
    d = engine.check(operations, stopped);
    CHECK(d.answer == Answer::unknown);
    CHECK(d.reason == "stopped");
    // What it says that it needs is enough.
    linearizable::Meter enough(std::uint64_t{1} << 40, 200 * operations.list.size(), nullptr);
    CHECK(engine.check(operations, enough).answer == Answer::valid);
    CHECK(engine.bytes() < 200 * operations.list.size());
  };
  check(Queue<>(), h.object());
  check(Stack<>(), s.object());
  check(PriorityQueue<>(), p.object());
  check(Set<>(), f.object());
}

TEST_CASE("fast: what is not for an engine is said") {
  Values values;
  const auto detail = [&](auto&& engine, Function function, ValueId argument, ValueId output) {
    Operation o;
    o.function = function;
    o.argument = argument;
    o.output = output;
    o.end = 1;
    const std::vector<Operation> list{o};
    const Decision d = judge(engine, values.object(list));
    CHECK(d.answer == Answer::unknown);
    CHECK(d.reason == "inapplicable");
    return d.detail;
  };
  CHECK(detail(Queue<>(), Function::drain, no_value, no_value) ==
        "drain is not among its functions");
  CHECK(detail(Queue<>(), Function::enqueue, no_value, no_value) ==
        "nil was inserted, which is what an empty object answers");
  CHECK(detail(PriorityQueue<>(), Function::enqueue, Values::yes, no_value) ==
        "true is no integer");
  CHECK(detail(Set<>(), Function::contains, 1, no_value) ==
        "contains answered nil, neither true nor false");
  CHECK(detail(Set<>(), Function::read, no_value, no_value) == "read is not among its functions");
  CHECK(detail(Semaphore<>(2), Function::acquire, 2, no_value) == "acquire has an argument, 2");
  CHECK(detail(Counter<>(), Function::add, 0, no_value) == "an add of 0, which is no increment");
  CHECK(detail(Counter<>(), Function::add, 1, 5) == "an add answered 5");
  CHECK(detail(FetchAndAdd<>(), Function::add, 1, Values::no) == "add answered false, no integer");
  CHECK(detail(GrowSet<>(), Function::read, no_value, 3) == "a read answered 3, no list");
  CHECK(detail(OwnerMutex<>({.depth = 1, .fenced = true}), Function::acquire, no_value, no_value) ==
        "an acquire answered no token");
  const ValueId twice = values.list({1, 1});
  Operation add, read;
  add.function = Function::add;
  add.argument = 1;
  add.end = 1;
  read.begin = 2;
  read.end = 3;
  read.output = twice;
  const std::vector<Operation> list{add, read};
  CHECK(judge(GrowSet<>(), values.object(list)).detail == "a read lists an element twice");
}

}  // namespace
}  // namespace faultline::oracle
