// Splits a history into the objects that a register checker looks at one after another
// (linearizability is local: Herlihy & Wing 1990), and numbers their values densely.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkers/linearizable/call.h"
#include "harness/core/big_vector.h"

namespace faultline::linearizable {

/// The initial value as configured, looked up in a history's pool.
struct InitialValue {
  Value value;  ///< nil unless the configuration says otherwise.
};

struct Counts {
  std::uint64_t reads = 0;       ///< ok.
  std::uint64_t writes = 0;      ///< ok.
  std::uint64_t cas = 0;         ///< ok.
  std::uint64_t mismatches = 0;  ///< Refused compare-and-sets.
  std::uint64_t infos = 0;       ///< Writes and compare-and-sets that may have happened.
  std::uint64_t keys = 0;        ///< With at least one call.
};

class Problem {
 public:
  /// Reads the history once or twice, in time linear in it. Keeps a reference to it.
  Problem(const History& history, const InitialValue& initial);

  const History& history() const { return *history_; }
  /// Why the history is none of a register's, in words; empty if it is one.
  const std::string& unsupported() const { return unsupported_; }
  const Counts& counts() const { return counts_; }

  /// Objects with calls; `key` is no_key for operations without one.
  std::size_t object_count() const { return keys_.size(); }
  KeyId key(std::size_t object) const { return keys_[object]; }
  /// The calls in the history's positions.
  std::span<const Call> calls(std::size_t object) const {
    return {calls_.data() + offsets_[object], offsets_[object + 1] - offsets_[object]};
  }
  /// What prepare() needs of its own; a thread keeps one from object to object.
  class Numbering {
   public:
    std::uint64_t bytes() const { return local_.capacity() * sizeof(std::uint64_t); }

   private:
    friend class Problem;
    /// By value: stamp of the object, whether it was written there, its dense number there.
    std::vector<std::uint64_t> local_;
  };

  struct Prepared {
    Object object;
    /// It has a mismatch, or a value that is written twice or is the initial one, so that zones
    /// have no answer. False: it may have.
    bool ambiguous = false;
  };
  /// The same with dense values, and, unless it is ambiguous, where a key has few of many
  /// positions, with its own dense time that keeps every precedence. Rewrites the calls of that
  /// object: call it once for each, before looking at calls(). Several threads may prepare
  /// different objects.
  Prepared prepare(std::size_t object, Numbering& numbering);
  /// Back to the history's positions, for engines that need no dense time and for explanations:
  /// dense time makes different ends equal.
  void restore_time(std::size_t object);

  std::uint64_t bytes() const;

 private:
  std::span<Call> own_calls(std::size_t object) {
    return {calls_.data() + offsets_[object], offsets_[object + 1] - offsets_[object]};
  }
  class Interner;
  void compress_time(std::span<Call> calls);
  void count(const InitialValue& initial);
  void fill(Interner& interner);
  std::string unsupported_text(std::span<const std::uint64_t> functions) const;

  const History* history_;
  std::string unsupported_;
  Counts counts_;
  std::vector<KeyId> keys_;
  std::vector<std::uint32_t> bucket_;  ///< By key (no_key last): begin in calls_ while filling.
  std::vector<std::size_t> offsets_;
  BigVector<Call> calls_;
  ValueId value_count_ = 1;  ///< Over all keys.
};

}  // namespace faultline::linearizable
