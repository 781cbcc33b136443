// What the search for cycles must know of a history, whatever its transactions read and write.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

#include "checkers/meter.h"
#include "checkers/transactional/graph.h"
#include "checkers/transactional/offences.h"

namespace faultline::transactional {

struct GraphOptions {
  Order order = Order::none;  ///< Edges of processes, and what follows from the order.
  /// Of ok transactions alone, each version tied to the next of such a one, and no reads. Where
  /// aborted reads are allowed, an info of which something was read may still have failed, so
  /// this is all that is certain.
  bool only_certain_writes = false;
};

/// The last transaction of each process.
class LastOfProcess {
 public:
  /// The one before; nobody.
  Transaction exchange(std::uint32_t process, Transaction t) {
    constexpr std::uint32_t near_max = 1 << 16;
    Transaction& at =
        process < near_max ? near_of(process) : far_.try_emplace(process, nobody).first->second;
    return std::exchange(at, t);
  }

 private:
  Transaction& near_of(std::uint32_t process) {
    if (process >= near_.size()) near_.resize(process + 1, nobody);
    return near_[process];
  }

  std::vector<Transaction> near_;
  std::unordered_map<std::uint32_t, Transaction> far_;
};

/// Who depends on whom.
class Dependencies {
 public:
  virtual ~Dependencies() = default;
  virtual const Transactions& transactions() const = 0;
  virtual const Offences& offences() const = 0;
  /// ok, or info of which something was read.
  virtual bool is_committed(Transaction t) const = 0;
  virtual Graph graph(const GraphOptions& options) const = 0;
  /// The transactions, ascending, that every cycle of any graph there is goes through alone, with
  /// edges of processes and of real time or not; perhaps others, too. None only if some serial
  /// order agrees with all of them. Nothing if that is not known without the graph. `edges`: those
  /// that were looked at. Throws OutOfBudget.
  virtual std::optional<std::vector<Transaction>> suspects(Meter&, std::uint64_t& /*edges*/) const {
    return std::nullopt;
  }
  /// What it knows of them, numbered as they stand there; only asked for where there are suspects.
  virtual std::unique_ptr<Dependencies> among(std::span<const Transaction>) const {
    return nullptr;
  }

  /// From each of a process to its next.
  template <typename Visit>
  void each_process_edge(bool only_ok, Visit visit) const {
    const auto processes = transactions().history().process();
    LastOfProcess last;
    for (Transaction t = 0; t < processes.size(); ++t) {
      if (!is_committed(t) || (only_ok && transactions().fate(t) != Fate::ok)) continue;
      const Transaction before = last.exchange(processes[t], t);
      if (before != nobody) visit(before, t, Edge::process);
    }
  }
};

}  // namespace faultline::transactional
