// Sets, semaphores and locks: the fast engines against brute force.
#include <algorithm>
#include <map>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/linearizable/fast/owner_mutex.h"
#include "checkers/linearizable/fast/semaphore.h"
#include "checkers/linearizable/fast/set.h"
#include "tests/oracle/brute.h"

namespace faultline::oracle {
namespace {

using namespace linearizable::fast;

// Sets.

using Elements = std::vector<ValueId>;

bool has(const Elements& elements, ValueId v) {
  return std::find(elements.begin(), elements.end(), v) != elements.end();
}

struct SetShape {
  int elements = 2;
  int silent_percent = 0;  ///< Of adds and removes, those that answer nothing.
};

Subject<Elements> set_subject(SetShape shape) {
  Subject<Elements> s;
  s.step = [](Elements& elements, const Operation& o) {
    const bool there = has(elements, o.argument);
    if (o.function == Function::contains) return o.end == never || o.output == Values::truth(there);
    const bool adds = o.function == Function::add;
    const bool changes = adds != there;
    if (o.end != never && (o.output == Values::yes || o.output == Values::no) &&
        o.output != Values::truth(changes))
      return false;
    if (!changes) return true;
    if (adds)
      elements.insert(std::upper_bound(elements.begin(), elements.end(), o.argument), o.argument);
    else
      elements.erase(std::find(elements.begin(), elements.end(), o.argument));
    return true;
  };
  s.make = [=](Rng& rng, Operation& o, int) {
    const int kind = below(rng, 3);
    o.function = kind == 0 ? Function::add : kind == 1 ? Function::remove : Function::contains;
    o.argument = static_cast<ValueId>(1 + below(rng, shape.elements));
    if (below(rng, 100) < shape.silent_percent && kind < 2) o.output = o.argument;  // an echo
    return o.function != Function::contains;
  };
  s.answer = [](Rng& rng, const Elements& elements, Operation& o) {
    const bool there = has(elements, o.argument);
    if (o.output != no_value) {
      if (below(rng, 2) == 0) o.output = no_value;
      return;
    }
    o.output = Values::truth(o.function == Function::contains ? there
                             : o.function == Function::add    ? !there
                                                              : there);
  };
  s.spoil = [](Rng&, Operation& o, const Operation&) {
    if (o.output == Values::yes || o.output == Values::no)
      o.output = Values::truth(o.output == Values::no);
  };
  return s;
}

TEST_CASE("fast: set") {
  Values values;
  Set<> set;
  const Rng rng(21);
  const long count = iterations(30'000);
  for (const int elements : {1, 3}) {
    Tally t = compare(set_subject({.elements = elements}), values, set,
                      rng.fork("set", static_cast<std::uint64_t>(elements)), count, by_row);
    CHECK(t.wrong == 0);
    CHECK(t.unknown == 0);
    CHECK(t.valid > count / 5);
    CHECK(t.invalid > count / 5);
    CHECK(t.minimal > t.invalid / 4);
  }
  for (const int silent : {20, 100}) {
    Tally t = compare(set_subject({.elements = 2, .silent_percent = silent}), values, set,
                      rng.fork("silent", static_cast<std::uint64_t>(silent)), count, by_row);
    CHECK(t.wrong == 0);
    CHECK(t.unknown < count / 10);
    CHECK(t.valid > count / 5);
    CHECK(t.invalid > count / 20);
  }
}

TEST_CASE("fast: an echo of an element that is true says nothing") {
  Values values;
  Set<> set;
  std::vector<Operation> twice(2);
  for (std::size_t i = 0; i < 2; ++i) {
    twice[i].function = Function::add;
    twice[i].argument = twice[i].output = Values::yes;
    twice[i].begin = static_cast<Position>(2 * i);
    twice[i].end = twice[i].begin + 1;
  }
  linearizable::Meter meter = plenty();
  CHECK(set.check(values.object(twice), meter).answer == Answer::valid);
  twice[0].argument = twice[1].argument = 1;  // now both say that they put it in
  CHECK(set.check(values.object(twice), meter).answer == Answer::invalid);
}

// Semaphores and locks that do not ask who.

Subject<int> semaphore_subject(int permits, int refused_percent) {
  Subject<int> s;
  s.step = [=](int& held, const Operation& o) {
    const bool acquires = o.function == Function::acquire;
    if (o.refused) return acquires ? held == permits : held == 0;
    if (acquires ? held == permits : held == 0) return false;
    held += acquires ? 1 : -1;
    return true;
  };
  s.make = [=](Rng& rng, Operation& o, int) {
    o.function = below(rng, 2) == 0 ? Function::acquire : Function::release;
    o.refused = below(rng, 100) < refused_percent;
    return !o.refused;
  };
  s.answer = [=](Rng&, const int& held, Operation& o) {
    const bool acquires = o.function == Function::acquire;
    const bool possible = acquires ? held < permits : held > 0;
    if (refused_percent > 0) {
      o.refused = !possible;
    } else if (!possible) {
      o.function = acquires ? Function::release : Function::acquire;
    }
  };
  s.spoil = [=](Rng&, Operation& o, const Operation&) {
    if (refused_percent > 0)
      o.refused = !o.refused;
    else
      o.function = o.function == Function::acquire ? Function::release : Function::acquire;
  };
  return s;
}

TEST_CASE("fast: semaphore") {
  Values values;
  const Rng rng(22);
  const long count = iterations(20'000);
  for (const int permits : {1, 2, 3}) {
    const Tally t = compare(
        semaphore_subject(permits, 0), values, Semaphore<>(static_cast<std::uint32_t>(permits)),
        rng.fork("semaphore", static_cast<std::uint64_t>(permits)), count, by_row, 12);
    CHECK(t.wrong == 0);
    CHECK(t.unknown == 0);
    CHECK(t.valid > count / 5);
    CHECK(t.invalid > count / 20);
    CHECK(t.minimal > t.invalid / 10);
  }
  const Tally t = compare(semaphore_subject(1, 20), values, Semaphore<>(), rng.fork("refused"),
                          count, by_row, 12);
  CHECK(t.wrong == 0);
  CHECK(t.unknown == 0);
  CHECK(t.valid > count / 5);
  CHECK(t.invalid > count / 20);
}

// Locks with owners. The operations of a process follow each other.

struct Lock {
  std::uint32_t owner = 0, depth = 0;
  ValueId token = 0;
  friend auto operator<=>(const Lock&, const Lock&) = default;
};

Brute<Lock> lock_brute(std::uint32_t depth_max, bool fenced) {
  return {{}, [=](Lock& lock, const Operation& o) {
            if (o.function == Function::release) {
              if (lock.depth == 0 || lock.owner != o.process) return false;
              if (--lock.depth == 0) lock.owner = 0;
              return true;
            }
            if (lock.depth > 0 && (lock.owner != o.process || lock.depth == depth_max))
              return false;
            // The token of an info is anything above; it need not leave any room below the next.
            if (fenced && o.end != never) {
              if (o.output <= lock.token) return false;
              lock.token = o.output;
            }
            lock.owner = o.process;
            ++lock.depth;
            return true;
          }};
}

/// By begin, as a front end gives them.
void number(History12& history) {
  std::sort(history.begin(), history.end(),
            [](const Operation& a, const Operation& b) { return a.begin < b.begin; });
  for (std::size_t i = 0; i < history.size(); ++i) history[i].id = static_cast<OperationId>(i);
}

/// Clients that mostly wait for their turn.
History12 lock_history(Rng& rng, std::uint32_t depth_max, bool fenced) {
  struct Client {
    bool busy = false, done = false, gone = false;
    std::uint32_t holds = 0;
    Operation o;
  };
  std::vector<Client> clients(2 + static_cast<std::size_t>(below(rng, 3)));
  const int n = 2 + below(rng, 10), wrong_percent = 6 * below(rng, 3),
            info_percent = below(rng, 20);
  History12 history;
  Lock lock;
  ValueId token = 1;
  Position now = 0;
  int begun = 0;
  for (int turn = 0; turn < 40 * n; ++turn) {
    const auto c = static_cast<std::size_t>(below(rng, static_cast<int>(clients.size())));
    Client& client = clients[c];
    if (client.gone) continue;
    Operation& o = client.o;
    if (!client.busy) {
      if (begun == n) continue;
      ++begun;
      const bool acquires = client.holds == 0 || (client.holds < depth_max && below(rng, 2) == 0);
      o = {};
      o.process = static_cast<std::uint32_t>(c) + 1;
      o.function =
          acquires != (below(rng, 100) < wrong_percent) ? Function::acquire : Function::release;
      o.begin = now++;
      client.busy = true;
      client.done = false;
      continue;
    }
    if (!client.done) {
      const bool info = below(rng, 100) < info_percent;
      const bool acquires = o.function == Function::acquire;
      const bool possible =
          acquires ? lock.depth == 0 || lock.owner == o.process : lock.owner == o.process;
      if (possible || below(rng, 100) < wrong_percent) {
        if (acquires) {
          lock.owner = o.process;
          ++lock.depth;
          ++client.holds;
          token += static_cast<ValueId>(below(rng, 2) + (below(rng, 30) > 0 ? 1 : 0));
          if (fenced) o.output = token;
        } else {
          if (lock.depth > 0) --lock.depth;
          if (client.holds > 0) --client.holds;
        }
        client.done = true;
      }
      if (info) {
        o.end = never;
        o.output = no_value;
        history.push_back(o);
        client.gone = true;
      }
      continue;
    }
    o.end = now++;
    history.push_back(o);
    client.busy = false;
  }
  for (Client& client : clients)
    if (client.busy && !client.gone) {
      client.o.end = never;
      client.o.output = no_value;
      history.push_back(client.o);
    }
  number(history);
  return history;
}

struct LockKind {
  std::uint32_t depth = 1;
  bool fenced = false;
};

template <typename Rules = OwnerMutexRules>
Tally compare_locks(LockKind kind, Rng rng, long count, bool until_wrong = false) {
  Values values;
  Brute<Lock> brute = lock_brute(kind.depth, kind.fenced);
  OwnerMutex<Rules> engine({kind.depth, kind.fenced});
  Tally tally;
  for (long i = 0; i < count; ++i) {
    const History12 history = lock_history(rng, kind.depth, kind.fenced);
    linearizable::Meter meter = plenty();
    const Decision decision = engine.check(values.object(history), meter);
    if (decision.answer == Answer::unknown) {
      ++tally.unknown;
      continue;
    }
    const bool truth = brute.linearizable(history);
    ++(truth ? tally.valid : tally.invalid);
    tally.minimal += decision.minimal;
    std::string why = truth == (decision.answer == Answer::valid) ? "" : "another verdict";
    if (until_wrong) {
      if (why.empty()) continue;
      tally.wrong = i + 1;
      return tally;
    }
    // A block is a unit; in these histories what else is minimal is minimal by rows.
    const auto unit = [&](const Operation& o) {
      return decision.anomaly == "not-linearizable" ? static_cast<int>(o.id)
                                                    : static_cast<int>(o.process) + 1000;
    };
    const bool same_process =
        !truth && decision.minimal && decision.anomaly != "not-linearizable" && [&] {
          const History12 witness = operations_of(history, decision.witness);
          return std::all_of(witness.begin(), witness.end(), [&](const Operation& o) {
            return o.process == witness.front().process;
          });
        }();
    if (why.empty() && !truth && !same_process) why = objection(decision, history, brute, {unit});
    if (!why.empty() && ++tally.wrong == 1)
      FAIL_CHECK(why << "; brute force says " << truth << ", the engine " << decision.anomaly
                     << "\n"
                     << to_text(history, values) << "witness\n"
                     << to_text(operations_of(history, decision.witness), values));
  }
  return tally;
}

TEST_CASE("fast: locks with owners") {
  const long count = iterations(30'000);
  for (const LockKind kind : {LockKind{1, false}, LockKind{1, true}, LockKind{3, false}}) {
    CAPTURE(kind.depth);
    CAPTURE(kind.fenced);
    const Tally t =
        compare_locks(kind, Rng(23).fork("lock", kind.depth * 2 + (kind.fenced ? 1 : 0)), count);
    CHECK(t.wrong == 0);
    CHECK(t.unknown == 0);
    CHECK(t.valid > count / 5);
    CHECK(t.invalid > count / 10);
  }
}

TEST_CASE("fast: what a lock with owners does not decide") {
  Values values;
  OwnerMutex<> mutex;
  const auto check = [&](std::vector<Operation> list) {
    linearizable::Meter meter = plenty();
    return mutex.check(values.object(list), meter);
  };
  Operation a;
  a.function = Function::acquire;
  a.begin = 0;
  a.end = 1;
  Operation b = a;
  b.begin = 2;
  b.end = 3;
  b.process = 1;
  b.refused = true;
  CHECK(check({a, b}).answer == Answer::unknown);
  b.refused = false;
  CHECK(check({a, b}).answer == Answer::invalid);
  b.process = 0;
  b.begin = 1;
  CHECK(check({a, b}).answer == Answer::unknown);
  a.end = never;
  b.begin = 2;
  CHECK(check({a, b}).answer == Answer::unknown);
  b.process = 4'000'000'000;
  CHECK(check({a, b}).answer == Answer::valid);
}

// Mutants.

#define SET_MUTANT(rule)                                                                   \
  struct Set_##rule : SetRules {                                                           \
    static constexpr bool rule = false;                                                    \
  };                                                                                       \
  TEST_CASE("mutant: Set without " #rule) {                                                \
    Values values;                                                                         \
    const long died = survived(set_subject({.elements = 1, .silent_percent = 20}), values, \
                               Set<Set_##rule>(), Rng(24).fork(#rule));                    \
    CHECK(died > 0);                                                                       \
    MESSAGE("Set without " #rule " dies after " << died << " histories");                  \
  }
SET_MUTANT(earliest_first)
SET_MUTANT(looks_pass)
SET_MUTANT(looks_move)
SET_MUTANT(infos_last)
SET_MUTANT(room_first)
SET_MUTANT(try_both)
SET_MUTANT(infos_pend)
SET_MUTANT(both_states)
#undef SET_MUTANT

#define LOCK_MUTANT(rule, depth, fenced)                                                           \
  struct Lock_##rule : OwnerMutexRules {                                                           \
    static constexpr bool rule = false;                                                            \
  };                                                                                               \
  TEST_CASE("mutant: OwnerMutex without " #rule) {                                                 \
    const Tally t =                                                                                \
        compare_locks<Lock_##rule>(LockKind{depth, fenced}, Rng(25).fork(#rule), 1'000'000, true); \
    CHECK(t.wrong > 0);                                                                            \
    MESSAGE("OwnerMutex without " #rule " dies after " << t.wrong << " histories");                \
  }
LOCK_MUTANT(in_turn, 1, false)
LOCK_MUTANT(disjoint, 1, false)
LOCK_MUTANT(held_for_ever, 1, false)
LOCK_MUTANT(info_releases, 1, false)
LOCK_MUTANT(info_acquires, 1, false)
LOCK_MUTANT(inner_counts, 3, false)
LOCK_MUTANT(rising, 1, true)
#undef LOCK_MUTANT

}  // namespace
}  // namespace faultline::oracle
