// Small histories of rows and searches, and by brute force which models allow them: whether some
// order of the transactions, or of their begins and commits, explains what each of them saw.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/core/history.h"
#include "harness/core/rng.h"

namespace faultline::oracle::predicates {

inline constexpr int keys = 3;
/// 0: not there.
using State = std::array<int, keys>;

struct Search {
  int first = 0, last = keys;      ///< Of the keys that it is about.
  int modulus = 1, remainder = 0;  ///< 1: anything fits.
  bool fits(int key, int value) const {
    return value != 0 && key >= first && key < last && value % modulus == remainder;
  }
};

struct Step {
  enum class Kind { write, erase, read, find, find_and_erase };
  Kind kind = Kind::read;
  int key = 0, value = 0;  ///< What is written, or was read.
  Search search{};
  State found{};  ///< 0: not found.
  bool searches() const { return kind == Kind::find || kind == Kind::find_and_erase; }
};

struct Txn {
  std::vector<Step> steps;
  Fate fate = Fate::ok;
  std::uint32_t process = 0;
  int begin = 0, end = 0;  ///< Moments; an info's end is as it is, but it may happen later.
};

struct SmallHistory {
  std::optional<State> initial;  ///< An initial map, of the keys that are not 0.
  std::vector<Txn> txns;
};

enum class Kind { read_committed, repeatable_read, snapshot, serializable };
enum class Keeps { nothing, sessions, realtime };
struct Model {
  const char* name;
  Kind kind;
  Keeps keeps;
};
inline constexpr Model models[] = {
    {"read-committed", Kind::read_committed, Keeps::nothing},
    {"strong-read-committed", Kind::read_committed, Keeps::realtime},
    {"repeatable-read", Kind::repeatable_read, Keeps::nothing},
    {"snapshot-isolation", Kind::snapshot, Keeps::nothing},
    {"strong-session-snapshot-isolation", Kind::snapshot, Keeps::sessions},
    {"strong-snapshot-isolation", Kind::snapshot, Keeps::realtime},
    {"serializable", Kind::serializable, Keeps::nothing},
    {"strong-session-serializable", Kind::serializable, Keeps::sessions},
    {"strict-serializable", Kind::serializable, Keeps::realtime},
};

/// Tries all orders.
class Orders {
 public:
  Orders(const SmallHistory& history, const Model& model)
      : txns_(history.txns), model_(model), states_(txns_.size(), State{}) {
    if (history.initial) now_ = *history.initial;
    seen_.push_back(now_);
    phase_.assign(txns_.size(), 0);
    writes_.assign(txns_.size(), {});
    began_.assign(txns_.size(), 0);
  }

  bool explain() {
    const auto is_left = [&](std::size_t t) {
      return phase_[t] == 1 || (phase_[t] == 0 && txns_[t].fate == Fate::ok);
    };
    bool any_left = false;
    for (std::size_t t = 0; t < txns_.size(); ++t) any_left = any_left || is_left(t);
    if (!any_left) return true;
    for (std::size_t t = 0; t < txns_.size(); ++t) {
      if (txns_[t].fate == Fate::fail) continue;
      if (phase_[t] == 0 && may_begin(t) && begin(t)) return true;
      if (phase_[t] == 1 && model_.kind == Kind::snapshot && commit(t)) return true;
    }
    return false;
  }

 private:
  using Written = std::array<bool, keys>;

  bool may_begin(std::size_t t) const {
    for (std::size_t other = 0; other < txns_.size(); ++other) {
      const Txn &before = txns_[other], &here = txns_[t];
      if (other == t || before.fate != Fate::ok || phase_[other] == 2) continue;
      const bool precedes = before.end < here.begin;
      if (model_.keeps == Keeps::realtime && precedes) return false;
      if (model_.keeps == Keeps::sessions && precedes && before.process == here.process)
        return false;
    }
    return true;
  }

  bool begin(std::size_t t) {
    State after = now_;
    Written written{};
    if (!play(t, after, written)) return false;
    if (model_.kind != Kind::snapshot) {
      const State before = now_;
      now_ = after;
      seen_.push_back(now_);
      phase_[t] = 2;
      const bool found = explain();
      phase_[t] = 0;
      seen_.pop_back();
      now_ = before;
      return found;
    }
    phase_[t] = 1;
    states_[t] = after;
    writes_[t] = written;
    began_[t] = commits_.size();
    const bool found = explain();
    phase_[t] = 0;
    return found;
  }

