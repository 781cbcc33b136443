// What no guess at the order of the versions proved and nothing that is known of it refuted, of
// snapshot isolation and serializability, with and without the order of processes and real time:
// decided by choosing between the orders (polygraph.h). An order that was found is judged as any
// other; a refutation is made small and looked at again before it is believed.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "checkers/transactional/isolation.h"
#include "checkers/transactional/polygraph.h"

namespace faultline::transactional {

struct StrongFindings {
  struct Refuted {
    Anomaly anomaly = Anomaly::no_serial_order;
    Refutation why;
  };
  ModelSet holds;
  std::vector<Refuted> refuted;  ///< No anomaly twice.
  std::uint64_t pairs = 0;       ///< Of versions, between which was chosen; the most at a time.
  std::uint64_t edges = 0;
};

/// Decides what it can of `open`, asking for no more than that takes; `refuted`: models that are.
/// `sequence`: all committed transactions in an order that was guessed. Adds to `findings` as it
/// goes. Throws OutOfBudget and OutOfBytes; `bytes_used` are taken already.
void decide_strong_levels(const Registers& registers, ModelSet open, ModelSet refuted,
                          std::span<const Transaction> sequence, std::uint64_t bytes_used,
                          Meter& meter, StrongFindings& findings);

}  // namespace faultline::transactional
