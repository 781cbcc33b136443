// Anomalies planted in long histories in which nothing else is wrong: each is found, by its name,
// and none in those where nothing was planted.
#include <algorithm>
#include <bit>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "harness/core/rng.h"
#include "tests/oracle/judges.h"

namespace faultline::oracle {
namespace {

/// Of what is planted. Keys are 'a' to 'z'.
struct Micro {
  char key;
  int element = 0;          ///< Appended; 0: a read.
  std::vector<int> list{};  ///< Read.
};
Micro append(char key, int element) { return {key, element}; }
Micro read(char key, std::vector<int> list) { return {key, 0, std::move(list)}; }

/// An event: a transaction of that process begins, or ends. Processes are counted from 0.
struct Event {
  std::uint32_t process;
  bool begins;
  std::vector<Micro> micros;
  Fate fate = Fate::ok;
};

class Plant {
 public:
  Plant& begin(std::uint32_t process, std::vector<Micro> micros) {
    events.push_back({process, true, std::move(micros)});
    return *this;
  }
  Plant& end(std::uint32_t process, std::vector<Micro> micros, Fate fate = Fate::ok) {
    events.push_back({process, false, std::move(micros), fate});
    return *this;
  }
  Plant& both(std::uint32_t process, const std::vector<Micro>& micros, Fate fate = Fate::ok) {
    return begin(process, micros).end(process, micros, fate);
  }
  Plant& together(const std::vector<std::vector<Micro>>& transactions) {
    for (std::uint32_t p = 0; p < transactions.size(); ++p) begin(p, transactions[p]);
    for (std::uint32_t p = 0; p < transactions.size(); ++p) end(p, transactions[p]);
    return *this;
  }

