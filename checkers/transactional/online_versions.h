// In which order the versions of registers are, as far as is inferred (registers.h), of a history
// that grows: each inference as soon as both versions were met by what is certain, and with it, how
// transactions are tied.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

#include "checkers/transactional/isolation.h"
#include "checkers/transactional/online_facts.h"
#include "harness/core/big_vector.h"

namespace faultline::transactional {

/// A write by its number, or what was there before any: of that key, with the highest bit.
using OnlineVersion = std::uint32_t;

/// Not thread-safe. Of each version it knows who read it, and up to 64 that come after it. Where
/// there are more, that only ties to their writers those readers that did not write the key.
class OnlineVersions {
 public:
  static constexpr OnlineVersion none = 0xffffffffu;
  static constexpr OnlineVersion initial_bit = 0x80000000u;
  static OnlineVersion initial(KeyIndex key) { return initial_bit | key; }
  static bool is_initial(OnlineVersion v) { return v >= initial_bit && v != none; }

  explicit OnlineVersions(OnlineFacts& facts) : facts_(facts) {}

  /// The next write, of who began last; those of a transaction one after the other.
  void add(Transaction by, KeyIndex key);
  /// The key is known from now on.
  void note_key(KeyIndex key);
  std::size_t size() const { return versions_.size(); }
  Transaction writer(OnlineVersion write) const { return versions_[write].by; }
  KeyIndex key_of(OnlineVersion v) const {
    return is_initial(v) ? v & ~initial_bit : versions_[v].key;
  }
  /// Its transaction wrote the key no more after it.
  bool is_last(OnlineVersion v) const { return is_initial(v) || versions_[v].is_last; }
  /// Of what a transaction left behind in the keys, by visit(version).
  template <typename Visit>
  void each_last(Transaction t, Visit visit) const {
    for (OnlineVersion v = facts_[t].first; v < versions_.size() && versions_[v].by == t; ++v)
      if (versions_[v].is_last) visit(v);
  }

  /// Why it is known that a version comes before another one; several at once.
  static constexpr std::uint8_t depends = 1, inferred = 2, by_process = 4, by_realtime = 8;
  /// `why`: depends or inferred.
  void relate(OnlineVersion before, OnlineVersion after, std::uint8_t why) {
    relate(before, after, why, false);
  }
  /// It read the version, which is a last one.
  void note_reader(OnlineVersion v, Transaction reader);
  /// Who read the version and changed it; the last one that did so before, or nobody.
  Transaction exchange_updater(OnlineVersion v, Transaction by);
  /// A committed one met it, which is no initial one.
  void meet(OnlineVersion v, Transaction by);
  /// What a committed transaction met, in its order, all of its process before it having been told.
  /// Of several versions of a key, its own is the last.
  void meet_in_process(Transaction t, std::span<const OnlineVersion> met);

  /// How many cycles of versions there are of those that they wrote, by the first order that has
  /// any: cyclic-versions and its kin.
  void count_cycles(std::span<const Transaction> members, std::vector<std::uint64_t>& counts,
                    Meter& meter) const;
  std::uint64_t bytes() const;

 private:
  static constexpr std::uint32_t open = 0xffffffffu;
  static constexpr unsigned after_max = 64;

  struct Order {
    std::uint32_t readers = none, after = none;  ///< Cells.
    Node group = none;                           ///< Before those for which there was no room.
    Transaction updater = nobody;
  };
  /// Times are positions from 1.
  struct Fact {
    Order order;
    KeyIndex key = 0;
    Transaction by = nobody;
    std::uint32_t first_end = open;  ///< Of those who met it.
    std::uint32_t last_begin = 0;    ///< The same; 0: nobody met it.
    bool is_last = true;
  };
  struct Reader {
    Transaction transaction = nobody;
    std::uint32_t next = none;
  };
  struct After {
    OnlineVersion version = none;
    std::uint32_t next = none;
    std::uint8_t why = 0;
  };
  /// Of the versions of a key that were met, by when the first who met them ended.
  struct Zone {
    std::uint32_t first_end = open;
    std::uint32_t latest = 0;  ///< The last begin of who met this one or one before it.
    OnlineVersion version = none;
  };
  struct Key {
    Order initial;
    OnlineVersion last_write = none;
    std::vector<Zone> zones;
    // Of who is looked at.
    Transaction looked_at_by = nobody;
    OnlineVersion entry = none, exit = none;
  };

  Order& order_of(OnlineVersion v) {
    return is_initial(v) ? keys_[v & ~initial_bit].initial : versions_[v].order;
  }
  const Order& order_of(OnlineVersion v) const {
    return is_initial(v) ? keys_[v & ~initial_bit].initial : versions_[v].order;
  }
  void relate(OnlineVersion before, OnlineVersion after, std::uint8_t why, bool is_tied);
  After* cell_of(OnlineVersion before, OnlineVersion after);
  void add_to_group(OnlineVersion before, OnlineVersion after);
  bool writes(Transaction t, KeyIndex key) const;
  void tie(OnlineVersion before, OnlineVersion after, Bond inferred_as, Bond rw, bool is_tied);
  void place(OnlineVersion v, std::uint32_t first_end, std::uint32_t last_begin);
  void relate_to_earlier(OnlineVersion v, std::uint32_t known_before);
  void relate_to_later(OnlineVersion v, std::uint32_t known_after);

  OnlineFacts& facts_;
  BigVector<Fact> versions_;  ///< By write.
  std::vector<Key> keys_;
  BigVector<Reader> readers_;
  BigVector<After> after_;
  boost::unordered_flat_map<std::uint64_t, OnlineVersion> last_met_;  ///< By process and key.
  std::vector<OnlineVersion> later_;                                  ///< Kept for its memory.
  std::uint64_t zone_bytes_ = 0;
};

}  // namespace faultline::transactional
