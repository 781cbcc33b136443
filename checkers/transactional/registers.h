// Registers that are written and read: who read tells whose value it was, but nothing tells the
// order of the versions of a key as a whole. What is known of it is inferred (Elle's rw-register),
// and each inference holds only where what would otherwise be there is forbidden:
//
//   * before the first write is nil;
//   * who read of a transaction, whatever key, and wrote a key that it wrote, comes after it:
//     else there would be a G1c;
//   * who read a version, after it had read of another transaction that wrote the key, tells that
//     the version comes after the other's: else there would be a cycle with one rw;
//   * versions that one process met one after the other are in that order: the same, with the
//     order of the process;
//   * versions of which one was met when what met the other had not begun yet are in that order:
//     the same, with real time.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "checkers/meter.h"
#include "checkers/transactional/dependencies.h"

namespace faultline::transactional {

/// The last write of a transaction to a key, by its number; behind those, one for each key, nil.
using Version = std::uint32_t;
inline constexpr Version no_version = 0xffffffffu;

/// When transactions began and ended, in positions from 1: as the history says, or narrower.
struct Intervals {
  static constexpr std::uint32_t open = 0xffffffffu;
  explicit Intervals(const Transactions& transactions);
  BigVector<std::uint32_t> begins, ends;
};

/// The graph has what is certain and what is inferred.
class Registers final : public Dependencies {
 public:
  Registers(const Transactions& transactions, const Elements& values);
  /// Of other objects whose versions are known: by micro-operation what was seen. No offences.
  Registers(const Dependencies& objects, BigVector<Version> seen);

  const Transactions& transactions() const override { return transactions_; }
  const Offences& offences() const override { return offences_; }
  bool is_committed(Transaction t) const override { return committed_[t] != 0; }
  Graph graph(const GraphOptions& options) const override;

  std::size_t version_count() const {
    return transactions_.appends().size() + transactions_.key_count();
  }
  Version initial(KeyIndex key) const {
    return static_cast<Version>(transactions_.appends().size() + key);
  }
  bool is_initial(Version version) const { return version >= transactions_.appends().size(); }
  Transaction writer(Version version) const { return transactions_.appends()[version].transaction; }
  KeyIndex key_of(Version version) const {
    const std::size_t writes = transactions_.appends().size();
    return version < writes ? transactions_.appends()[version].key
                            : static_cast<KeyIndex>(version - writes);
  }
  ValueHandle value_of(Version version) const {
    return is_initial(version) ? ValueHandle() : transactions_.appends()[version].element;
  }
  /// It is what its transaction left behind in the key.
  bool is_last(Version version) const { return is_initial(version) || is_last_[version] != 0; }
  /// What a read of an ok transaction saw, if that is nil or another committed one's; a write that
  /// is not the last of its transaction is no version, but may have been read. Else no_version.
  Version seen(std::uint64_t micro) const { return seen_[micro]; }
  /// The same, but only versions.
  Version version(std::uint64_t micro) const {
    const Version v = seen_[micro];
    return v != no_version && is_last(v) ? v : no_version;
  }
  std::uint64_t first_micro(Transaction t) const {
    return static_cast<std::uint64_t>(transactions_.of(t).data() - transactions_.micro().data());
  }
  /// Its committed last write to the key; no_version.
  Version written(Transaction t, KeyIndex key) const;

  /// Two versions of a key: the first comes before the second.
  struct Pair {
    Version before = no_version, after = no_version;
    /// The second one's writer is tied to the first one's by dependencies alone.
    bool depends = false;
  };
  std::vector<Pair> pairs(Order order) const;
  /// By real time, if transactions happened within these.
  std::vector<Pair> pairs_within(const Intervals& intervals) const;

  /// Takes back the offences of those anomalies.
  template <typename Which>
  void forget(Which which) {
    for (std::size_t a = 0; a < offences_.counts.size(); ++a)
      if (which(static_cast<Anomaly>(a))) offences_.counts[a] = 0;
    std::erase_if(offences_.kept, [&](const Offence& found) { return which(found.anomaly); });
  }

  /// Versions that come before themselves, by what is known in no order but their own.
  void note_cyclic_versions(Meter& meter);

  std::uint64_t bytes() const;

 private:
  void commit(const Elements& values);
  void mark_last();
  void place_reads();
  std::vector<Pair> pairs_by_reads() const;
  std::vector<Pair> pairs_by_process() const;
  bool note_cycles(Order order, Meter& meter);

  const Transactions& transactions_;
  BigVector<Version> seen_;  ///< By micro-operation.
  BigVector<std::uint8_t> committed_;
  BigVector<std::uint8_t> is_last_;  ///< By write.
  Offences offences_;
};

}  // namespace faultline::transactional
