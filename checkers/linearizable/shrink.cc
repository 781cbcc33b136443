#include "checkers/linearizable/shrink.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "checkers/linearizable/search.h"

namespace faultline::linearizable {
namespace {

constexpr std::size_t first_window = 8;

/// A copy whose values are dense again, for a quick search.
Object compressed(std::vector<Call>& calls) {
  std::unordered_map<ValueId, ValueId> numbers{{initial_value, initial_value}};
  const auto number = [&](ValueId v) {
    if (v == no_value) return no_value;
    return numbers.try_emplace(v, static_cast<ValueId>(numbers.size())).first->second;
  };
  for (Call& call : calls) {
    call.expected = number(call.expected);
    call.value = number(call.value);
  }
  return {calls, static_cast<ValueId>(numbers.size())};
}

/// Proven not linearizable; false also if the budget did not suffice to tell.
bool proven(std::vector<Call> calls, bool any_initial_state, Meter& meter) {
  if (!meter.spend(calls.size() + 1)) return false;
  const Object object = compressed(calls);
  SearchOptions options;
  options.any_initial_state = any_initial_state;
  options.unlimited_infos_first = true;
  return search(object, meter, options).validity == Validity::invalid;
}

/// Dropping calls from a history must not make it worse. An observer can always go. A write can go
/// if nobody left observes its value, as then nothing before the next write looks at the state; but
/// a mismatch looks at every state.
class CallReducer {
 public:
  CallReducer(std::vector<Call> calls, bool any_initial_state, std::vector<OperationId> pinned,
              Meter& meter)
      : calls_(std::move(calls)),
        any_initial_state_(any_initial_state),
        pinned_(std::move(pinned)),
        meter_(meter) {}

  /// Delta debugging (Zeller & Hildebrandt 2002), older calls first. True if it got to the end.
  bool reduce() {
    for (std::size_t chunk = std::max<std::size_t>(1, calls_.size() / 2);;) {
      const bool dropped = drop_chunks(chunk);
      if (meter_.exhausted()) return false;
      if (chunk > 1) {
        chunk /= 2;
      } else if (!dropped) {
        return true;
      }
    }
  }
  std::vector<Call>& calls() { return calls_; }

 private:
  bool drop_chunks(std::size_t chunk) {
    bool dropped = false;
    for (std::size_t start = 0; start < calls_.size() && !meter_.exhausted();) {
      const std::size_t stop = std::min(start + chunk, calls_.size());
      std::vector<Call> fewer = without(start, stop);
      if (fewer.size() < calls_.size() && proven(fewer, any_initial_state_, meter_)) {
        start = std::max<std::size_t>(start, 1) - 1;
        calls_ = std::move(fewer);
        dropped = true;
      } else {
        start = stop;
      }
    }
    return dropped;
  }

  std::vector<Call> without(std::size_t start, std::size_t stop) const {
    std::vector<bool> kept(calls_.size(), true);
    for (std::size_t i = start; i < stop; ++i)
      kept[i] = std::find(pinned_.begin(), pinned_.end(), calls_[i].id) != pinned_.end();
    std::unordered_set<ValueId> observed;
    bool mismatches = false;
    const auto look = [&](const Call& call) {
      if (call.kind == Kind::read) observed.insert(call.value);
      if (call.kind == Kind::cas) observed.insert(call.expected);
      mismatches |= call.kind == Kind::mismatch;
    };
    for (std::size_t i = 0; i < calls_.size(); ++i)
      if (kept[i]) look(calls_[i]);
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = start; i < stop; ++i) {
        if (kept[i] || !sets(calls_[i]) || !(mismatches || observed.contains(calls_[i].value)))
          continue;
        kept[i] = changed = true;
        look(calls_[i]);
      }
    }
    std::vector<Call> fewer;
    for (std::size_t i = 0; i < calls_.size(); ++i)
      if (kept[i]) fewer.push_back(calls_[i]);
    return fewer;
  }

