// Random histories of one register for the engines' tests: explained by an order of execution, then
// spoilt now and then.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "checkers/linearizable/call.h"
#include "harness/core/rng.h"

namespace faultline::oracle {

struct Shape {
  int calls = 8;
  int values = 3;       ///< Written values are below; 0 is the initial one.
  bool unique = false;  ///< Each write writes a value of its own.
  bool cas = true;
  bool mismatches = true;  ///< Refused compare-and-sets are kept as observations.
  int info_percent = 20;   ///< Of writes and compare-and-sets.
  int spread = 2;          ///< How much calls overlap; 0: as they come.
  int mutations = 1;       ///< Answers changed at most.
};

inline Shape random_shape(Rng& rng, int calls_max) {
  Shape shape;
  shape.calls = 2 + static_cast<int>(rng.below(static_cast<std::uint64_t>(calls_max) - 1));
  shape.values = 2 + static_cast<int>(rng.below(4));
  shape.unique = rng.below(2) == 0;
  shape.cas = rng.below(3) > 0;
  shape.mismatches = rng.below(2) == 0;
  shape.info_percent = 20 * static_cast<int>(rng.below(3));
  shape.spread = static_cast<int>(rng.below(6));
  shape.mutations = static_cast<int>(rng.below(3));
  return shape;
}

inline linearizable::ValueId value_count(const Shape& shape) {
  return static_cast<linearizable::ValueId>(std::max(shape.calls + 1, shape.values));
}

/// Ordered by begin; positions are unique.
inline std::vector<linearizable::Call> random_history(Rng& rng, const Shape& shape) {
  using linearizable::Call;
  using linearizable::Kind;
  const auto below = [&](int n) {
    return static_cast<int>(rng.below(static_cast<std::uint64_t>(n)));
  };
  const int n = shape.calls;
  std::vector<int> at(2 * static_cast<std::size_t>(n));
  for (int i = 0; i < 2 * n; ++i) at[static_cast<std::size_t>(i)] = i;
  for (int i = 0; i < 2 * n; ++i) {
    const int reach = shape.spread == 5 ? 2 * n : shape.spread + 1;
    std::swap(at[static_cast<std::size_t>(i)],
              at[static_cast<std::size_t>(std::min(2 * n - 1, i + below(reach)))]);
  }
  const auto any_value = [&] {
    return static_cast<linearizable::ValueId>(below(shape.unique ? n + 1 : shape.values));
  };
  std::vector<Call> calls(static_cast<std::size_t>(n));
  std::vector<std::pair<double, std::size_t>> instants;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    Call& call = calls[i];
    call.id = static_cast<OperationId>(i);
    call.begin = static_cast<Position>(std::min(at[2 * i], at[2 * i + 1]));
    call.end = static_cast<Position>(std::max(at[2 * i], at[2 * i + 1]));
    const int kind = below(shape.cas ? 3 : 2);
    call.kind = kind == 0 ? Kind::read : kind == 1 ? Kind::write : Kind::cas;
    call.value = shape.unique ? static_cast<linearizable::ValueId>(i + 1) : any_value();
    if (call.kind == Kind::cas) call.expected = any_value();
    const bool info = call.kind != Kind::read && below(100) < shape.info_percent;
    const double until = info ? 3 * n : call.end;
    if (info) call.end = never;
    if (!info || below(2) == 0)
      instants.emplace_back(call.begin + (until - call.begin) * rng.uniform(), i);
  }
  std::sort(instants.begin(), instants.end());
  linearizable::ValueId state = linearizable::initial_value;
  std::vector<bool> dropped(calls.size(), false);
  for (const auto& [instant, i] : instants) {
    Call& call = calls[i];
    if (call.kind == Kind::read) {
      call.value = state;
    } else if (call.kind == Kind::write) {
      state = call.value;
    } else {
      if (below(4) > 0) call.expected = state;
      if (call.expected == state) {
        state = call.value;
      } else if (call.end != never) {
        if (shape.mismatches)
          call.kind = Kind::mismatch;
        else
          dropped[i] = true;
      }
    }
  }
  for (int m = shape.mutations; m > 0; --m) {
    Call& call = calls[static_cast<std::size_t>(below(n))];
    if (call.kind == Kind::read) call.value = any_value();
    if (call.kind == Kind::cas || call.kind == Kind::mismatch) call.expected = any_value();
  }
  std::vector<Call> kept;
  for (std::size_t i = 0; i < calls.size(); ++i)
    if (!dropped[i]) kept.push_back(calls[i]);
  std::sort(kept.begin(), kept.end(),
            [](const Call& a, const Call& b) { return a.begin < b.begin; });
  return kept;
}

