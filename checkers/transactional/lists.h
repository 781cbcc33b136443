// Lists that are only ever appended to tell the order of their versions: what was read is a prefix
// of the final list (Elle: traceability and recoverability; Kingsbury & Alvaro 2020). From the
// longest list read of each key follow the order of its appends and, with that, what no cycle is
// needed to see.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "checkers/transactional/dependencies.h"
#include "checkers/transactional/prefixes.h"

namespace faultline::transactional {

/// Positions in the final list of a key count from 0; a read's version is how many it saw.
class Lists final : public Dependencies {
 public:
  /// `prefixes` was told of the transactions' reads.
  Lists(const Transactions& transactions, const Elements& elements, Prefixes prefixes);

  /// lost-update and G-cursor, which are noted by nothing else. Each of them is a cycle too, unless
  /// there are other offences, so that they need not be looked for where there are neither.
  void note_updates();

  const Transactions& transactions() const override { return transactions_; }
  /// Of a key: the appends in the order of the longest list that was read. no_append: of nobody.
  std::span<const AppendId> order(KeyIndex key) const {
    return {order_.data() + begins_[key], begins_[key + 1] - begins_[key]};
  }
  /// Committed appends that nobody read: they come after all others, in an unknown order.
  std::span<const AppendId> unobserved(KeyIndex key) const {
    return {unobserved_.data() + unobserved_begins_[key],
            unobserved_begins_[key + 1] - unobserved_begins_[key]};
  }
  /// Its place in the order of its key; not_there if it is unobserved.
  std::uint32_t position(AppendId append) const { return positions_[append]; }
  static constexpr std::uint32_t not_there = Prefixes::no_read;

  /// ok, or info of which something was read.
  bool is_committed(Transaction t) const override { return committed_[t] != 0; }
  /// Who made the version `position` of `key`; nobody if it is no committed transaction's.
  Transaction writer(KeyIndex key, std::size_t position) const {
    return writers_[begins_[key] + position];
  }
  /// A read of an ok transaction that fits the order of its key: how long it is. Else not_there.
  std::uint32_t version(std::uint64_t micro) const { return versions_[micro]; }

  /// visit(t) for each read, of an ok transaction, of a version.
  template <typename Visit>
  void each_reader(KeyIndex key, std::uint32_t version, Visit visit) const {
    for (std::uint32_t at = last_readers_[begins_[key] + key + version]; at != not_there;
         at = readers_[at].before)
      visit(readers_[at].reader);
  }

  const Offences& offences() const override { return offences_; }
  Graph graph(const GraphOptions& options) const override;
  std::optional<std::vector<Transaction>> suspects(Meter& meter,
                                                   std::uint64_t& edges) const override;
  std::unique_ptr<Dependencies> among(std::span<const Transaction> some) const override;
  /// Some key has two unobserved appends of different transactions.
  bool has_free_order() const { return has_free_order_; }
  /// A sentence if a list cannot be compared, as it holds lists or maps.
  const std::string& unsupported() const { return unsupported_; }
  std::uint64_t bytes() const;

 private:
  struct Reader {
    Transaction reader = nobody;
    std::uint32_t before = not_there;  ///< Another one of that version.
  };

  void place_elements(const Elements& elements);
  void commit();
  void note_own_order();
  void place_reads(const Elements& elements);
  bool is_prefix(std::uint64_t micro) const;
  struct Knowledge;
  bool is_expected(std::uint64_t first, std::uint64_t micro, const Knowledge& before) const;
  void note_incompatible(Transaction t, std::uint64_t micro, const Elements& elements);
  void note_read(Transaction t, std::uint64_t micro);
  void note_dirty_updates();
  void collect_unobserved();

  const Transactions& transactions_;
  std::vector<Prefixes::Longest> longest_;  ///< By key.
  std::vector<std::uint64_t> begins_, unobserved_begins_;
  BigVector<AppendId> order_, unobserved_;
  BigVector<Transaction> writers_;         ///< As in order_.
  BigVector<std::uint32_t> positions_;     ///< By append.
  BigVector<std::uint32_t> versions_;      ///< By micro-operation.
  BigVector<std::uint32_t> last_readers_;  ///< By version; a key has one more than appends.
  BigVector<Reader> readers_;
  BigVector<std::uint8_t> committed_;
  BigVector<std::uint8_t> is_last_;  ///< By append: its transaction's last to the key.
  /// By key: the first place of what a failed transaction, and of what nobody, appended.
  std::vector<std::uint32_t> first_failed_, first_garbage_;
  Offences offences_;
  bool has_free_order_ = false;
  std::string unsupported_;
};

}  // namespace faultline::transactional