  bool commit(std::size_t t) {
    for (std::size_t c = began_[t]; c < commits_.size(); ++c)
      for (int k = 0; k < keys; ++k)
        if (commits_[c][static_cast<std::size_t>(k)] && writes_[t][static_cast<std::size_t>(k)])
          return false;
    const State before = now_;
    for (std::size_t k = 0; k < keys; ++k)
      if (writes_[t][k]) now_[k] = states_[t][k];
    commits_.push_back(writes_[t]);
    phase_[t] = 2;
    const bool found = explain();
    phase_[t] = 1;
    commits_.pop_back();
    now_ = before;
    return found;
  }

  /// Whether some state so far had a version there of which that is true.
  template <typename Is>
  bool was(std::size_t key, Is is) const {
    return std::ranges::any_of(seen_, [&](const State& state) { return is(state[key]); });
  }
  bool reads_any() const { return model_.kind == Kind::read_committed; }

  bool play(std::size_t t, State& state, Written& written) const {
    const Txn& txn = txns_[t];
    for (const Step& step : txn.steps) {
      const auto key = static_cast<std::size_t>(step.key);
      if (step.kind == Step::Kind::write || step.kind == Step::Kind::erase) {
        state[key] = step.kind == Step::Kind::write ? step.value : 0;
        written[key] = true;
      } else if (step.kind == Step::Kind::read) {
        if (txn.fate == Fate::ok && !saw(txn, step, state, written, key, step.value)) return false;
      } else if (!find(txn, step, state, written)) {
        return false;
      }
    }
    return true;
  }
  /// What one has written oneself is one's own affair at the two weaker levels.
  bool is_weak() const {
    return model_.kind == Kind::read_committed || model_.kind == Kind::repeatable_read;
  }
  static bool writes(const Txn& txn, std::size_t key, int value) {
    return std::ranges::any_of(txn.steps, [&](const Step& step) {
      return step.kind == Step::Kind::write && static_cast<std::size_t>(step.key) == key &&
             step.value == value;
    });
  }
  static bool writes_later(const Txn& txn, const Step& than, std::size_t key, int value) {
    return std::any_of(&than + 1, txn.steps.data() + txn.steps.size(), [&](const Step& step) {
      return step.kind == Step::Kind::write && static_cast<std::size_t>(step.key) == key &&
             step.value == value;
    });
  }
  bool saw(const Txn& txn, const Step& step, const State& state, const Written& written,
           std::size_t key, int value) const {
    if (writes_later(txn, step, key, value)) return false;
    if (is_weak() && (written[key] || writes(txn, key, value))) return true;
    if (!reads_any()) return state[key] == value;
    return was(key, [&](int version) { return version == value; });
  }
  bool find(const Txn& txn, const Step& step, State& state, Written& written) const {
    for (std::size_t k = 0; k < keys; ++k) {
      const auto fits = [&](int value) { return step.search.fits(static_cast<int>(k), value); };
      if (txn.fate == Fate::ok) {
        const int found = step.found[k];
        if (found != 0 && !saw(txn, step, state, written, k, found)) return false;
        if (found != 0 && !fits(found) && !is_weak()) return false;
        if (found == 0 && fits(state[k])) {
          // Repeatable read is about rows that were found.
          if (!is_weak()) return false;
          const bool is_own = written[k];
          if (!is_own && !was(k, [&](int value) { return !fits(value); })) return false;
        }
      }
      const bool erases = step.kind == Step::Kind::find_and_erase &&
                          (txn.fate == Fate::ok ? step.found[k] != 0 : fits(state[k]));
      if (erases) state[k] = 0, written[k] = true;
    }
    return true;
  }

  const std::vector<Txn>& txns_;
  const Model& model_;
  State now_{};
  std::vector<State> seen_;  ///< By everybody so far.
  std::vector<State> states_;
  std::vector<int> phase_;  ///< 0: to come; 1: begun; 2: committed.
  std::vector<Written> writes_, commits_;
  std::vector<std::size_t> began_;
};

inline bool allows(const SmallHistory& history, const Model& model) {
  return Orders(history, model).explain();
}

// --- Random histories ----------------------------------------------------------------------------

/// What such a history is: how many versions a key may have, and whether there are initial ones.
struct Shape {
  bool has_initial = false;
  bool two_versions = true;  ///< Each key is changed once at most.
};

class Generator {
 public:
  explicit Generator(Rng rng) : rng_(rng) {}

