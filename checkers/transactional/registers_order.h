// A guess at the order of the versions of registers. Whether it is right does not matter: a graph
// with an order of all versions has all dependencies, so that what it has no cycle of holds.
#pragma once

#include <vector>

#include "checkers/transactional/registers.h"

namespace faultline::transactional {

/// By version, nil included: which one comes next; no_version.
using VersionOrder = BigVector<Version>;

/// Executes the transactions one after the other, each as late as it can (at its end), after what
/// it needs: what it read, what is known to come before what it wrote, and who still has to read
/// what it overwrites. Where that is a circle, goes on all the same, and next time tries the order
/// that would have avoided it.
class Guess {
 public:
  /// In an order that keeps real time, or that of processes, as far as there is such a one.
  Guess(const Registers& registers, Order order, Meter& meter);

  VersionOrder versions() const;
  std::uint64_t bytes() const;

 private:
  struct Need {
    Transaction transaction = nobody, before = nobody;
  };
  struct Execution;

  void collect_needs(Order order);
  void collect_readers();
  bool execute();
  void execute(Execution& run, Transaction t, unsigned depth);
  void overwrite(Execution& run, Transaction t, Version written, unsigned depth);

  const Registers& registers_;
  const Order order_;
  Meter& meter_;
  std::vector<Transaction> by_end_;
  /// What must come before each transaction, and who reads each version.
  std::vector<std::uint64_t> need_begins_, reader_begins_;
  std::vector<Transaction> needed_, readers_;
  std::vector<Need> lessons_;  ///< Of circles that were met.
  std::vector<Transaction> sequence_;
};

/// Registers whose versions have a total order.
class OrderedRegisters final : public Dependencies {
 public:
  OrderedRegisters(const Registers& registers, VersionOrder next)
      : registers_(registers), next_(std::move(next)) {}
  const Transactions& transactions() const override { return registers_.transactions(); }
  const Offences& offences() const override { return registers_.offences(); }
  bool is_committed(Transaction t) const override { return registers_.is_committed(t); }
  /// Without only_certain_writes there would be none: no order of versions is certain.
  Graph graph(const GraphOptions& options) const override;

 private:
  const Registers& registers_;
  VersionOrder next_;
};

}  // namespace faultline::transactional
