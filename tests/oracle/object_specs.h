// Every model of `linearizable` a second time, for the oracle: plain states, plain steps, nothing
// shared with checkers/linearizable/models.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "harness/core/history.h"
#include "harness/core/rng.h"

namespace faultline::oracle {

/// An operation as its client saw it.
struct Asked {
  Function function = Function::read;
  Value argument;
  Value output;
  bool refused = false;
  bool info = false;
  std::uint32_t process = 0;
  Position begin = 0, end = 0;
  /// By the clock, in milliseconds; -1: a millisecond is a position.
  std::int64_t begin_ms = -1, end_ms = -1;

  std::int64_t asked_ms() const { return begin_ms < 0 ? begin : begin_ms; }
  std::int64_t answered_ms() const { return end_ms < 0 ? end : end_ms; }
};

/// A state as text, for whatever a specification wants to put there.
using PlainState = std::vector<Value>;

struct Spec {
  std::string model;
  Value initial;
  PlainState first;
  /// A request at random.
  std::function<Asked(Rng&)> ask;
  /// All states after the operation, if it may happen in `state` with the answer that it has; an
  /// info has none.
  std::function<std::vector<PlainState>(const PlainState&, const Asked&)> after;
  /// Fills in an answer that `state` allows, if there is one.
  std::function<bool(const PlainState&, Asked&, Rng&)> answer;
};

/// Revisions and tokens lie between: what is not told may have been any.
constexpr std::int64_t first_number = -14, most_number = 40;

inline std::int64_t whole(const Value& v) { return *v.integer(); }
inline int pick(Rng& rng, int n) {
  return static_cast<int>(rng.below(static_cast<std::uint64_t>(n)));
}

/// From one function that says what happens: the answer and the state after it.
struct Effect {
  Value output;
  bool refused = false;
  PlainState next;
};
inline Spec deterministic(std::string model, PlainState first, std::function<Asked(Rng&)> ask,
                          std::function<Effect(const PlainState&, const Asked&)> effect) {
  Spec spec;
  spec.model = std::move(model);
  spec.first = std::move(first);
  spec.ask = std::move(ask);
  spec.after = [effect](const PlainState& state, const Asked& o) -> std::vector<PlainState> {
    const Effect e = effect(state, o);
    if (o.info) return {e.refused ? state : e.next};
    if (e.refused != o.refused) return {};
    if (e.refused) return {state};
    // nil tells nothing where something would be told by anything else.
    const bool silent =
        o.output.is_nil() && (o.function == Function::add || o.function == Function::remove);
    if (!silent && !(e.output == o.output)) return {};
    return {e.next};
  };
  spec.answer = [effect](const PlainState& state, Asked& o, Rng&) {
    const Effect e = effect(state, o);
    o.refused = e.refused;
    o.output = e.refused ? Value() : e.output;
    return true;
  };
  return spec;
}

inline Asked request(Function f, Value argument = {}) {
  Asked o;
  o.function = f;
  o.argument = std::move(argument);
  return o;
}

inline Spec register_spec(const std::string& model) {
  Spec spec = deterministic(
      model, {Value()},
      [model](Rng& rng) {
        const int kind = pick(rng, model == "register" ? 2 : model == "cas-register" ? 3 : 4);
        if (kind == 0) return request(Function::read);
        if (kind == 1) return request(Function::write, 1 + pick(rng, 3));
        if (kind == 2) return request(Function::cas, List{1 + pick(rng, 3), 1 + pick(rng, 3)});
        return request(Function::remove);
      },
      [](const PlainState& s, const Asked& o) -> Effect {
        if (o.function == Function::read) return {s[0], false, s};
        if (o.function == Function::write) return {o.argument, false, {o.argument}};
        if (o.function == Function::remove) return {!s[0].is_nil(), false, {Value()}};
        const List& pair = *o.argument.list();
        if (!(s[0] == pair[0])) return {{}, true, s};
        return {o.argument, false, {pair[1]}};
      });
  // A write's answer is an echo.
  const auto strict = spec.after;
  spec.after = [strict](const PlainState& s, const Asked& o) -> std::vector<PlainState> {
    if (o.function == Function::remove && o.refused)
      return s[0].is_nil() ? std::vector<PlainState>{s} : std::vector<PlainState>{};
    return strict(s, o);
  };
  return spec;
}

/// Texts that grow; with revisions, which only some answers carry.
inline Spec text_spec() {
  return deterministic(
      "key-value", {Value()},
      [](Rng& rng) {
        const char* letters[] = {"a", "b"};
        const int kind = pick(rng, 4);
        if (kind == 0) return request(Function::write, letters[pick(rng, 2)]);
        if (kind < 3) return request(Function::append, letters[pick(rng, 2)]);
        return request(Function::read);
      },
      [](const PlainState& s, const Asked& o) -> Effect {
        if (o.function == Function::read) return {s[0], false, s};
        if (o.function == Function::write) return {o.argument, false, {o.argument}};
        const std::string had = s[0].is_nil() ? "" : *s[0].text();
        return {o.argument, false, {had + *o.argument.text()}};
      });
}

inline Value with_revision(Value value, std::int64_t revision) {
  return Map{{"value", std::move(value)}, {"revision", revision}};
}
inline Spec revision_spec() {
  Spec spec;
  spec.model = "key-value";
  spec.first = {Value(), first_number};
  spec.ask = [](Rng& rng) {
    return pick(rng, 2) == 0 ? request(Function::read) : request(Function::write, 1 + pick(rng, 2));
  };
  // Whatever is not told may have been any larger number.
  spec.after = [](const PlainState& s, const Asked& o) {
    std::vector<PlainState> all;
    const std::int64_t now = whole(s[1]);
    if (o.function == Function::read) {
      const Map* told = o.output.map();
      const bool fits = told == nullptr
                            ? o.output == s[0]
                            : (*told)[0].second == s[0] && whole((*told)[1].second) == now;
      if (fits) all.push_back(s);
      return all;
    }
    const Map* told = o.info ? nullptr : o.output.map();
    for (std::int64_t next = now + 1; next < most_number; ++next)
      if (told == nullptr || whole((*told)[1].second) == next) all.push_back({o.argument, next});
    return all;
  };
  spec.answer = [](const PlainState& s, Asked& o, Rng& rng) {
    const std::int64_t now = whole(s[1]);
    const bool reads = o.function == Function::read;
    const bool tells = (now > 0 || !reads) && pick(rng, 3) > 0;
    o.output = reads ? s[0] : o.argument;
    if (tells)
      o.output =
          with_revision(o.output, reads ? now : std::max<std::int64_t>(now, 0) + 1 + pick(rng, 2));
    return true;
  };
  return spec;
}

inline Spec multi_register_spec() {
  Spec spec;
  spec.model = "multi-register";
  spec.initial = 0;
  spec.first = {0, 0};
  spec.ask = [](Rng& rng) {
    List accesses;
    for (int i = 0, n = 1 + pick(rng, 3); i < n; ++i) {
      const char* name = pick(rng, 2) == 0 ? "x" : "y";
      if (pick(rng, 2) == 0)
        accesses.push_back(List{"r", name, Value()});
      else
        accesses.push_back(List{"w", name, 1 + pick(rng, 2)});
    }
    return request(Function::txn, accesses);
  };
  spec.after = [](const PlainState& s, const Asked& o) -> std::vector<PlainState> {
    PlainState next = s;
    for (const Value& access : *(o.info ? o.argument : o.output).list()) {
      const List& parts = *access.list();
      Value& here = next[*parts[1].text() == "x" ? 0 : 1];
      if (*parts[0].text() == "w")
        here = parts[2];
      else if (!o.info && !(here == parts[2]))
        return {};
    }
    return {next};
  };
  spec.answer = [](const PlainState& s, Asked& o, Rng&) {
    PlainState now = s;
    List filled;
    for (const Value& access : *o.argument.list()) {
      List parts = *access.list();
      Value& here = now[*parts[1].text() == "x" ? 0 : 1];
      if (*parts[0].text() == "w")
        here = parts[2];
      else
        parts[2] = here;
      filled.push_back(parts);
    }
    o.output = filled;
    return true;
  };
  return spec;
}

/// State: holder (-1: nobody), depth.
inline Spec lock_spec(const std::string& model) {
  const bool owned = model != "ownerless-mutex", reentrant = model == "reentrant-mutex";
  return deterministic(
      model, {-1, 0},
      [](Rng& rng) { return request(pick(rng, 2) == 0 ? Function::acquire : Function::release); },
      [owned, reentrant](const PlainState& s, const Asked& o) -> Effect {
        const std::int64_t me = owned ? o.process : 7;
        const std::int64_t holder = whole(s[0]), depth = whole(s[1]);
        if (o.function == Function::acquire) {
          if (holder == -1) return {{}, false, {me, 1}};
          if (reentrant && holder == me) return {{}, false, {me, depth + 1}};
          return {{}, true, s};
        }
        if (holder != me) return {{}, true, s};
        return {{}, false, depth > 1 ? PlainState{me, depth - 1} : PlainState{-1, 0}};
      });
}

/// State: holder, token.
inline Spec fenced_lock_spec() {
  Spec spec;
  spec.model = "fenced-lock";
  spec.first = {-1, first_number};
  spec.ask = [](Rng& rng) {
    if (pick(rng, 2) == 0) return request(Function::acquire);
    return request(Function::release, pick(rng, 2) == 0 ? Value() : Value(1 + pick(rng, 6)));
  };
  spec.after = [](const PlainState& s, const Asked& o) -> std::vector<PlainState> {
    const std::int64_t me = o.process, holder = whole(s[0]), token = whole(s[1]);
    std::vector<PlainState> all;
    if (o.function == Function::acquire) {
      if (o.refused) return holder == -1 ? all : std::vector<PlainState>{s};
      if (holder != -1) return all;
      for (std::int64_t next = token + 1; next < most_number; ++next)
        if (o.info || o.output.is_nil() || whole(o.output) == next) all.push_back({me, next});
      return all;
    }
    if (o.refused) return holder == me ? all : std::vector<PlainState>{s};
    if (holder == me && (o.argument.is_nil() || whole(o.argument) == token))
      all.push_back({-1, token});
    return all;
  };
  spec.answer = [](const PlainState& s, Asked& o, Rng& rng) {
    const std::int64_t me = o.process, holder = whole(s[0]), token = whole(s[1]);
    o.refused = o.function == Function::acquire ? holder != -1 : holder != me;
    if (o.refused) return true;
    if (o.function == Function::release) {
      if (!o.argument.is_nil()) o.argument = token;
    } else if (pick(rng, 3) > 0) {
      o.output = std::max<std::int64_t>(token, 0) + 1 + pick(rng, 2);
    }
    return true;
  };
  return spec;
}

inline Spec semaphore_spec(int permits) {
  Spec spec = deterministic(
      "semaphore", {permits},
      [](Rng& rng) {
        return request(pick(rng, 2) == 0 ? Function::acquire : Function::release,
                       pick(rng, 3) == 0 ? Value(2) : Value());
      },
      [permits](const PlainState& s, const Asked& o) -> Effect {
        const std::int64_t count = o.argument.is_nil() ? 1 : 2, free = whole(s[0]);
        if (o.function == Function::acquire)
          return count > free ? Effect{{}, true, s} : Effect{{}, false, {free - count}};
        if (permits > 0 && free + count > permits) return {{}, true, s};
        return {{}, false, {free + count}};
      });
  spec.initial = permits;
  return spec;
}

/// State: the instant of the last operation, holder (-1: nobody), when its hold ends. Instants are
/// whole milliseconds, and all are tried: as all bounds are whole, that is no loss. What happens
/// later than any history here goes on can be left out.
/// It has tests of its own, with shorter histories.
inline Spec lease_spec() {
  static constexpr std::int64_t latest = 26;
  Spec spec;
  spec.model = "lease";
  spec.first = {0, -1, 0};
  spec.ask = [](Rng& rng) {
    if (pick(rng, 5) < 2) return request(Function::release);
    return request(Function::acquire, pick(rng, 3) > 0 ? 6 : 1 + pick(rng, 12));
  };
  spec.after = [](const PlainState& s, const Asked& o) -> std::vector<PlainState> {
    if (o.refused) return {s};
    const std::int64_t me = o.process, holder = whole(s[1]), end = whole(s[2]);
    const std::int64_t last = o.info || o.end == never ? latest : std::min(latest, o.answered_ms());
    std::vector<PlainState> all;
    for (std::int64_t t = std::max(whole(s[0]), o.asked_ms()); t <= last; ++t) {
      const bool held = holder != -1 && t < end;
      if (o.function == Function::acquire) {
        if (held && holder != me) continue;
        all.push_back({t, me, t + whole(o.argument)});
      } else if (held && holder != me) {
        all.push_back({t, holder, end});
      } else {
        all.push_back({t, -1, 0});
      }
    }
    return all;
  };
  spec.answer = [](const PlainState& s, Asked& o, Rng& rng) {
    const bool others = whole(s[1]) != -1 && whole(s[1]) != o.process && whole(s[2]) > o.begin;
    if (o.function != Function::acquire || !others) return true;
    o.refused = pick(rng, 6) == 0;
    return o.refused || pick(rng, 3) == 0;
  };
  return spec;
}

/// State: 1 for each element that is there, of three.
inline Spec set_spec(bool grows_only) {
  return deterministic(
      grows_only ? "grow-only-set" : "set", {0, 0, 0},
      [grows_only](Rng& rng) {
        const int element = pick(rng, 3), kind = pick(rng, grows_only ? 2 : 5);
        if (kind == 0) return request(Function::read);
        if (kind == 1) return request(Function::add, element);
        if (kind == 2) return request(Function::remove, element);
        if (kind == 3) return request(Function::contains, element);
        return request(Function::add, element);
      },
      [grows_only](const PlainState& s, const Asked& o) -> Effect {
        PlainState next = s;
        if (o.function == Function::read) {
          List all;
          for (int e = 2; e >= 0; --e)
            if (whole(s[static_cast<std::size_t>(e)]) != 0) all.push_back(e);
          return {all, false, s};
        }
        const auto e = static_cast<std::size_t>(whole(o.argument));
        const bool there = whole(s[e]) != 0;
        if (o.function == Function::contains) return {there, false, s};
        next[e] = o.function == Function::add ? 1 : 0;
        if (grows_only) return {Value(), false, next};
        return {o.function == Function::add ? !there : there, false, next};
      });
}

/// State: the elements in the order in which they came.
inline Spec container_spec(const std::string& model) {
  const bool stack = model == "stack";
  return deterministic(
      model, {},
      [stack](Rng& rng) {
        const int kind = pick(rng, 7);
        if (kind == 6) return request(Function::read);
        if (kind < 3) return request(stack ? Function::push : Function::enqueue, 1 + pick(rng, 4));
        return request(stack ? Function::pop : Function::dequeue);
      },
      [model](const PlainState& s, const Asked& o) -> Effect {
        PlainState next = s;
        if (o.function == Function::enqueue || o.function == Function::push) {
          next.push_back(o.argument);
          return {Value(), false, next};
        }
        if (s.empty()) return {Value(), false, s};
        std::size_t which = 0;
        for (std::size_t i = 1; i < s.size(); ++i) {
          if (model == "stack") which = i;
          if (model == "priority-queue" && whole(s[i]) < whole(s[which])) which = i;
          if (model == "max-priority-queue" && whole(s[i]) > whole(s[which])) which = i;
        }
        next.erase(next.begin() + static_cast<std::ptrdiff_t>(which));
        return {s[which], false, o.function == Function::read ? s : next};
      });
}

inline Spec number_spec(bool fetches) {
  return deterministic(
      fetches ? "fetch-and-add" : "counter", {0},
      [](Rng& rng) {
        if (pick(rng, 3) == 0) return request(Function::read);
        return request(Function::add, pick(rng, 5) - 2);
      },
      [fetches](const PlainState& s, const Asked& o) -> Effect {
        if (o.function == Function::read) return {s[0], false, s};
        return {fetches ? s[0] : Value(), false, {whole(s[0]) + whole(o.argument)}};
      });
}

/// State: what was given.
inline Spec id_spec() {
  Spec spec;
  spec.model = "id-generator";
  spec.ask = [](Rng&) { return request(Function::generate); };
  spec.after = [](const PlainState& s, const Asked& o) -> std::vector<PlainState> {
    if (o.info) return {s};
    if (std::ranges::find(s, o.output) != s.end()) return {};
    PlainState next = s;
    next.push_back(o.output);
    return {next};
  };
  spec.answer = [](const PlainState& s, Asked& o, Rng& rng) {
    do o.output = pick(rng, 40);
    while (std::ranges::find(s, o.output) != s.end());
    return true;
  };
  return spec;
}

inline Spec append_list_spec() {
  Spec spec = deterministic(
      "append-list", {},
      [](Rng& rng) {
        if (pick(rng, 2) == 0) return request(Function::read);
        return request(Function::append, 1 + pick(rng, 4));
      },
      [](const PlainState& s, const Asked& o) -> Effect {
        if (o.function == Function::read) return {List(s.begin(), s.end()), false, s};
        PlainState next = s;
        next.push_back(o.argument);
        return {Value(), false, next};
      });
  return spec;
}

inline std::vector<Spec> all_specs() {
  return {register_spec("register"),
          register_spec("cas-register"),
          register_spec("key-value"),
          text_spec(),
          revision_spec(),
          multi_register_spec(),
          lock_spec("mutex"),
          lock_spec("ownerless-mutex"),
          lock_spec("reentrant-mutex"),
          fenced_lock_spec(),
          semaphore_spec(1),
          semaphore_spec(2),
          semaphore_spec(0),
          set_spec(false),
          set_spec(true),
          container_spec("fifo-queue"),
          container_spec("stack"),
          container_spec("priority-queue"),
          container_spec("max-priority-queue"),
          number_spec(false),
          number_spec(true),
          id_spec(),
          append_list_spec()};
}

}  // namespace faultline::oracle