  std::vector<Event> events;
};

using Counts = std::map<std::string, std::uint64_t>;

struct Kind {
  const char* name;
  Plant plant;
  Counts found;
};

/// Cycles, with one edge of process or of real time at most.
std::vector<Kind> cycles() {
  return {
      {"G0",
       Plant()
           .together({{append('a', 1), append('b', 2)}, {append('a', 2), append('b', 1)}})
           .both(2, {read('a', {1, 2}), read('b', {1, 2})}),
       {{"G0", 1}}},
      {"G0-process",
       Plant()
           .begin(0, {append('a', 1), append('b', 2)})
           .both(1, {append('a', 2)})
           .both(1, {append('b', 1)})
           .end(0, {append('a', 1), append('b', 2)})
           .both(2, {read('a', {1, 2}), read('b', {1, 2})}),
       {{"G0-process", 1}, {"G0-realtime", 1}}},
      {"G0-realtime",
       Plant()
           .begin(0, {append('a', 1), append('b', 2)})
           .both(1, {append('a', 2)})
           .both(2, {append('b', 1)})
           .end(0, {append('a', 1), append('b', 2)})
           .both(3, {read('a', {1, 2}), read('b', {1, 2})}),
       {{"G0-realtime", 1}}},
      {"G1c",
       Plant().together({{append('a', 1), read('b', {1})}, {append('b', 1), read('a', {1})}}),
       {{"G1c", 1}}},
      {"G1c-realtime",
       Plant().both(0, {read('a', {1})}).both(1, {append('a', 1)}),
       {{"G1c-realtime", 1}}},
      {"G1c-process",
       Plant().both(0, {read('a', {1})}).both(0, {append('a', 1)}),
       {{"G1c-process", 1}, {"G1c-realtime", 1}}},
      {"G-single-item",
       Plant()
           .together({{append('a', 1), append('b', 1)}, {read('a', {1}), read('b', {})}})
           .both(2, {read('b', {1})}),
       {{"G-single-item", 1}}},
      {"G-single-item-realtime",
       Plant().both(0, {append('a', 1)}).both(1, {read('a', {})}).both(2, {read('a', {1})}),
       {{"G-single-item-realtime", 1}}},
      {"G-single-item-process",
       Plant().both(0, {append('a', 1)}).both(0, {read('a', {})}).both(2, {read('a', {1})}),
       {{"G-single-item-process", 1}, {"G-single-item-realtime", 1}}},
      {"G-nonadjacent-item",
       Plant().together({{append('a', 1)},
                         {append('b', 1)},
                         {read('a', {1}), read('b', {})},
                         {read('a', {}), read('b', {1})}}),
       {{"G-nonadjacent-item", 1}}},
      {"G2-item",
       Plant()
           .together({{read('a', {}), append('b', 1)}, {read('b', {}), append('a', 1)}})
           .both(2, {read('a', {1}), read('b', {1})}),
       {{"G2-item", 1}}},
  };
}

/// With two rw, where the one between them is by `process` 0, as its end is, or by another one.
Plant nonadjacent_by(std::uint32_t process) {
  return Plant()
      .begin(1, {read('a', {}), read('b', {1})})
      .begin(2, {append('b', 1)})
      .both(0, {append('a', 1)})
      .both(process, {read('b', {})})
      .end(2, {append('b', 1)})
      .end(1, {read('a', {}), read('b', {1})})
      .both(3, {read('a', {1}), read('b', {1})});
}
Plant skew_by(std::uint32_t process) {
  return Plant()
      .begin(1, {read('a', {}), append('b', 1)})
      .both(0, {append('a', 1)})
      .both(process, {read('b', {})})
      .end(1, {read('a', {}), append('b', 1)})
      .both(3, {read('a', {1}), read('b', {1})});
}

std::vector<Kind> ordered_cycles() {
  return {
      {"G-nonadjacent-item-process",
       nonadjacent_by(0),
       {{"G-nonadjacent-item-process", 1}, {"G-nonadjacent-item-realtime", 1}}},
      {"G-nonadjacent-item-realtime", nonadjacent_by(4), {{"G-nonadjacent-item-realtime", 1}}},
      {"G2-item-process", skew_by(0), {{"G2-item-process", 1}, {"G2-item-realtime", 1}}},
      {"G2-item-realtime", skew_by(4), {{"G2-item-realtime", 1}}},
  };
}

std::vector<Kind> offences() {
  return {
      {"G1a",
       Plant().both(0, {append('a', 1)}, Fate::fail).both(1, {read('a', {1})}),
       {{"G1a", 1}}},
      {"G1b",
       Plant().together({{append('a', 1), append('a', 2)}, {read('a', {1})}, {read('a', {1, 2})}}),
       {{"G1b", 1}, {"G-single-item", 1}}},
      {"lost-update",
       Plant()
           .together({{read('a', {}), append('a', 1)}, {read('a', {}), append('a', 2)}})
           .both(2, {read('a', {1, 2})}),
       {{"G-cursor", 1}, {"G-single-item", 1}, {"lost-update", 1}}},
      {"G-cursor",
       Plant()
           .together({{append('a', 1)}, {read('a', {}), append('a', 2)}})
           .both(2, {read('a', {1, 2})}),
       {{"G-cursor", 1}, {"G-single-item", 1}}},
      {"dirty-update",
       Plant()
           .both(0, {append('a', 1)}, Fate::fail)
           .both(1, {append('a', 2)})
           .both(2, {read('a', {1, 2})}),
       {{"G1a", 1}, {"dirty-update", 1}}},
      {"internal",
       Plant().both(0, {append('a', 1), read('a', {})}).both(1, {read('a', {1})}),
       {{"internal", 1}}},
      {"future-read", Plant().both(0, {read('a', {1}), append('a', 1)}), {{"future-read", 1}}},
      {"duplicate-elements",
       Plant().both(0, {append('a', 1)}).both(1, {read('a', {1, 1})}),
       {{"duplicate-elements", 1}}},
      {"incompatible-order",
       Plant().together(
           {{append('a', 1)}, {append('a', 2)}, {read('a', {1, 2})}, {read('a', {2, 1})}}),
       {{"incompatible-order", 1}}},
      {"garbage-read", Plant().both(0, {read('a', {7})}), {{"garbage-read", 1}}},
  };
}

std::vector<Kind> kinds() {
  std::vector<Kind> all = cycles();
  for (Kind& kind : ordered_cycles()) all.push_back(std::move(kind));
  for (Kind& kind : offences()) all.push_back(std::move(kind));
  return all;
}

/// Of the levels between read committed and snapshot isolation, each looked for only where a model
/// is asked for that forbids it.
struct WeakKind {
  const char* model;
  Kind kind;
};
std::vector<WeakKind> weak_kinds() {
  return {
      {"monotonic-atomic-view",
       {"OTV",
        Plant()
            .together({{append('a', 1), append('b', 1)}, {read('b', {1}), read('a', {})}})
            .both(2, {read('a', {1})}),
        {{"OTV", 1}}}},
      {"read-atomic",
       {"fractured-read",
        Plant()
            .together({{append('a', 1), append('b', 1)}, {read('a', {}), read('b', {1})}})
            .both(2, {read('a', {1})}),
        {{"fractured-read", 1}}}},
      {"causal-cerone",
       {"causality-violation",
        Plant()
            .together({{append('a', 1)},
                       {read('a', {1}), append('b', 1)},
                       {read('a', {}), read('b', {1})}})
            .both(3, {read('a', {1})}),
        {{"causality-violation", 1}}}},
      // The order of a list is everybody's, so that causal is violated, too.
      {"strong-session-causal",
       {"causality-violation-process",
        Plant().both(0, {append('a', 1)}).both(0, {read('a', {})}).both(2, {read('a', {1})}),
        {{"WriteCORead", 1}, {"causality-violation-process", 1}}}},
      {"prefix",
       {"prefix-violation",
        Plant().together({{append('a', 1)},
                          {append('b', 1)},
                          {read('a', {1}), read('b', {})},
                          {read('a', {}), read('b', {1})}}),
        {{"prefix-violation", 1}}}},
  };
}

/// Transactions that take effect one after the other, each at once, between its two events; and,
/// in between, at random places, the events of what is planted.
class Long {
 public:
  Long(std::size_t transactions, Rng rng) : transactions_(transactions), rng_(std::move(rng)) {
    ValuePool& pool = builder_.values();
    append_ = pool.text("append"), r_ = pool.text("r");
    for (std::size_t i = 0; i < active; ++i) active_.push_back(fresh());
  }

