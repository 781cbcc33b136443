// A guess at the order of the versions of registers. Whether it is right does not matter: a graph
// with an order of all versions has all dependencies, so that what it has no cycle of holds.
#pragma once

#include <span>
#include <unordered_set>
#include <utility>
#include <vector>

#include "checkers/transactional/registers.h"

namespace faultline::transactional {

/// By version, nil included: which one comes next; no_version.
using VersionOrder = BigVector<Version>;

/// Executes the transactions one after the other, each as late as it can (at its end), after what
/// it needs: what it read, what is known to come before what it wrote, and who still has to read
/// what it overwrites. Where that is a circle it goes on all the same, and tries again with what
/// the execution showed: who must be before another one that ended earlier must itself have
/// happened earlier, and from that follows more of the order of versions.
class Guess {
 public:
  /// How often it tries again: as long as it learns, or only as long as that helps much.
  enum class Effort : std::uint8_t { all, while_it_helps };

  /// In an order that keeps real time, or that of processes, as far as there is such a one.
  Guess(const Registers& registers, Order order, Effort effort, Meter& meter);

  /// There are circles left, and with all effort there might be fewer.
  bool gave_up() const { return gave_up_; }

  VersionOrder versions() const;
  /// The committed transactions, as they were executed.
  const std::vector<Transaction>& sequence() const { return sequence_; }

 private:
  struct Execution;

  void collect_predecessors();
  void collect_readers();
  std::uint64_t execute();
  void execute(Execution& run, Transaction t);
  void learn(std::span<const Registers::Pair> certain, std::span<const Registers::Pair> doubtful);
  static std::uint64_t packed(const Registers::Pair& pair);
  void overwrite(Execution& run, Transaction t, Version written);
  bool narrow_ends();
  bool narrow_begins();

  std::span<const Version> predecessors(Version v) const {
    return std::span(predecessors_)
        .subspan(predecessor_begins_[v], predecessor_begins_[v + 1] - predecessor_begins_[v]);
  }
  bool is_last_write(const MicroOperation& m) const {
    return m.is_append() && registers_.is_last(m.append);
  }

  const Registers& registers_;
  const Order order_;
  Meter& meter_;
  Intervals intervals_;
  const std::vector<Registers::Pair> certain_;
  std::vector<Transaction> process_before_;  ///< By transaction, if their order is kept.
  /// By version: what comes before it, and who reads it.
  BigVector<std::uint64_t> predecessor_begins_, reader_begins_;
  BigVector<Version> predecessors_;
  BigVector<Transaction> readers_;
  std::vector<Registers::Pair> lessons_;      ///< What would have avoided the circles.
  std::unordered_set<std::uint64_t> learnt_;  ///< The same, to know them again.
  bool has_learnt_ = false;                   ///< In the last execution.
  bool gave_up_ = false;
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