/// A long history of a fixed number of clients, each call taking effect at an instant within it.
inline std::vector<linearizable::Call> long_history(Rng& rng, const Shape& shape, int clients,
                                                    int mutations) {
  using linearizable::Call;
  using linearizable::Kind;
  using linearizable::ValueId;
  constexpr std::size_t idle = SIZE_MAX;
  std::vector<Call> calls;
  std::vector<std::size_t> open(static_cast<std::size_t>(clients), idle);
  std::vector<bool> executed(open.size());
  std::vector<bool> dropped;
  Position now = 0;
  ValueId state = linearizable::initial_value;
  const auto any_value = [&] {
    return static_cast<ValueId>(rng.below(
        static_cast<std::uint64_t>(shape.unique ? static_cast<int>(calls.size()) : shape.values)));
  };
  int finished = 0;
  while (finished < shape.calls) {
    const auto p = static_cast<std::size_t>(rng.below(open.size()));
    if (open[p] == idle) {
      if (static_cast<int>(calls.size()) >= shape.calls) continue;
      Call call;
      call.id = static_cast<OperationId>(calls.size());
      call.begin = now++;
      const auto kind = rng.below(shape.cas ? 3 : 2);
      call.kind = kind == 0 ? Kind::read : kind == 1 ? Kind::write : Kind::cas;
      open[p] = calls.size();
      executed[p] = false;
      calls.push_back(call);
      dropped.push_back(false);
      calls.back().value = shape.unique ? static_cast<ValueId>(calls.size()) : any_value();
      if (kind == 2) calls.back().expected = any_value();
      continue;
    }
    Call& call = calls[open[p]];
    const bool info =
        call.kind != Kind::read && rng.below(200) < static_cast<std::uint64_t>(shape.info_percent);
    if (!executed[p] && !info) {
      executed[p] = true;
      if (call.kind == Kind::read) {
        call.value = state;
      } else if (call.kind == Kind::write) {
        state = call.value;
      } else {
        if (rng.below(2) == 0) call.expected = state;
        if (call.expected == state)
          state = call.value;
        else if (shape.mismatches)
          call.kind = Kind::mismatch;
        else
          dropped[open[p]] = true;
      }
      continue;
    }
    if (info && call.kind != Kind::mismatch && !dropped[open[p]]) {
      call.end = never;
    } else if (executed[p]) {
      call.end = now++;
    } else {
      continue;
    }
    open[p] = idle;
    ++finished;
  }
  for (int m = 0; m < mutations; ++m) {
    Call& call = calls[static_cast<std::size_t>(rng.below(calls.size()))];
    const Call& other = calls[static_cast<std::size_t>(rng.below(calls.size()))];
    if (call.kind == Kind::read) call.value = other.value;
  }
  std::vector<Call> kept;
  for (std::size_t i = 0; i < calls.size(); ++i)
    if (!dropped[i]) kept.push_back(calls[i]);
  return kept;
}

/// For a failing test's message.
inline std::string to_text(const std::vector<linearizable::Call>& calls) {
  std::string out;
  for (const linearizable::Call& call : calls) {
    constexpr const char* names[] = {"read", "write", "cas", "mismatch"};
    out += std::string(names[static_cast<int>(call.kind)]);
    if (call.expected != linearizable::no_value) out += " from " + std::to_string(call.expected);
    out += " " + std::to_string(call.value) + " [" + std::to_string(call.begin) + ", " +
           (call.end == never ? "info" : std::to_string(call.end)) + "]\n";
  }
  return out;
}

}  // namespace faultline::oracle
