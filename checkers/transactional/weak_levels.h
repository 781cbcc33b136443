// The levels of isolation that can be decided exactly though the order of versions is unknown:
// read committed, monotonic atomic view, read atomic, causal consistency. Whoever is forbidden
// something by one of them tells what must come before what (saturation.h, causality.h); either
// that has no cycle, and the level holds, or it has one, which is told.
#pragma once

#include <cstdint>
#include <vector>

#include "checkers/transactional/causality.h"
#include "checkers/transactional/cycles.h"

namespace faultline::transactional {

/// A transaction of a contradiction, and why it must come before the next one; the last before the
/// first. wr: the next one read of it. process. inferred: `why` ties it to the next one. rw: the
/// next one wrote `why.key`, which it read as nil.
struct Tie {
  Transaction from = nobody;
  Edge edge = Edge::wr;
  Constraint why{};
  std::vector<Transaction> through{};  ///< By whom why.reader knows of why.before.
};

struct Contradiction {
  Anomaly anomaly = Anomaly::OTV;
  std::vector<Tie> ties;
};

struct WeakFindings {
  static constexpr std::size_t kept_max = 4;  ///< Of a kind.
  ModelSet holds;
  std::vector<Contradiction> kept;
  /// Of a kind: components of what must come before what, and reads of nil that cannot be.
  std::vector<std::uint64_t> counts = std::vector<std::uint64_t>(anomaly_names().size(), 0);
  KnownByAnomaly known_of;  ///< Of what was counted and is perhaps not made out.
  std::uint64_t edges = 0;
};

/// The models that this decides.
ModelSet weak_models();

/// Decides all that some of `wanted` is or implies, the weak before the strong. Adds to `findings`
/// as it goes. Throws OutOfBudget and OutOfBytes; `bytes_used` are taken already.
void decide_weak_levels(const Registers& registers, ModelSet wanted, std::uint64_t bytes_used,
                        Meter& meter, WeakFindings& findings);

}  // namespace faultline::transactional
