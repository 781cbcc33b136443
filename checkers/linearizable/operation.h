// What the engines for every object but the register work on: the operations of one object, its
// values as small dense numbers, and the answer they give. The register's own engines have a
// tighter shape (call.h).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "checkers/linearizable/call.h"

namespace faultline::linearizable {

/// An operation of an object, whatever its model. Plain fails are none, nor are infos of functions
/// that only observe. Time is position; intervals are closed, so equal positions are concurrent.
struct Operation {
  Position begin = 0;
  Position end = never;  ///< `never`: an info, which is optional and whose output is unknown.
  ValueId argument = no_value;  ///< Of the whole argument, a list included; no_value: nil.
  ValueId output = no_value;    ///< Likewise. nil where end is a position: "empty", "not there".
  OperationId id = 0;           ///< Row of the history.
  std::uint32_t process = 0;
  Function function = Function::read;
  bool refused = false;  ///< A mismatch: an answer that says the state did not allow it.

  bool is_info() const { return end == never; }
};

/// a was over before b began.
constexpr bool precedes(const Operation& a, const Operation& b) { return a.end < b.begin; }

/// The operations of one object, ordered by `begin`.
struct Operations {
  std::span<const Operation> list;
  Position events = 0;                  ///< Every position is below it.
  std::span<const ValueHandle> values;  ///< By ValueId: unequal ids are unequal values.
  const ValuePool* pool = nullptr;      ///< Of the values.
  /// By Operation::id, nanoseconds, as History has them: for models to which time matters.
  std::span<const std::int64_t> begin_times = {}, end_times = {};
};

/// What an engine found. `invalid` is a proof.
struct Decision {
  enum class Answer : std::uint8_t { valid, invalid, unknown };
  Answer answer = Answer::unknown;
  /// Why unknown: "inapplicable" (the engine is not for this object: `detail` says why; another one
  /// may be), or a Verdict's reason ("steps", "memory", "stopped", "incomplete").
  std::string_view reason;
  std::string detail;
  std::string_view anomaly;  ///< ARCHITECTURE's names: "reordered", "double-read", …
  /// Rows that are not linearizable by themselves, by `begin`.
  std::vector<OperationId> witness;
  /// The one that saw what it should not have, and what it contradicts; indexes into `witness`.
  std::size_t bad = 0, evidence = 0;
  bool minimal = false;                  ///< None of the witness can be left out.
  std::uint64_t operations_checked = 0;  ///< How far it got, where unknown.
};

}  // namespace faultline::linearizable
