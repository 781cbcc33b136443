// Who knew of whom, where all that somebody depends on is known as well, and what follows from it
// for the order of versions.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "checkers/transactional/saturation.h"

namespace faultline::transactional {

/// For each transaction how many of each session it depends on, sessions being processes. Needs
/// that who depends on one of a session depends on all before it: reads and the order of sessions
/// together, without a cycle. Memory: transactions times sessions (bytes()).
class Clocks {
 public:
  /// `order`: all transactions, each after those that it depends on.
  Clocks(const Registers& registers, std::span<const Node> order, const WrittenKeys& written,
         Meter& meter);
  static std::uint64_t bytes(const Registers& registers);

  /// Causal convergence: a read knows of all that its transaction depends on. There must be no
  /// `internal`.
  void constrain(Meter& meter, Constraints& into) const;

  /// Whether some order of what `t` depends on, that keeps who depends on whom, gives what it read:
  /// causal consistency, where other readers may have other orders.
  bool has_own_order(Transaction t, Meter& meter);
  /// All constraints that it alone makes, if not.
  void constrain_alone(Transaction t, Meter& meter, Constraints& into) const;

 private:
  /// Who wrote a key: of one session after the other, in its order.
  struct Writer {
    std::uint32_t session = 0, index = 0;
    Transaction transaction = nobody;
  };
  struct Group {
    std::uint32_t session = 0;
    std::uint32_t begin = 0, end = 0;  ///< In writers_.
  };

  void number_sessions();
  void count(std::span<const Node> order, Meter& meter);
  void join(std::uint32_t* own, const std::uint32_t* other) const;
  void constrain_nil(Transaction t, KeyIndex key, Constraints& into) const;
  void constrain(Version v, std::span<const Transaction> readers, std::vector<std::uint32_t>& known,
                 Constraints& into) const;
  void group_writers(const WrittenKeys& written);
  std::span<const Group> groups(KeyIndex key) const {
    return std::span(groups_).subspan(group_begins_[key],
                                      group_begins_[key + 1] - group_begins_[key]);
  }
  const std::uint32_t* row(Transaction t) const { return &past_[std::uint64_t{t} * stride_]; }
  std::uint32_t past(Transaction t, std::uint32_t session) const { return row(t)[session]; }
  /// It, or something that it depends on.
  bool is_in(Transaction which, Transaction t) const {
    return which == t || index_[which] < past(t, session_[which]);
  }
  /// The writers of the key that `t` knows of, but for one, and for those of its session before it
  /// or before others: visit(transaction).
  template <typename Visit>
  void each_known_writer(Transaction t, KeyIndex key, Transaction but, Visit visit) const;

  const Registers& registers_;
  static constexpr std::uint32_t lanes = 4;
  std::uint32_t sessions_ = 0, stride_ = 0;   ///< stride: sessions, in whole vectors.
  BigVector<std::uint32_t> session_, index_;  ///< By transaction.
  BigVector<Transaction> before_;             ///< In its session.
  BigVector<std::uint32_t> past_;             ///< By transaction and session.
  std::vector<std::uint64_t> group_begins_;   ///< By key.
  std::vector<Group> groups_;
  BigVector<Writer> writers_;
  /// Of one transaction at a time: what it read of whom; by number of those, what else it knows of.
  std::vector<std::pair<KeyIndex, Transaction>> reads_;
  std::vector<std::pair<std::uint32_t, Transaction>> known_;
};

/// The same constraints as of Clocks, found by going back from each read to those that met its key
/// last: for dependencies without sessions, of which there is no clock, and for too many sessions.
/// Quadratic where keys are met seldom. `order` as for Clocks.
void constrain_by_walks(const Registers& registers, bool has_sessions, std::span<const Node> order,
                        Meter& meter, Constraints& into);

}  // namespace faultline::transactional
