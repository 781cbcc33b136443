// What the engines of `linearizable` work on: the calls of one object (key), with values as small
// dense numbers.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "checkers/meter.h"
#include "harness/core/checker.h"
#include "harness/core/history.h"

namespace faultline::linearizable {

/// A value of one object; dense from 0.
using ValueId = std::uint32_t;
inline constexpr ValueId initial_value = 0;
inline constexpr ValueId no_value = 0xffffffffu;

enum class Kind : std::uint8_t {
  read,      ///< Returned `value`.
  write,     ///< Sets `value`.
  cas,       ///< Found `expected` and set `value`.
  mismatch,  ///< A refused compare-and-set: the state was not `expected` at some instant.
};

/// An operation as far as the register's specification is concerned. Plain fails and reads without
/// an answer are no calls. Time is position; `end` is `never` for an info, which is optional.
struct Call {
  Position begin = 0;
  Position end = never;
  ValueId expected = no_value;  ///< cas, mismatch.
  ValueId value = no_value;     ///< read, write, cas.
  OperationId id = 0;           ///< Row of the history.
  Kind kind = Kind::read;
};

/// a was over before b began. Intervals are closed, so equal positions are concurrent.
constexpr bool precedes(const Call& a, const Call& b) { return a.end < b.begin; }

constexpr bool sets(const Call& call) { return call.kind == Kind::write || call.kind == Kind::cas; }
/// An ok answer that says something about the state.
constexpr bool observes(const Call& call) { return call.kind != Kind::write && call.end != never; }

/// The calls of one key, ordered by `begin`.
struct Object {
  std::span<const Call> calls;
  ValueId value_count = 1;  ///< Values are in [0, value_count).
};

using faultline::Meter;

}  // namespace faultline::linearizable