  SmallHistory next(const Shape& shape, int txns_max) {
    SmallHistory history;
    next_value_ = 1;
    if (shape.has_initial) {
      history.initial = State{};
      for (int& value : *history.initial)
        if (below(4) != 0) value = next_value_ = next_value_ + 1 + static_cast<int>(below(2));
    }
    std::array<int, keys> changes{};
    const int count = 2 + static_cast<int>(below(static_cast<std::uint64_t>(txns_max - 1)));
    for (int i = 0; i < count; ++i) history.txns.push_back(txn(history, shape, changes));
    give_times(history);
    answer(history);
    return history;
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return rng_.below(bound); }

  Txn txn(const SmallHistory&, const Shape& shape, std::array<int, keys>& changes) {
    Txn made;
    const std::uint64_t luck = below(12);
    made.fate = luck == 0 ? Fate::fail : luck == 1 ? Fate::info : Fate::ok;
    const std::uint64_t length = 1 + below(3);
    for (std::uint64_t i = 0; i < length; ++i) {
      Step step;
      step.key = static_cast<int>(below(keys));
      const auto at = static_cast<std::size_t>(step.key);
      const std::uint64_t what = below(10);
      const bool may_change = changes[at] < (shape.two_versions ? 1 : 2);
      if (what < 4 && may_change) {
        ++changes[at];
        if (!shape.two_versions && below(2) == 0) {
          Step first = step;
          made.steps.push_back(first);  // read before
        }
        step.kind = below(3) == 0 ? Step::Kind::erase : Step::Kind::write;
        if (step.kind == Step::Kind::write)
          step.value = next_value_ = next_value_ + 1 + static_cast<int>(below(2));
        if (step.kind == Step::Kind::erase && below(2) == 0) {
          step.kind = Step::Kind::find_and_erase;
          step.search = {step.key, step.key + 1, 1, 0};
        }
      } else if (what < 6) {
        step.kind = Step::Kind::read;
      } else {
        step.kind = Step::Kind::find;
        if (below(2) == 0) step.search.modulus = 2, step.search.remainder = 0;
        if (below(4) == 0) step.search.first = step.key, step.search.last = step.key + 1;
      }
      made.steps.push_back(step);
    }
    return made;
  }

