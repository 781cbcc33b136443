// A deliberately simple judge of any object: it tries the operations in every order that keeps
// precedence. Shares nothing with the engines but the shape of an operation. Beside it, random
// histories: explained by an order of execution, then spoilt now and then. For tests.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/linearizable/operation.h"
#include "harness/core/rng.h"
#include "tests/oracle/judges.h"

namespace faultline::oracle {

using linearizable::Decision;
using linearizable::no_value;
using linearizable::Operation;
using linearizable::Operations;
using linearizable::ValueId;
using Answer = Decision::Answer;
using History12 = std::vector<Operation>;  ///< Ordered by begin; a dozen at most.

/// `step` changes the state as the operation does, or returns false if the operation cannot happen
/// there with its answer. Infos may be left out.
template <typename State>
class Brute {
 public:
  using Step = std::function<bool(State&, const Operation&)>;
  Brute(State initial, Step step) : initial_(std::move(initial)), step_(std::move(step)) {}

  bool linearizable(const History12& history) {
    history_ = &history;
    seen_.clear();
    return explore(0, initial_);
  }

 private:
  bool explore(std::uint32_t happened, const State& state) {
    Position until = never;  // the first end of what has not happened
    for (std::size_t i = 0; i < history_->size(); ++i)
      if ((happened >> i & 1) == 0) until = std::min(until, (*history_)[i].end);
    if (until == never) return true;
    if (!seen_.emplace(happened, state).second) return false;
    for (std::size_t i = 0; i < history_->size(); ++i) {
      const Operation& o = (*history_)[i];
      if ((happened >> i & 1) != 0 || o.begin > until) continue;
      State next = state;
      if (step_(next, o) && explore(happened | 1u << i, next)) return true;
    }
    return false;
  }

  State initial_;
  Step step_;
  const History12* history_ = nullptr;
  std::set<std::pair<std::uint32_t, State>> seen_;
};

/// Values that tests use: id n is the integer n, for small n; then true, false, and lists.
struct Values {
  static constexpr ValueId count = 40, yes = 40, no = 41;
  ValuePool pool;
  std::vector<ValueHandle> handles;
  std::map<std::vector<ValueId>, ValueId> lists;
  std::map<ValueId, std::vector<ValueId>> items;  ///< Of each list.

