// The set of configurations of the search: none of them dominated by another.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "checkers/linearizable/call.h"
#include "checkers/linearizable/mask.h"
#include "checkers/linearizable/used.h"

namespace faultline::linearizable {

/// A state that the object can be in, and what happened of the pending calls.
template <int W>
struct Configuration {
  ValueId state = initial_value;
  UsedId used = nothing_used;  ///< Infos that happened.
  Mask<W> done;                ///< Observers that were satisfied; writes and cas that happened.
  Mask<W> optional;  ///< Writes that have met their obligation unseen, and may still happen.
};

/// Slots by what their call is.
template <int W>
struct SlotKinds {
  Mask<W> observers, writes, cas;
};

template <typename Rules, int W>
class Antichain {
 public:
  using Config = Configuration<W>;
  struct Entry {
    Config config;
    std::int32_t next;
    bool alive;
  };

  Antichain() : table_(64) {}

  void clear() {
    ++generation_;
    buckets_ = 0;
    alive_ = 0;
    entries_.clear();
  }

  /// False if an entry dominates `config`; else drops those that it dominates. Adds the number of
  /// comparisons to `steps`.
  bool insert(const Config& config, const SlotKinds<W>& kinds, const UsedPool& used,
              std::uint64_t& steps) {
    Bucket& bucket = find(config.done & kinds.cas, config.state);
    std::int32_t* link = &bucket.head;
    while (*link >= 0) {
      ++steps;
      Entry& entry = entries_[static_cast<std::size_t>(*link)];
      if (dominates(entry.config, config, kinds, used)) return false;
      if (dominates(config, entry.config, kinds, used)) {
        entry.alive = false;
        --alive_;
        *link = entry.next;
      } else {
        link = &entry.next;
      }
    }
    const auto index = static_cast<std::int32_t>(entries_.size());
    const std::int32_t head = bucket.head;
    bucket.head = index;
    entries_.push_back({config, head, true});
    ++alive_;
    return true;
  }

  std::size_t size() const { return alive_; }
  std::size_t entries() const { return entries_.size(); }
  void take(std::vector<Config>& out) const {
    out.clear();
    out.reserve(alive_);
    for (const Entry& entry : entries_)
      if (entry.alive) out.push_back(entry.config);
  }

  /// After the next, so many steps may pass until memory must be counted again, if each adds at
  /// most one configuration to `explored` and two to `kept`.
  static std::size_t steps_uncounted(const Antichain& explored, const Antichain& kept) {
    const std::size_t steps = std::min({std::size_t{256}, explored.room(), kept.room() / 2});
    return steps - std::min<std::size_t>(steps, 1);
  }

  std::uint64_t bytes() const {
    return entries_.capacity() * sizeof(Entry) + table_.size() * sizeof(Bucket);
  }
  /// How many more can come in without a larger table.
  std::size_t room() const {
    return std::min(entries_.capacity() - entries_.size(), table_.size() / 2 - buckets_);
  }
  /// While two more come in: if there is no room for them, that is the old and the new together.
  std::uint64_t bytes_to_grow() const {
    const bool entries_grow = entries_.size() + 2 > entries_.capacity();
    const bool table_grows = 2 * (buckets_ + 2) > table_.size();
    return entries_.capacity() * sizeof(Entry) * (entries_grow ? 3 : 1) +
           table_.size() * sizeof(Bucket) * (table_grows ? 3 : 1);
  }

 private:
  struct Bucket {
    Mask<W> cas_done;
    ValueId state = 0;
    std::uint32_t generation = 0;
    std::int32_t head = -1;
  };

  /// Whatever can follow `b` can follow `a`.
  static bool dominates(const Config& a, const Config& b, const SlotKinds<W>& kinds,
                        const UsedPool& used) {
    // In one go: a branch for each would often be predicted wrong.
    const Mask<W> different = (a.done ^ b.done) & kinds.writes;
    const Mask<W> excused = Rules::fresh_against_consumed ? a.optional : a.optional | a.done;
    Mask<W> lacking = minus(different, excused);
    if (Rules::compare_reads) lacking = lacking | minus(b.done & kinds.observers, a.done);
    if (Rules::compare_optional) lacking = lacking | minus(b.optional & kinds.writes, a.optional);
    if (lacking.any()) return false;
    return !Rules::compare_used || used.at_most(a.used, b.used);
  }

  static std::size_t hash(const Mask<W>& cas_done, ValueId state) {
    std::uint64_t h = (state + 1ull) * 0xd1b54a32d192ed03ull;
    for (const std::uint64_t word : cas_done.words) h = (h ^ word) * 0x9e3779b97f4a7c15ull;
    return h ^ (h >> 31);
  }

  Bucket& find(Mask<W> cas_done, ValueId state) {
    if (!Rules::compare_cas) cas_done = {};
    if (2 * (buckets_ + 1) > table_.size()) grow();
    Bucket& bucket = probe(table_, cas_done, state);
    if (bucket.generation != generation_) {
      bucket = {cas_done, state, generation_, -1};
      ++buckets_;
    }
    return bucket;
  }

  Bucket& probe(std::vector<Bucket>& table, const Mask<W>& cas_done, ValueId state) const {
    const std::size_t last = table.size() - 1;
    std::size_t at = hash(cas_done, state) & last;
    while (table[at].generation == generation_ &&
           !(table[at].state == state && table[at].cas_done == cas_done))
      at = (at + 1) & last;
    return table[at];
  }

  void grow() {
    std::vector<Bucket> larger(2 * table_.size());
    for (const Bucket& bucket : table_)
      if (bucket.generation == generation_) probe(larger, bucket.cas_done, bucket.state) = bucket;
    table_ = std::move(larger);
  }

  std::vector<Bucket> table_;
  std::vector<Entry> entries_;
  std::uint32_t generation_ = 1;
  std::size_t buckets_ = 0;
  std::size_t alive_ = 0;
};

}  // namespace faultline::linearizable
