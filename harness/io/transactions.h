// What the formats of transactions without real time share. Internal to this room.
#pragma once

#include <cstdint>
#include <vector>

#include "harness/core/history.h"

namespace faultline {

/// Collects the reads and writes of one transaction after the other, and appends each as a call
/// that returns at once. Only the order within a session means anything.
class TransactionWriter {
 public:
  explicit TransactionWriter(HistoryBuilder& builder)
      : builder_(builder), r_(builder.values().text("r")), w_(builder.values().text("w")) {}

  bool is_empty() const { return asked_.empty(); }
  void add(bool is_write, ValueHandle key, ValueHandle value) {
    ValuePool& pool = builder_.values();
    const ValueHandle name = is_write ? w_ : r_;
    const ValueHandle asked[] = {name, key, is_write ? value : ValueHandle()};
    const ValueHandle answered[] = {name, key, value};
    asked_.push_back(pool.list(asked));
    answered_.push_back(pool.list(answered));
  }

  /// Of `session`; `fate` is ok or fail.
  Status end(std::uint32_t session, Fate fate) {
    ValuePool& pool = builder_.values();
    const ValueHandle asked = pool.list(asked_), answered = pool.list(answered_);
    asked_.clear(), answered_.clear();
    Status done =
        builder_.invoke({.process = session, .function = Function::txn, .argument = asked});
    if (!done) return done;
    return builder_.complete(
        {.process = session, .fate = fate, .output = fate == Fate::ok ? answered : ValueHandle()});
  }

 private:
  HistoryBuilder& builder_;
  const ValueHandle r_, w_;
  std::vector<ValueHandle> asked_, answered_;
};

}  // namespace faultline
