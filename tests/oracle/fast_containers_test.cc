// Queue, stack and priority queue: the fast engines against brute force.
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/linearizable/fast/priority_queue.h"
#include "checkers/linearizable/fast/queue.h"
#include "checkers/linearizable/fast/stack.h"
#include "tests/oracle/brute.h"

namespace faultline::oracle {
namespace {

using namespace linearizable::fast;

using Content = std::vector<ValueId>;

enum class Which { queue, stack, smallest, largest };

/// Where the next value comes out of.
Content::iterator exit_of(Which which, Content& content) {
  switch (which) {
    case Which::queue:
      return content.begin();
    case Which::stack:
      return content.end() - 1;
    case Which::smallest:
      return std::min_element(content.begin(), content.end());
    case Which::largest:
      break;
  }
  return std::max_element(content.begin(), content.end());
}

struct ContainerShape {
  int repeat_percent = 0;   ///< Of the inserts, those of a value that may be there already.
  int empty_percent = 100;  ///< Histories keep their "empty" answers.
  bool info_removes = false;
};

Subject<Content> container(Which which, ContainerShape shape) {
  const Function in = which == Which::stack ? Function::push : Function::enqueue;
  const Function out = which == Which::stack ? Function::pop : Function::dequeue;
  Subject<Content> s;
  s.step = [=](Content& content, const Operation& o) {
    if (o.function == in) {
      content.push_back(o.argument);
      return true;
    }
    const bool info = o.end == never;
    if (content.empty()) return info || o.output == no_value;
    const auto at = exit_of(which, content);
    if (!info && o.output != *at) return false;
    content.erase(at);
    return true;
  };
  s.make = [=](Rng& rng, Operation& o, int index) {
    o.function = below(rng, 100) < 52 ? in : out;
    if (o.function == out) return shape.info_removes;
    // Not in the order of the inserts, for the sake of the priority queues.
    o.argument = static_cast<ValueId>(1 + index * 7 % 12);
    if (below(rng, 100) < shape.repeat_percent)
      o.argument = static_cast<ValueId>(1 + below(rng, 3));
    return true;
  };
  s.answer = [=](Rng&, const Content& content, Operation& o) {
    if (o.function == in || content.empty()) return;
    Content copy = content;
    o.output = *exit_of(which, copy);
  };
  s.spoil = [=](Rng& rng, Operation& o, const Operation& other) {
    if (o.function == in) return;
    const int how = below(rng, 4);
    if (how == 0) o.output = no_value;
    if (how == 1) o.output = other.argument;
    if (how >= 2) o.output = other.output;
  };
  return s;
}

/// Without "empty": spoilt to the value of some insert.
Subject<Content> without_empties(Which which, ContainerShape shape) {
  Subject<Content> s = container(which, shape);
  const auto answer = s.answer;
  const Function out = which == Which::stack ? Function::pop : Function::dequeue;
  s.answer = [=](Rng& rng, const Content& content, Operation& o) {
    answer(rng, content, o);
    if (o.function == out && o.output == no_value) o.end = never;
  };
  s.spoil = [spoil = s.spoil](Rng& rng, Operation& o, const Operation& other) {
    if (other.output != no_value) spoil(rng, o, other);
    if (o.output == no_value) o.output = 1;
  };
  return s;
}

/// A value is a unit, and so is each "empty". Info removals belong to all.
int unit(const Operation& o) {
  const bool in = o.function == Function::enqueue || o.function == Function::push;
  const ValueId value = in ? o.argument : o.output;
  return value == no_value ? -static_cast<int>(o.id) : static_cast<int>(value);
}

template <typename Engine>
void check_container(Which which, Engine&& engine, const std::string& name) {
  Values values;
  const Rng rng = Rng(11).fork(name);
  const long count = iterations(30'000);
  CAPTURE(name);
  Tally t = compare(container(which, {}), values, engine, rng.fork("plain"), count, unit);
  CHECK(t.wrong == 0);
  CHECK(t.unknown == 0);
  CHECK(t.valid > count / 5);
  CHECK(t.invalid > count / 10);
  CHECK(t.minimal > t.invalid * 9 / 10);
  t = compare(container(which, {.repeat_percent = 10}), values, engine, rng.fork("repeats"),
              count / 2, unit);
  CHECK(t.wrong == 0);
  CHECK(t.unknown > count / 40);
  CHECK(t.unknown < count / 3);
  t = compare(container(which, {.info_removes = true}), values, engine, rng.fork("infos"),
              count / 2, unit);
  CHECK(t.wrong == 0);
  CHECK(t.valid > count / 10);
  CHECK(t.invalid > count / 100);
  t = compare(without_empties(which, {.info_removes = true}), values, engine,
              rng.fork("infos, no empties"), count / 2, unit);
  CHECK(t.wrong == 0);
  CHECK(t.valid > count / 10);
  CHECK(t.invalid > count / 100);
  if (which == Which::queue) CHECK(t.unknown == 0);
}

TEST_CASE("fast: queue") { check_container(Which::queue, Queue<>(), "queue"); }
TEST_CASE("fast: stack") { check_container(Which::stack, Stack<>(), "stack"); }
TEST_CASE("fast: priority queue, smallest first") {
  check_container(Which::smallest, PriorityQueue<>(), "smallest");
}
TEST_CASE("fast: priority queue, largest first") {
  check_container(Which::largest, PriorityQueue<>(Best::largest), "largest");
}

struct TreesOnly : StackRules {
  static constexpr std::uint64_t small = 1;
};
TEST_CASE("fast: stack by its trees") {
  check_container(Which::stack, Stack<TreesOnly>(), "stack by trees");
}

/// Two processes, four operations each at most, every interleaving of a few of them.
TEST_CASE("fast: every history of two enqueues, two dequeues and their overlaps") {
  Values values;
  Brute<Content> queue({}, container(Which::queue, {}).step);
  Brute<Content> stack({}, container(Which::stack, {}).step);
  Queue<> queues;
  Stack<> stacks;
  std::vector<int> order{0, 0, 1, 1, 2, 2, 3, 3};
  const ValueId answers[] = {1, 2, no_value};
  long count = 0, wrong = 0;
  do {
    for (const ValueId first : answers)
      for (const ValueId second : answers) {
        for (const bool stacking : {false, true}) {
          History12 h(4);
          for (std::size_t i = 0; i < 4; ++i) {
            h[i].begin = static_cast<Position>(
                std::find(order.begin(), order.end(), static_cast<int>(i)) - order.begin());
            h[i].end = static_cast<Position>(
                order.rend() - std::find(order.rbegin(), order.rend(), static_cast<int>(i)) - 1);
            h[i].function = i < 2 ? (stacking ? Function::push : Function::enqueue)
                                  : (stacking ? Function::pop : Function::dequeue);
            if (i < 2) h[i].argument = static_cast<ValueId>(i + 1);
          }
          h[2].output = first;
          h[3].output = second;
          std::sort(h.begin(), h.end(),
                    [](const Operation& a, const Operation& b) { return a.begin < b.begin; });
          for (std::size_t i = 0; i < 4; ++i) h[i].id = static_cast<OperationId>(i);
          linearizable::Meter meter = plenty();
          const Decision d = stacking ? stacks.check(values.object(h), meter)
                                      : queues.check(values.object(h), meter);
          const bool truth = stacking ? stack.linearizable(h) : queue.linearizable(h);
          ++count;
          wrong += d.answer != (truth ? Answer::valid : Answer::invalid);
        }
      }
  } while (std::next_permutation(order.begin(), order.end()));
  CHECK(count == 2520 * 18);
  CHECK(wrong == 0);
}

template <template <typename> typename Engine, typename Rules>
void must_die(Which which, const std::string& name) {
  Values values;
  const Rng rng = Rng(12).fork(name);
  CAPTURE(name);
  long died = survived(container(which, {.repeat_percent = 5, .info_removes = true}), values,
                       Engine<Rules>(), rng);
  if (died == 0)
    died = survived(without_empties(which, {.info_removes = true}), values, Engine<Rules>(), rng);
  CHECK(died > 0);
  MESSAGE(name << " dies after " << died << " histories");
}

#define MUTANT(Engine, which, rule)                                      \
  struct Engine##_##rule : Engine##Rules {                               \
    static constexpr bool rule = false;                                  \
  };                                                                     \
  TEST_CASE("mutant: " #Engine " without " #rule) {                      \
    must_die<Engine, Engine##_##rule>(which, #Engine " without " #rule); \
  }

MUTANT(Queue, Which::queue, unique_inserts)
MUTANT(Queue, Which::queue, inserted)
MUTANT(Queue, Which::queue, removed_once)
MUTANT(Queue, Which::queue, not_from_future)
MUTANT(Queue, Which::queue, empty_when_covered)
MUTANT(Queue, Which::queue, order)
MUTANT(Queue, Which::queue, lost)
MUTANT(Queue, Which::queue, enough_infos)
MUTANT(Queue, Which::queue, infos_in_time)
MUTANT(Queue, Which::queue, infos_with_empties)
MUTANT(Stack, Which::stack, unique_inserts)
MUTANT(Stack, Which::stack, inserted)
MUTANT(Stack, Which::stack, removed_once)
MUTANT(Stack, Which::stack, not_from_future)
MUTANT(Stack, Which::stack, empty_when_covered)
MUTANT(Stack, Which::stack, bottom_first)
MUTANT(Stack, Which::stack, bottom_last)
MUTANT(Stack, Which::stack, only_certain)
MUTANT(Stack, Which::stack, infos_ambiguous)
MUTANT(PriorityQueue, Which::smallest, unique_inserts)
MUTANT(PriorityQueue, Which::smallest, inserted)
MUTANT(PriorityQueue, Which::smallest, removed_once)
// not_from_future is one of `order` there.
MUTANT(PriorityQueue, Which::smallest, empty_when_covered)
MUTANT(PriorityQueue, Which::smallest, order)
MUTANT(PriorityQueue, Which::smallest, after_insert)
MUTANT(PriorityQueue, Which::smallest, lost)
MUTANT(PriorityQueue, Which::smallest, infos_ambiguous)

#undef MUTANT

}  // namespace
}  // namespace faultline::oracle