  std::vector<Call> calls_;
  bool any_initial_state_;
  std::vector<OperationId> pinned_;
  Meter& meter_;
};

/// What the calls that ended before `from` leave to the rest, cut off: any state. Of the calls that
/// straddle the cut, observers go, and writes may have happened before it, so that they are
/// optional after it.
std::vector<Call> window(const Object& object, Position from, Position until) {
  std::vector<Call> calls;
  for (const Call& call : object.calls) {
    if (call.begin > until) break;
    if (call.end < from) continue;
    if (call.begin >= from) {
      calls.push_back(call);
    } else if (sets(call)) {
      calls.push_back(call);
      calls.back().end = never;
    }
  }
  return calls;
}

/// For people: who wrote the values that are observed, where that was cut off. What ended before
/// the window began cannot save it.
void add_writers(const Object& object, Position from, std::vector<Call>& calls) {
  std::unordered_set<ValueId> missing;
  for (const Call& call : calls) {
    if (call.kind == Kind::read) missing.insert(call.value);
    if (call.kind == Kind::cas) missing.insert(call.expected);
  }
  missing.erase(initial_value);
  for (const Call& call : calls)
    if (sets(call)) missing.erase(call.value);
  std::unordered_map<ValueId, Call> latest;
  for (const Call& call : object.calls) {
    if (!sets(call) || call.end >= from || !missing.contains(call.value)) continue;
    const auto [at, first] = latest.try_emplace(call.value, call);
    if (!first && (at->second.kind == Kind::cas || call.kind == Kind::write)) at->second = call;
  }
  for (const auto& [value, call] : latest) calls.push_back(call);
  std::sort(calls.begin(), calls.end(),
            [](const Call& a, const Call& b) { return a.begin < b.begin; });
}

/// With the ends that they really had.
void restore(const Object& object, std::vector<Call>& calls) {
  for (Call& call : calls) {
    const auto at = std::lower_bound(object.calls.begin(), object.calls.end(), call.begin,
                                     [](const Call& c, Position begin) { return c.begin < begin; });
    for (auto same = at; same != object.calls.end() && same->begin == call.begin; ++same)
      if (same->id == call.id) call = *same;
  }
}

}  // namespace

SmallProof minimize(std::vector<Call> calls, const std::vector<OperationId>& pinned, Meter& meter) {
  if (!proven(calls, false, meter)) return {std::move(calls), false};
  CallReducer reducer(std::move(calls), false, pinned, meter);
  const bool minimal = reducer.reduce();
  return {std::move(reducer.calls()), minimal};
}

SmallProof shrink(const Object& object, std::size_t failed, Meter& meter) {
  const Call& last = object.calls[failed];
  const std::vector<OperationId> pinned{last.id};
  const auto after = std::upper_bound(object.calls.begin(), object.calls.end(), last.end,
                                      [](Position p, const Call& c) { return p < c.begin; });
  const auto begun = static_cast<std::size_t>(after - object.calls.begin());
  for (std::size_t size = first_window; size < begun; size *= 4) {
    // The failed call must lie within.
    const Position from = std::min(object.calls[begun - size].begin, last.begin);
    std::vector<Call> calls = window(object, from, last.end);
    if (!proven(calls, true, meter)) {
      if (meter.exhausted()) break;
      continue;
    }
    CallReducer reducer(std::move(calls), true, pinned, meter);
    const bool minimal = reducer.reduce();
    SmallProof proof{std::move(reducer.calls()), minimal};
    restore(object, proof.calls);
    add_writers(object, from, proof.calls);
    Meter enough(UINT64_MAX, meter.bytes_max(), nullptr);
    if (proof.calls.size() > 200 || proven(proof.calls, false, enough)) return proof;
  }
  CallReducer reducer({object.calls.begin(), after}, false, pinned, meter);
  const bool minimal = reducer.reduce();
  return {std::move(reducer.calls()), minimal};
}

}  // namespace faultline::linearizable