  Values() {
    for (ValueId n = 0; n < count; ++n) handles.push_back(pool.integer(n));
    handles.push_back(pool.boolean(true));
    handles.push_back(pool.boolean(false));
  }
  static ValueId truth(bool v) { return v ? yes : no; }
  ValueId list(const std::vector<ValueId>& listed) {
    const auto [at, fresh] = lists.emplace(listed, static_cast<ValueId>(handles.size()));
    if (fresh) {
      std::vector<ValueHandle> content;
      for (const ValueId v : listed) content.push_back(handles[v]);
      handles.push_back(pool.list(content));
      items[at->second] = listed;
    }
    return at->second;
  }
  Operations object(const History12& history) const {
    Position events = 0;
    for (const Operation& o : history)
      events = std::max({events, o.begin + 1, o.end == never ? 0 : o.end + 1});
    return {history, events, handles, &pool};
  }
};

inline int below(Rng& rng, int n) { return static_cast<int>(rng.below(static_cast<unsigned>(n))); }

/// What a test of one kind of object is made of.
template <typename State>
struct Subject {
  State initial{};
  typename Brute<State>::Step step;
  /// Sets function and argument; true: it may become an info.
  std::function<bool(Rng&, Operation&, int index)> make;
  /// Gives the operation the answer that it has in that state.
  std::function<void(Rng&, const State&, Operation&)> answer;
  /// Changes an answer.
  std::function<void(Rng&, Operation&, const Operation& other)> spoil;
};

/// Up to `most` operations that overlap more or less.
template <typename State>
History12 random_operations(Rng& rng, const Subject<State>& subject, int most) {
  const int n = 2 + below(rng, most - 1), reach = below(rng, 6), info_percent = 15 * below(rng, 3);
  std::vector<int> at(2 * static_cast<std::size_t>(n));
  for (int i = 0; i < 2 * n; ++i) at[static_cast<std::size_t>(i)] = i;
  for (int i = 0; i < 2 * n; ++i) {
    const int far = reach == 5 ? 2 * n : reach + 1;
    std::swap(at[static_cast<std::size_t>(i)],
              at[static_cast<std::size_t>(std::min(2 * n - 1, i + below(rng, far)))]);
  }
  History12 history(static_cast<std::size_t>(n));
  std::vector<std::pair<double, std::size_t>> instants;
  for (std::size_t i = 0; i < history.size(); ++i) {
    Operation& o = history[i];
    o.begin = static_cast<Position>(std::min(at[2 * i], at[2 * i + 1]));
    o.end = static_cast<Position>(std::max(at[2 * i], at[2 * i + 1]));
    o.process = static_cast<std::uint32_t>(i);
    const bool info = subject.make(rng, o, static_cast<int>(i)) && below(rng, 100) < info_percent;
    const double until = info ? 3 * n : o.end;
    if (info) o.end = never;
    if (!info || below(rng, 2) == 0)
      instants.emplace_back(o.begin + (until - o.begin) * rng.uniform(), i);
  }
  std::sort(instants.begin(), instants.end());
  State state = subject.initial;
  for (const auto& [instant, i] : instants) {
    Operation& o = history[i];
    if (o.end != never) subject.answer(rng, state, o);
    State next = state;
    if (subject.step(next, o)) state = next;
  }
  for (int m = below(rng, 3); m > 0; --m) {
    Operation& o = history[static_cast<std::size_t>(below(rng, n))];
    if (o.end != never) subject.spoil(rng, o, history[static_cast<std::size_t>(below(rng, n))]);
  }
  const int clock = below(rng, 12);  // equal positions, or few of many
  for (Operation& o : history) {
    if (clock == 0) o.begin = o.begin / 3 * 3;
    if (clock == 0 && o.end != never) o.end = o.end / 3 * 3;
    if (clock == 1) o.begin = 1000 + 100 * o.begin;
    if (clock == 1 && o.end != never) o.end = 1000 + 100 * o.end;
  }
  std::stable_sort(history.begin(), history.end(),
                   [](const Operation& a, const Operation& b) { return a.begin < b.begin; });
  for (std::size_t i = 0; i < history.size(); ++i)
    history[i].id = static_cast<OperationId>(100 + i);
  return history;
}

inline std::string to_text(const History12& history, const Values& values) {
  std::string out;
  const auto text = [&](ValueId v) {
    return v == no_value ? std::string("nil") : values.pool.to_text(values.handles[v]);
  };
  for (const Operation& o : history)
    out += std::to_string(o.id) + ": " + std::string(name_of(o.function)) + " " + text(o.argument) +
           " -> " + (o.refused ? "refused" : text(o.output)) + " by " + std::to_string(o.process) +
           " [" + std::to_string(o.begin) + ", " +
           (o.end == never ? "info" : std::to_string(o.end)) + "]\n";
  return out;
}

/// The operations of a history whose ids are in `witness`.
inline History12 operations_of(const History12& history, const std::vector<OperationId>& witness) {
  History12 found;
  for (const Operation& o : history)
    if (std::find(witness.begin(), witness.end(), o.id) != witness.end()) found.push_back(o);
  return found;
}

struct Tally {
  long valid = 0, invalid = 0, unknown = 0, minimal = 0, wrong = 0;
};

inline linearizable::Meter plenty() {
  return {std::uint64_t{1} << 40, std::uint64_t{1} << 30, nullptr};
}

/// Every operation is a unit of its own.
inline int by_row(const Operation& o) { return static_cast<int>(o.id); }

/// The witness is not linearizable by itself, and if it says that it is minimal, leaving any unit
/// of it out makes it linearizable. `unit` names the unit that an operation belongs to.
template <typename State>
std::string objection(const Decision& decision, const History12& history, Brute<State>& brute,
                      const std::function<int(const Operation&)>& unit) {
  const History12 witness = operations_of(history, decision.witness);
  if (decision.anomaly.empty()) return "no name";
  if (witness.empty() || witness.size() != decision.witness.size()) return "no rows of it";
  if (!std::is_sorted(decision.witness.begin(), decision.witness.end())) return "unsorted";
  if (decision.bad >= witness.size() || decision.evidence >= witness.size()) return "no culprit";
  if (brute.linearizable(witness)) return "the witness is linearizable";
  if (!decision.minimal) return {};
  for (const Operation& left_out : witness) {
    History12 rest;
    for (const Operation& o : witness)
      if (unit(o) != unit(left_out)) rest.push_back(o);
    if (!brute.linearizable(rest)) return "not minimal";
  }
  return {};
}

/// Random histories, engine against brute force.
template <typename State, typename Engine>
Tally compare(const Subject<State>& subject, Values& values, Engine&& engine, Rng rng, long count,
              const std::function<int(const Operation&)>& unit, int most = 11) {
  Brute<State> brute(subject.initial, subject.step);
  Tally tally;
  for (long i = 0; i < count; ++i) {
    const History12 history = random_operations(rng, subject, most);
    linearizable::Meter meter = plenty();
    const Decision decision = engine.check(values.object(history), meter);
    if (decision.answer == Answer::unknown) {
      ++tally.unknown;
      if (decision.reason != "inapplicable" || decision.detail.empty()) ++tally.wrong;
      continue;
    }
    const bool truth = brute.linearizable(history);
    ++(truth ? tally.valid : tally.invalid);
    tally.minimal += decision.minimal;
    std::string why = truth == (decision.answer == Answer::valid) ? "" : "another verdict";
    if (why.empty() && !truth) why = objection(decision, history, brute, unit);
    if (!why.empty() && ++tally.wrong == 1)
      FAIL_CHECK(why << "; brute force says " << truth << ", the engine " << decision.anomaly
                     << "\n"
                     << to_text(history, values) << "witness\n"
                     << to_text(operations_of(history, decision.witness), values));
  }
  return tally;
}

/// After how many histories an engine with a rule switched off was found out; 0: never.
template <typename State, typename Engine>
long survived(const Subject<State>& subject, Values& values, Engine&& engine, Rng rng,
              int most = 10) {
  Brute<State> brute(subject.initial, subject.step);
  for (long i = 1; i <= 1'000'000; ++i) {
    const History12 history = random_operations(rng, subject, most);
    linearizable::Meter meter = plenty();
    const Decision decision = engine.check(values.object(history), meter);
    if (decision.answer == Answer::unknown) continue;
    if ((decision.answer == Answer::valid) != brute.linearizable(history)) return i;
  }
  return 0;
}

}  // namespace faultline::oracle