  void plant(const Plant& what) {
    queues_.push_back({&what.events, 0, next_process_, rng_.below(transactions_)});
    next_process_ += 10;
  }

  History run() {
    for (std::size_t done = 0; done < transactions_;) {
      for (Queue& queue : queues_)
        if (queue.next < queue.events->size() && queue.from <= done && rng_.below(8) == 0)
          tell(queue);
      done += step();
    }
    for (Queue& queue : queues_)
      while (queue.next < queue.events->size()) tell(queue);
    return builder_.finish();
  }

 private:
  static constexpr std::size_t active = 10, list_max = 16;
  static constexpr std::uint32_t processes = 20;

  struct Queue {
    const std::vector<Event>* events;
    std::size_t next;
    std::uint32_t process;
    std::size_t from;  ///< Not before so many transactions.
  };
  struct Key {
    std::int64_t id = 0;
    std::vector<ValueHandle> list{};
  };

  Key fresh() { return {next_key_++}; }

  bool step() {
    const auto p = static_cast<std::uint32_t>(rng_.below(processes));
    if (open_[p]) {
      REQUIRE(builder_.complete({p, Fate::ok, *open_[p], no_error, no_time}));
      open_[p].reset();
      return true;
    }
    open_[p] = execute();
    REQUIRE(builder_.invoke({p, Function::txn, no_key, *open_[p], no_node, no_time}));
    return false;
  }

  ValueHandle execute() {
    ValuePool& pool = builder_.values();
    std::vector<ValueHandle> micros;
    for (std::uint64_t n = 1 + rng_.below(4); n > 0; --n) {
      Key& key = active_[static_cast<std::size_t>(
          std::min<int>(active - 1, std::countr_zero(rng_.below(1024) | 512)))];
      if (rng_.below(2) == 0) {
        micros.push_back(pool.list(std::vector{r_, pool.integer(key.id), pool.list(key.list)}));
        continue;
      }
      const ValueHandle element = pool.integer(static_cast<std::int64_t>(key.list.size()));
      key.list.push_back(element);
      micros.push_back(pool.list(std::vector{append_, pool.integer(key.id), element}));
      if (key.list.size() >= list_max) key = fresh();
    }
    return pool.list(micros);
  }

  /// The next event of what is planted, on keys of its own.
  void tell(Queue& queue) {
    const Event& event = (*queue.events)[queue.next++];
    ValuePool& pool = builder_.values();
    std::vector<ValueHandle> micros;
    for (const Micro& m : event.micros) {
      const ValueHandle key = pool.text(m.key + std::to_string(queue.process));
      if (m.element != 0) {
        micros.push_back(pool.list(std::vector{append_, key, pool.integer(m.element)}));
        continue;
      }
      std::vector<ValueHandle> list;
      for (const int e : m.list) list.push_back(pool.integer(e));
      micros.push_back(
          pool.list(std::vector{r_, key, event.begins ? ValueHandle() : pool.list(list)}));
    }
    const std::uint32_t process = queue.process + event.process;
    const ValueHandle value = pool.list(micros);
    if (event.begins)
      REQUIRE(builder_.invoke({process, Function::txn, no_key, value, no_node, no_time}));
    else
      REQUIRE(builder_.complete({process, event.fate, value, no_error, no_time}));
  }

