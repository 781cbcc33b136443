// Which cycles a graph of transactions has, by what they forbid, and with that, what holds.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <vector>

#include "checkers/meter.h"
#include "checkers/transactional/dependencies.h"

namespace faultline::transactional {

/// Thrown where the budget ended; caught by the checker, which then says so.
struct OutOfBudget {};

/// A transaction of a cycle, and how it is tied to the next one; the last to the first.
struct Step {
  Transaction transaction = nobody;
  Edge edge = Edge::ww;
};
using Steps = std::vector<Step>;

/// Named by its edges, as Elle does: by how many rw there are and whether two of them are
/// neighbours, and whether some edge is only that of a process or of real time.
struct Cycle {
  Anomaly anomaly = Anomaly::G0;
  Steps steps;  ///< From the transaction that began first; no transaction twice.
};

/// What is proven of a level: there is no cycle of it, or none with the order of a process or of
/// real time.
struct Absent {
  bool alone = false, process = false, realtime = false;
};

/// What is known of a cycle, or of another contradiction, before it is made out.
struct KnownCycle {
  static constexpr std::size_t members_max = 8;
  std::uint64_t size = 0;  ///< Transactions of the smallest component with one; 0: none is known.
  std::vector<Transaction> members{};  ///< The first of them. One alone ended too early.
};

using KnownByAnomaly = std::map<Anomaly, KnownCycle>;

struct CycleFindings {
  static constexpr std::size_t kept_max = 4;  ///< Of a kind.
  std::vector<Cycle> kept;
  /// Of a kind: components of the graph, and for real time, transactions that came too late.
  std::vector<std::uint64_t> counts = std::vector<std::uint64_t>(anomaly_names().size(), 0);
  std::array<KnownCycle, 15> known;  ///< By Level and Order (cycle_names.h).
  KnownByAnomaly known_of;           ///< Of the levels between; what is known is counted.
  Absent ww, ww_wr, single_rw, nonadjacent_rw, all;
  std::uint64_t edges = 0;
};

/// Adds to `findings` as it goes, so that what was found stays when it throws OutOfBudget.
void find_cycles(const Dependencies& source, Meter& meter, CycleFindings& findings);
/// The same where versions have no order but what was inferred, for each order of its own. Of what
/// is absent it only says ww_wr.
void find_inferred_cycles(const Dependencies& source, Meter& meter, CycleFindings& findings);

}  // namespace faultline::transactional
