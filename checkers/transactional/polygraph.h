// Registers whose versions have no order that is known: is there one with which a level of
// isolation holds? A polygraph (Papadimitriou 1979): of two versions of a key one came first, and
// then its readers came before whoever wrote the other. Serializability holds if all can be chosen
// such that there is no cycle of transactions (Cobra: Tan et al. 2020), snapshot isolation if there
// is none of their begins and commits (Viper: Zhang et al. 2023; PolySI: Huang et al. 2023).
//
// Here only those pairs of versions are chosen between that matter: an order of all transactions
// that fits what was chosen so far is executed, and where a transaction read another version than
// the execution has, or two that wrote the same overlap, that pair is added. So a history that is
// nearly in order needs few, and no two versions are ever compared that nobody confuses.
//
// The weaker levels forbid cycles with one rw at most; that is no order of events, and is not
// decided here.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "checkers/meter.h"
#include "checkers/transactional/registers_order.h"

namespace faultline::transactional {

/// What there must be an order of: transactions, one after the other; or their begins and commits,
/// such that each sees what was committed when it began, and no two that write the same overlap.
enum class Claim : std::uint8_t { serial, snapshots };

/// Of two versions of a key the first came before the second.
struct Precedence {
  Version before = no_version, after = no_version;
  friend bool operator==(const Precedence&, const Precedence&) = default;
};

/// Why a transaction comes before the next one. wr, process and realtime are certain; ww: it wrote
/// `why.before`, the next one `why.after`; rw: it read `why.before`, the same.
struct ForcedStep {
  Transaction transaction = nobody;
  Edge edge = Edge::wr;
  Precedence why{};
};
/// A cycle that is there if the versions have that order.
struct ForcedCycle {
  std::vector<Precedence> given;
  std::vector<ForcedStep> steps;
};
/// Cycles that no order of the versions avoids all of.
struct Refutation {
  Claim claim = Claim::serial;
  Order order = Order::none;
  std::vector<ForcedCycle> cycles;
};

struct Decision {
  enum class Answer : std::uint8_t { open, holds, refuted };
  Answer answer = Answer::open;  ///< open: too many pairs of versions.
  VersionOrder versions;         ///< If it holds, of the keys that they wrote.
  Refutation refutation;         ///< If it does not.
  std::uint64_t pairs = 0;       ///< That were looked at.
};

/// Of these committed transactions alone, in their order: what they read of others is left out.
/// `sequence`: the same in an order that may be right; `bytes_used` are taken already. Throws
/// OutOfBudget and OutOfBytes. The history must not have what refutes the level without any order:
/// reads of what is no version, or lost updates.
Decision decide(const Registers& registers, std::span<const Transaction> members,
                std::span<const Transaction> sequence, Claim claim, Order order,
                std::uint64_t bytes_used, Meter& meter);

/// With as few transactions as it takes: tries to do without each of them, while there are not too
/// many.
Refutation shrunk(const Registers& registers, Refutation refutation, Meter& meter);

/// Whoever takes part, ascending.
std::vector<Transaction> members_of(const Refutation& refutation);

/// A case of the proof. Either a cycle that is there, or, of two versions, either came first.
struct Case {
  static constexpr std::uint32_t none = 0xffffffffu;
  std::uint32_t cycle = none;                ///< Its number.
  Precedence first{};                        ///< What is assumed in the first of the two below.
  std::array<std::uint32_t, 2> below{0, 0};  ///< Their numbers.
};
/// The case of everything first; empty if the cycles leave a case open, and nothing if there are
/// more than so many.
std::optional<std::vector<Case>> cases_of(const Refutation& refutation, std::size_t cases_max);

/// Looks again, at the registers alone, whether every cycle is one, and forbidden, wherever its
/// `given` is so.
bool is_sound(const Registers& registers, const Refutation& refutation);

}  // namespace faultline::transactional
