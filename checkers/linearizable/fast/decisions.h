// How the fast engines say what they found, and how they make a violation small.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "checkers/linearizable/operation.h"

namespace faultline::linearizable::fast {

using Index = std::uint32_t;  ///< Of an operation in Operations::list.
inline constexpr Index no_index = 0xffffffffu;

/// A violation, before it is put in words. Empty `anomaly`: none.
struct Fault {
  std::string_view anomaly;
  std::vector<Index> rows;  ///< In any order, perhaps twice; `bad` and `evidence` are among them.
  Index bad = no_index, evidence = no_index;
  bool minimal = false;

  explicit operator bool() const { return !anomaly.empty(); }
};

inline Decision valid() {
  Decision d;
  d.answer = Decision::Answer::valid;
  return d;
}
inline Decision unknown(std::string_view reason, std::string detail) {
  Decision d;
  d.reason = reason;
  d.detail = std::move(detail);
  return d;
}
inline Decision inapplicable(std::string detail) {
  return unknown("inapplicable", std::move(detail));
}
inline Decision out_of_budget(const Meter& meter) {
  return unknown(meter.reason(), "the budget ended before the answer");
}
inline Decision out_of_memory(std::uint64_t bytes) {
  return unknown("memory", std::to_string(bytes) + " bytes are needed");
}
/// For messages: the value itself where there is a pool, else its number.
inline std::string value_text(const Operations& operations, ValueId value) {
  if (value == no_value) return "nil";
  if (operations.pool == nullptr) return "value " + std::to_string(value);
  return operations.pool->to_text(operations.values[value]);
}

inline Decision invalid(const Operations& operations, Fault fault) {
  Decision d;
  d.answer = Decision::Answer::invalid;
  d.anomaly = fault.anomaly;
  d.minimal = fault.minimal;
  std::sort(fault.rows.begin(), fault.rows.end());  // the list is ordered by begin
  fault.rows.erase(std::unique(fault.rows.begin(), fault.rows.end()), fault.rows.end());
  const auto place = [&](Index row) {
    return static_cast<std::size_t>(std::lower_bound(fault.rows.begin(), fault.rows.end(), row) -
                                    fault.rows.begin());
  };
  d.bad = place(fault.bad);
  d.evidence = place(fault.evidence);
  for (const Index row : fault.rows) d.witness.push_back(operations.list[row].id);
  return d;
}

/// Drops units of `units` as long as `fails(units)` says that what is left is still a violation
/// (Zeller & Hildebrandt 2002). Sound only for units whose absence never turns a linearizable
/// history into one that is not. True if no single unit can be left out; false if `steps`, what
/// fails() may cost by the size of its argument, ran out before that was known.
template <typename Unit, typename Fails>
bool drop_units(std::vector<Unit>& units, std::uint64_t steps, Fails fails) {
  for (std::size_t chunk = (units.size() + 1) / 2; chunk > 0;) {
    bool dropped = false;
    for (std::size_t at = 0; at < units.size();) {
      if (steps < units.size()) return false;
      steps -= units.size();
      std::vector<Unit> rest(units.begin(), units.begin() + static_cast<std::ptrdiff_t>(at));
      const std::size_t after = std::min(at + chunk, units.size());
      rest.insert(rest.end(), units.begin() + static_cast<std::ptrdiff_t>(after), units.end());
      if (fails(rest)) {
        units = std::move(rest);
        dropped = true;
      } else {
        at = after;
      }
    }
    if (chunk == 1 && !dropped) break;
    chunk = std::max<std::size_t>(chunk / 2, 1);
  }
  return true;
}

}  // namespace faultline::linearizable::fast