  /// All moments different; nobody has two transactions at once.
  void give_times(SmallHistory& history) {
    const std::size_t count = history.txns.size();
    std::vector<std::size_t> open, left;
    for (std::size_t t = count; t-- > 0;) left.push_back(t);
    int now = 0;
    std::vector<bool> busy(count, false);
    while (!left.empty() || !open.empty()) {
      if (!left.empty() && (open.empty() || below(2) == 0)) {
        Txn& txn = history.txns[left.back()];
        txn.begin = now++;
        std::uint32_t process = static_cast<std::uint32_t>(below(count));
        while (busy[process]) process = (process + 1) % static_cast<std::uint32_t>(count);
        busy[process] = true;
        txn.process = process;
        open.push_back(left.back());
        left.pop_back();
      } else {
        const std::size_t i = below(open.size());
        Txn& txn = history.txns[open[i]];
        txn.end = now++;
        // Who does not know what became of it goes on as another.
        if (txn.fate != Fate::info) busy[txn.process] = false;
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
  }

  /// As a store would that is right, or reads old snapshots, or anything; then perhaps one lie.
  void answer(SmallHistory& history) {
    const std::uint64_t how = below(4);
    std::vector<std::size_t> order;
    for (std::size_t t = 0; t < history.txns.size(); ++t) order.push_back(t);
    std::ranges::sort(order, {}, [&](std::size_t t) { return history.txns[t].end; });
    if (below(2) == 0)
      for (std::size_t i = 1; i < order.size(); ++i) std::swap(order[i], order[below(i + 1)]);
    std::vector<State> states{history.initial.value_or(State{})};
    // Of everybody, so that what is read may be of those that come later.
    std::vector<State> all = states;
    for (const std::size_t t : order) {
      State own = all.back();
      for (Step step : history.txns[t].steps) play(step, own, own);
      all.push_back(own);
    }
    for (const std::size_t t : order) {
      Txn& txn = history.txns[t];
      State own = states.back(), result = states.back();
      if (how >= 1 && below(2) == 0) own = states[below(states.size())];
      for (Step& step : txn.steps) {
        if (how == 3 && below(2) == 0) own = mixed(all, own);
        play(step, own, result);
      }
      // What failed or is not known may have left something all the same.
      if (txn.fate == Fate::ok || (txn.fate == Fate::info && below(2) == 0) || below(20) == 0)
        states.push_back(result);
    }
  }
  State mixed(const std::vector<State>& states, State state) {
    const std::size_t key = below(keys);
    state[key] = states[below(states.size())][key];
    return state;
  }
  static void play(Step& step, State& own, State& result) {
    const auto key = static_cast<std::size_t>(step.key);
    if (step.kind == Step::Kind::read) step.value = own[key];
    if (step.kind == Step::Kind::write) own[key] = result[key] = step.value;
    if (step.kind == Step::Kind::erase) own[key] = result[key] = 0;
    if (!step.searches()) return;
    for (std::size_t k = 0; k < keys; ++k) {
      if (!step.search.fits(static_cast<int>(k), own[k])) continue;
      step.found[k] = own[k];
      if (step.kind == Step::Kind::find_and_erase) own[k] = result[k] = 0;
    }
  }

  Rng rng_;
  int next_value_ = 1;
};

// --- As the checker reads them -------------------------------------------------------------------

inline std::string key_text(int key) { return "k/" + std::to_string(key); }

inline Value predicate_value(const Search& search, bool in_elles_words) {
  if (search.last - search.first == 1)
    return List{key_text(search.first), search.modulus == 1 ? "any" : "multiple-of",
                search.modulus == 1 ? Value() : Value(search.modulus)};
  if (in_elles_words)
    return search.modulus == 1 ? Value("true")
                               : Value(List{"mod", search.modulus, search.remainder});
  return List{"k/", search.modulus == 1 ? "any" : "multiple-of",
              search.modulus == 1 ? Value() : Value(search.modulus)};
}

inline Value step_value(const Step& step, bool is_answered, bool in_elles_words) {
  switch (step.kind) {
    case Step::Kind::write:
      return List{in_elles_words ? "insert" : "w", key_text(step.key), step.value};
    case Step::Kind::erase:
      return List{"delete", key_text(step.key), Value()};
    case Step::Kind::read:
      return List{"r", key_text(step.key),
                  is_answered && step.value != 0 ? Value(step.value) : Value()};
    default:
      break;
  }
  List rows;
  Map by_key;
  for (int k = 0; k < keys; ++k) {
    const int value = step.found[static_cast<std::size_t>(k)];
    if (value == 0) continue;
    rows.emplace_back(List{key_text(k), value});
    by_key.emplace_back(key_text(k), value);
  }
  const char* name = step.kind == Step::Kind::find_and_erase ? "delete-where"
                     : in_elles_words                        ? "rp"
                                                             : "r-where";
  Value answer;
  if (is_answered) answer = in_elles_words ? Value(by_key) : Value(rows);
  return List{name, predicate_value(step.search, in_elles_words), answer};
}

inline History spelled(const SmallHistory& small, bool in_elles_words) {
  HistoryBuilder builder;
  const auto txn_value = [&](const Txn& txn, bool is_answered) {
    List list;
    for (const Step& step : txn.steps)
      list.push_back(step_value(step, is_answered, in_elles_words));
    return builder.values().add(list);
  };
  if (small.initial) {
    Map map;
    for (int k = 0; k < keys; ++k)
      if (const int value = (*small.initial)[static_cast<std::size_t>(k)]; value != 0)
        map.emplace_back(key_text(k), value);
    const ValueHandle value = builder.values().add(map);
    (void)builder.invoke({99, Function::txn, no_key, value, no_node, 0});
    (void)builder.complete({99, Fate::ok, value, no_error, 0});
  }
  struct Event {
    const Txn* txn;
    bool is_end;
    int at;
  };
  std::vector<Event> events;
  std::vector<std::uint32_t> process;
  for (const Txn& txn : small.txns) {
    events.push_back({&txn, false, txn.begin});
    events.push_back({&txn, true, txn.end});
  }
  std::ranges::sort(events, {}, &Event::at);
  for (const Event& event : events) {
    const Txn& txn = *event.txn;
    if (!event.is_end)
      (void)builder.invoke(
          {txn.process, Function::txn, no_key, txn_value(txn, false), no_node, event.at + 1});
    else
      (void)builder.complete(
          {txn.process, txn.fate, txn_value(txn, txn.fate == Fate::ok), no_error, event.at + 1});
  }
  return builder.finish();
}

}  // namespace faultline::oracle::predicates
