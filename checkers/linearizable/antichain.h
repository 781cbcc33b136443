// The set of configurations of the search: none of them dominated by another.
#pragma once

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

  Antichain() : heads_(64, nobody) {}

  void clear() {
    for (const std::uint32_t at : places_) heads_[at] = nobody;
    places_.clear();
    alive_ = 0;
    entries_.clear();
  }

  /// False if an entry dominates `config`; else drops those that it dominates. Adds the number of
  /// comparisons to `steps`. `kinds` are the same until the set is cleared.
  bool insert(const Config& config, const SlotKinds<W>& kinds, const UsedPool& used,
              std::uint64_t& steps) {
    if (2 * (places_.size() + 1) > heads_.size()) grow(kinds);
    const std::size_t at = probe(config, kinds);
    if (heads_[at] == nobody) places_.push_back(static_cast<std::uint32_t>(at));
    std::int32_t* link = &heads_[at];
    while (*link != nobody) {
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
    entries_.push_back({config, heads_[at], true});
    heads_[at] = index;
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

  std::uint64_t bytes() const {
    return entries_.capacity() * sizeof(Entry) + (heads_.size() + places_.capacity()) * 4;
  }
  /// While one more comes in: if there is no room for it, that is the old and the new together.
  std::uint64_t bytes_to_grow() const {
    const bool entries_grow = entries_.size() == entries_.capacity();
    const bool heads_grow = 2 * (places_.size() + 1) > heads_.size();
    return entries_.capacity() * sizeof(Entry) * (entries_grow ? 3 : 1) +
           (heads_.size() + places_.capacity()) * 4 * (heads_grow ? 3 : 1);
  }

 private:
  static constexpr std::int32_t nobody = -1;

  /// Whatever can follow `b` can follow `a`.
  static bool dominates(const Config& a, const Config& b, const SlotKinds<W>& kinds,
                        const UsedPool& used) {
    if (Rules::compare_reads && !minus(b.done & kinds.observers, a.done).none()) return false;
    if (Rules::compare_optional && !(b.optional & kinds.writes).within(a.optional)) return false;
    const Mask<W> different = (a.done ^ b.done) & kinds.writes;
    const Mask<W> excused = Rules::fresh_against_consumed ? a.optional : a.optional | a.done;
    if (!different.within(excused)) return false;
    return !Rules::compare_used || used.at_most(a.used, b.used);
  }

  /// Entries compare only if they have these in common.
  static Mask<W> changes(const Config& config, const SlotKinds<W>& kinds) {
    return Rules::compare_cas ? config.done & kinds.cas : Mask<W>{};
  }

  /// The place of the list of those that compare with `config`.
  std::size_t probe(const Config& config, const SlotKinds<W>& kinds) const {
    const Mask<W> own = changes(config, kinds);
    std::uint64_t h = (config.state + 1ull) * 0xd1b54a32d192ed03ull;
    for (const std::uint64_t word : own.words) h = (h ^ word) * 0x9e3779b97f4a7c15ull;
    const std::size_t last = heads_.size() - 1;
    for (std::size_t at = (h ^ h >> 31) & last;; at = (at + 1) & last) {
      if (heads_[at] == nobody) return at;
      const Config& head = entries_[static_cast<std::size_t>(heads_[at])].config;
      if (head.state == config.state && changes(head, kinds) == own) return at;
    }
  }

  void grow(const SlotKinds<W>& kinds) {
    const std::vector<std::int32_t> old(std::exchange(heads_, {}));
    heads_.assign(2 * old.size(), nobody);
    for (std::uint32_t& place : places_) {
      const std::int32_t head = old[place];
      if (head == nobody) continue;
      place =
          static_cast<std::uint32_t>(probe(entries_[static_cast<std::size_t>(head)].config, kinds));
      heads_[place] = head;
    }
  }

  std::vector<std::int32_t> heads_;    ///< By place: the first of a list of entries, or nobody.
  std::vector<std::uint32_t> places_;  ///< Of lists.
  std::vector<Entry> entries_;
  std::size_t alive_ = 0;
};

}  // namespace faultline::linearizable
