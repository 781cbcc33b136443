// Any model against the oracle: the oracle itself, histories at random, and the general engine on
// them.
#pragma once

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "checkers/linearizable/general.h"
#include "checkers/linearizable/model.h"
#include "tests/oracle/object_specs.h"

namespace faultline::oracle {

/// Tries the operations in every order that keeps precedence. At most 20 of them.
class ObjectOracle {
 public:
  bool linearizable(const Spec& spec, const std::vector<Asked>& history) {
    spec_ = &spec;
    history_ = &history;
    seen_.clear();
    return explore(0, spec.first);
  }

 private:
  bool explore(std::uint32_t happened, const PlainState& state) {
    std::string key = std::to_string(happened);
    for (const Value& v : state) key += "/" + to_text(v);
    if (!seen_.insert(std::move(key)).second) return false;
    bool over = true;
    const auto& h = *history_;
    for (std::size_t i = 0; i < h.size(); ++i) over &= h[i].info || (happened >> i & 1) != 0;
    if (over) return true;
    for (std::size_t i = 0; i < h.size(); ++i) {
      if ((happened >> i & 1) != 0) continue;
      bool may = true;
      for (std::size_t j = 0; j < h.size(); ++j)
        may &= (happened >> j & 1) != 0 || h[j].info || h[j].end >= h[i].begin;
      if (!may) continue;
      for (const PlainState& next : spec_->after(state, h[i]))
        if (explore(happened | 1u << i, next)) return true;
    }
    return false;
  }

  const Spec* spec_ = nullptr;
  const std::vector<Asked>* history_ = nullptr;
  std::set<std::string> seen_;
};

/// As the front end would make them.
struct Built {
  ValuePool pool;
  std::vector<ValueHandle> values;
  std::vector<linearizable::Operation> list;
  std::vector<Asked> asked;  ///< By place in the list.
  Position events = 0;
  std::vector<std::int64_t> begin_times, end_times;

  explicit Built(std::vector<Asked> history) {
    std::ranges::sort(history, {}, &Asked::begin);
    for (const Asked& o : history) {
      if (o.info && (o.function == Function::read || o.function == Function::contains)) continue;
      asked.push_back(o);
      linearizable::Operation& made = list.emplace_back();
      made.id = static_cast<OperationId>(list.size() - 1);
      made.begin = o.begin;
      made.end = o.info ? never : o.end;
      made.function = o.function;
      made.refused = o.refused;
      made.process = o.process;
      begin_times.push_back(o.asked_ms() * 1'000'000);
      end_times.push_back(o.info ? no_time : o.answered_ms() * 1'000'000);
      made.argument = number(o.argument);
      if (!o.info && !o.refused) made.output = number(o.output);
      events = std::max({events, o.begin + 1, o.info ? 0 : o.end + 1});
    }
  }
  linearizable::Operations all() const {
    return {list, events, values, &pool, begin_times, end_times};
  }

