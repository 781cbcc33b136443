// The front end for every object but the register: splits a history into objects by key
// (linearizability is local: Herlihy & Wing 1990) and numbers each one's values and moments
// densely. In time linear in the history.
#pragma once

#include <cstddef>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "checkers/linearizable/operation.h"

namespace faultline::linearizable {

/// Which rows belong to which object. Immutable; any number of Loaders may share it.
class Objects {
 public:
  /// Keeps a reference to `history`.
  explicit Objects(const History& history);

  const History& history() const { return *history_; }
  /// Keys with at least one operation; rows without a key are one object, the last.
  std::size_t size() const { return keys_.size(); }
  KeyId key(std::size_t object) const { return keys_[object]; }
  /// Rows of its operations, in the order of their begins.
  std::span<const OperationId> rows(std::size_t object) const {
    return {rows_.data() + offsets_[object], offsets_[object + 1] - offsets_[object]};
  }
  std::uint64_t bytes() const;

 private:
  friend class Loader;
  void number_moments();

  const History* history_;
  std::vector<KeyId> keys_;
  std::vector<std::size_t> offsets_;
  std::vector<OperationId> rows_;
  /// By place in rows_, each object's own dense time; empty if there is only one object.
  std::vector<Position> begins_, ends_;
  std::vector<Position> events_;  ///< By object.
};

/// Makes the operations of one object at a time. One per thread.
class Loader {
 public:
  explicit Loader(const Objects& objects);

  /// Good until the next call.
  Operations load(std::size_t object);
  std::uint64_t bytes() const;

 private:
  struct Hash {
    const ValuePool* pool;
    std::size_t operator()(ValueHandle h) const { return pool->hash(h); }
  };
  struct Equal {
    const ValuePool* pool;
    bool operator()(ValueHandle a, ValueHandle b) const { return pool->equal(a, b); }
  };

  void prepare_numbers(std::span<const OperationId> rows);
  ValueId number(ValueHandle h);

  const Objects& objects_;
  std::vector<Operation> list_;
  std::vector<ValueHandle> values_;
  std::int64_t lowest_ = 0;
  std::vector<ValueId> direct_;  ///< By small integer - lowest_.
  boost::unordered_flat_map<ValueHandle, ValueId, Hash, Equal> table_;
};

}  // namespace faultline::linearizable