  const std::size_t transactions_;
  Rng rng_;
  HistoryBuilder builder_;
  std::vector<Key> active_;
  std::vector<Queue> queues_;
  std::optional<ValueHandle> open_[processes];
  std::uint32_t next_process_ = processes;
  std::int64_t next_key_ = 0;
  ValueHandle append_{}, r_{};
};

Verdict check(const History& history, const char* model = "strict-serializable") {
  ConfigNode mapping;
  mapping.members.push_back({"model", {}, ConfigNode::of(std::string(model))});
  Params params(mapping, "check");
  return (*make_list_append(params))->check(history, {});
}

Counts counts(const Verdict& verdict) {
  return {verdict.anomalies.begin(), verdict.anomalies.end()};
}
std::string text(const Counts& counts) {
  std::string out;
  for (const auto& [name, count] : counts) out += name + " " + std::to_string(count) + "; ";
  return out;
}

TEST_CASE("oracle: each anomaly, planted in histories of 100 and 10,000 transactions, is found") {
  const std::vector<Kind> all = kinds();
  for (const std::size_t transactions : {100, 10'000})
    for (const Kind& kind : all)
      for (std::uint64_t seed = 0; seed < (transactions == 100 ? 100 : 5); ++seed) {
        CAPTURE(kind.name);
        CAPTURE(transactions);
        Long history(transactions, Rng(77).fork(kind.name, seed));
        history.plant(kind.plant);
        const Verdict verdict = check(history.run());
        CHECK(verdict.validity == Validity::invalid);
        CHECK(text(counts(verdict)) == text(kind.found));
      }
}

TEST_CASE("oracle: each anomaly of the weak levels, planted, is found where it is asked for") {
  for (const std::size_t transactions : {100, 10'000})
    for (const auto& [model, kind] : weak_kinds())
      for (std::uint64_t seed = 0; seed < (transactions == 100 ? 100 : 5); ++seed) {
        CAPTURE(kind.name);
        CAPTURE(transactions);
        Long history(transactions, Rng(80).fork(kind.name, seed));
        history.plant(kind.plant);
        const Verdict verdict = check(history.run(), model);
        CHECK(verdict.validity == Validity::invalid);
        CHECK(text(counts(verdict)) == text(kind.found));
      }
}

TEST_CASE("oracle: nothing of the weak levels is found in histories in which nothing was planted") {
  const long count = iterations(10'000);
  for (const char* model : {"strong-session-causal", "prefix"})
    for (long i = 0; i < count; ++i) {
      const Verdict verdict =
          check(Long(60, Rng(81).fork("clean", static_cast<std::uint64_t>(i))).run(), model);
      if (verdict.validity == Validity::valid && verdict.anomalies.empty()) continue;
      FAIL_CHECK(model << ", " << i << ": " << verdict.summary);
      break;
    }
}

TEST_CASE("oracle: all anomalies, planted in a history of a million transactions, are found") {
  const std::vector<Kind> all = kinds();
  Long history(1'000'000, Rng(78));
  Counts expected;
  constexpr int times = 5;
  for (const Kind& kind : all) {
    for (int i = 0; i < times; ++i) history.plant(kind.plant);
    for (const auto& [name, count] : kind.found) expected[name] += times * count;
  }
  const Verdict verdict = check(history.run());
  CHECK(verdict.validity == Validity::invalid);
  CHECK(text(counts(verdict)) == text(expected));
}

TEST_CASE("oracle: nothing is found in 10,000 histories in which nothing was planted") {
  const long count = iterations(10'000);
  for (long i = 0; i < count; ++i) {
    const Verdict verdict =
        check(Long(60, Rng(79).fork("clean", static_cast<std::uint64_t>(i))).run());
    if (verdict.validity == Validity::valid && verdict.anomalies.empty()) continue;
    FAIL_CHECK(i << ": " << verdict.summary);
    break;
  }
}

}  // namespace
}  // namespace faultline::oracle