 private:
  linearizable::ValueId number(const Value& v) {
    if (v.is_nil()) return linearizable::no_value;
    const ValueHandle h = pool.add(v);
    for (std::size_t i = 0; i < values.size(); ++i)
      if (pool.equal(values[i], h)) return static_cast<linearizable::ValueId>(i);
    values.push_back(h);
    return static_cast<linearizable::ValueId>(values.size() - 1);
  }
};

/// Each of them in turn.
inline linearizable::GeneralOptions::Strategy strategy_in_turn(long i) {
  using enum linearizable::GeneralOptions::Strategy;
  constexpr std::array all = {both, beams, breadth, depth};
  return all[static_cast<std::size_t>(i) % all.size()];
}

template <typename Rules = linearizable::GeneralRules>
Validity judge_general(const Spec& spec, const linearizable::Operations& all,
                       const linearizable::GeneralOptions& options = {}) {
  const linearizable::ModelTraits traits = linearizable::find_model(spec.model)->traits();
  const auto model = traits.make(all, {spec.initial});
  const linearizable::GeneralPlan plan(all, *model, traits.by_process, traits.by_time);
  linearizable::States states(*model, plan.classes());
  linearizable::Meter meter(std::uint64_t{1} << 40, std::uint64_t{1} << 30, nullptr);
  return linearizable::General<Rules, 1>(plan, states, meter).run(options).validity;
}

/// Gives an operation another one's answer, or a lock's release to another client.
inline void spoil(std::vector<Asked>& history, Rng& rng) {
  const auto any = [&]() -> Asked& {
    return history[static_cast<std::size_t>(pick(rng, static_cast<int>(history.size())))];
  };
  Asked& a = any();
  if (a.info) return;
  if (a.function == Function::txn) {
    List accesses = *a.output.list();
    for (Value& access : accesses) {
      List parts = *access.list();
      if (*parts[0].text() == "r") parts[2] = pick(rng, 3);
      access = parts;
    }
    a.output = accesses;
    return;
  }
  for (int tries = 0; tries < 8; ++tries) {
    const Asked& b = any();
    if (b.info || a.function != b.function) continue;
    if (a.output == b.output && a.refused == b.refused) continue;
    a.output = b.output;
    a.refused = b.refused;
    const bool echoes = a.function == Function::cas || a.function == Function::write ||
                        (a.function == Function::append && !a.output.is_nil());
    if (echoes && !a.refused && a.output.map() == nullptr) a.output = a.argument;
    return;
  }
  if (!a.refused && a.function == Function::release) a.process = any().process;
}

/// A history of a few clients, each operation taking effect at an instant within it, and then
/// perhaps spoilt.
inline std::vector<Asked> random_object_history(const Spec& spec, Rng& rng, int most) {
  const int wanted = 2 + pick(rng, most - 1), clients = 2 + pick(rng, 4);
  const int info_percent = 15 * pick(rng, 4), lazy = 1 + pick(rng, 4);
  std::vector<Asked> history;
  struct Client {
    std::uint32_t process;
    int open = -1;
    bool executed = false;
  };
  std::vector<Client> all(static_cast<std::size_t>(clients));
  std::uint32_t processes = 0;
  for (Client& c : all) c.process = processes++;
  PlainState state = spec.first;
  Position now = 0;
  for (int idle = 0; idle < 400; ++idle) {
    Client& c = all[static_cast<std::size_t>(pick(rng, clients))];
    if (c.open < 0) {
      if (static_cast<int>(history.size()) >= wanted) continue;
      Asked o = spec.ask(rng);
      o.process = c.process;
      o.begin = now++;
      o.end = never;
      c.open = static_cast<int>(history.size());
      c.executed = false;
      history.push_back(std::move(o));
      continue;
    }
    Asked& o = history[static_cast<std::size_t>(c.open)];
    if (!c.executed && pick(rng, 100) >= info_percent / 2) {
      if (pick(rng, lazy) > 0) continue;
      if (!spec.answer(state, o, rng)) continue;
      c.executed = true;
      if (const auto next = spec.after(state, o); !next.empty())
        state = next[static_cast<std::size_t>(
            pick(rng, std::min<int>(2, static_cast<int>(next.size()))))];
      continue;
    }
    if (!c.executed && pick(rng, 2) == 0) continue;
    if (!c.executed || pick(rng, 100) < info_percent) {
      // A refusal that nobody heard of happened all the same.
      o.info = true;
      o.refused = false;
      o.output = {};
      c.process = processes++;
    } else {
      o.end = now++;
    }
    c.open = -1;
  }
  for (Asked& o : history)
    if (!o.info && o.end == never) {
      o.info = true;
      o.refused = false;
      o.output = {};
    }
  for (int m = pick(rng, 4); m > 0; --m) spoil(history, rng);
  return history;
}

inline std::string to_text(const std::vector<Asked>& history) {
  std::string out;
  for (const Asked& o : history)
    out += std::to_string(o.process) + ": " + std::string(name_of(o.function)) + " " +
           to_text(o.argument) +
           (o.info      ? " info"
            : o.refused ? " refused"
                        : " -> " + to_text(o.output)) +
           " [" + std::to_string(o.begin) + ", " + (o.info ? "-" : std::to_string(o.end)) + "]\n";
  return out;
}

}  // namespace faultline::oracle
