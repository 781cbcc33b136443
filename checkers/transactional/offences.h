// What is wrong with single reads and writes of transactions: what no cycle is needed to see.
#pragma once

#include <cstdint>
#include <vector>

#include "checkers/transactional/isolation.h"
#include "checkers/transactional/transactions.h"

namespace faultline::transactional {

/// Something wrong with single reads and writes. What the members mean depends on the anomaly.
struct Offence {
  Anomaly anomaly = Anomaly::internal;
  Transaction transaction = nobody;  ///< Who saw it.
  Transaction other = nobody;        ///< Whose it was, or who saw otherwise.
  std::uint64_t micro = 0;           ///< The read, among all micro-operations.
  std::uint64_t other_micro = 0;     ///< incompatible-order: the other read.
  KeyIndex key = 0;
  ValueHandle element{};
  std::vector<Transaction> cycle{};  ///< cyclic-versions: in whose order the versions are.
};

/// What was found, and a few of each kind. Reads are counted, not what they saw.
struct Offences {
  static constexpr std::size_t kept_max = 8;  ///< Of a kind.
  std::vector<Offence> kept;
  std::vector<std::uint64_t> counts = std::vector<std::uint64_t>(anomaly_names().size(), 0);
  /// Every G-cursor that there is was noted; else only some.
  bool cursors_known = false;

  void note(const Offence& offence) {
    if (counts[static_cast<std::size_t>(offence.anomaly)]++ < kept_max) kept.push_back(offence);
  }
  bool any(Anomaly anomaly) const { return counts[static_cast<std::size_t>(anomaly)] > 0; }
};

}  // namespace faultline::transactional
