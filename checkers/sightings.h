// Transactions that write one fresh key each, blindly, and others that read groups of keys: what
// long-fork and causal-reverse are asked with. Each key goes from nil to its only value, so that a
// read tells of every write whether it was before it or after it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "checkers/tally.h"
#include "checkers/transactional/transactions.h"

namespace faultline {

/// A history of such. Keeps references to its arguments.
class Sightings {
 public:
  using Transaction = transactional::Transaction;
  using KeyIndex = transactional::KeyIndex;

  explicit Sightings(const transactional::Transactions& all);

  /// Why it is none, in words; empty if it is one.
  const std::string& unsupported() const { return unsupported_; }
  /// Who wrote the key, whatever became of it; transactional::nobody.
  Transaction writer(KeyIndex key) const { return writers_[key]; }
  /// Reads that succeeded, in the order of the history.
  std::span<const Transaction> reads() const { return reads_; }
  std::uint64_t writes() const { return writes_; }  ///< That were acknowledged.
  std::uint64_t bytes() const;

  /// Notes of every read what nobody wrote (garbage-read), and what was aborted (G1a).
  void note_unwritten(Tally& tally) const;

  /// "n2 (index 17)": the node, or the process, and where its invocation stands.
  std::string who(Transaction t) const;
  std::string key(KeyIndex key) const { return all_.key_text(key); }

 private:
  bool take(Transaction t);

  const transactional::Transactions& all_;
  const History& history_;
  std::string unsupported_;
  std::vector<Transaction> writers_;       ///< By key.
  std::vector<Transaction> last_readers_;  ///< By key: the last transaction to read it so far.
  std::vector<Transaction> reads_;
  std::uint64_t writes_ = 0;
};

}  // namespace faultline
