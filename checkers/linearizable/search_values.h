// The pending calls of the register's search by the value that they concern: what a state
// satisfies, and who waits for a value, are masks then and no loops.
#pragma once

#include <cstdint>
#include <vector>

#include "checkers/linearizable/call.h"
#include "checkers/linearizable/mask.h"
#include "checkers/linearizable/search_moment.h"

namespace faultline::linearizable {

/// Slots of the calls that concern one value.
template <int W>
struct SlotsOfValue {
  ValueId value = no_value;
  Mask<W> reads;       ///< Wait for it.
  Mask<W> mismatches;  ///< Wait for any other.
  Mask<W> writes;      ///< Turn anything into it.
  Mask<W> cas;         ///< Turn it into something else.
  Mask<W> cas_to;      ///< Turn something else into it.

  bool none() const { return (reads | mismatches | writes | cas | cas_to).none(); }
};

/// As many groups as values that something pending concerns, at most two of a slot.
template <int W>
class PendingValues {
 public:
  using Group = SlotsOfValue<W>;

  /// Nothing pending, and values below `values`.
  void reset(std::size_t values) {
    groups_.assign(1, Group{});
    group_of_.assign(values, nothing);
    mismatches_ = {};
  }
  /// What is pending at another moment.
  void restore(const std::vector<SearchSlot>& slots, const Mask<W>& occupied) {
    for (const Group& group : groups_)
      if (group.value != no_value) group_of_[group.value] = nothing;
    groups_.assign(1, Group{});
    mismatches_ = {};
    occupied.each([&](std::uint32_t s) { add(s, slots[s]); });
  }

  void add(std::uint32_t s, const SearchSlot& slot) {
    switch (slot.kind) {
      case Kind::read:
        return group_for(slot.value).reads.set(s);
      case Kind::write:
        return group_for(slot.value).writes.set(s);
      case Kind::mismatch:
        mismatches_.set(s);
        return group_for(slot.expected).mismatches.set(s);
      case Kind::cas:
        group_for(slot.expected).cas.set(s);
        return group_for(slot.value).cas_to.set(s);
    }
  }

  void remove(std::uint32_t s, const SearchSlot& slot) {
    const bool compares = slot.kind == Kind::mismatch || slot.kind == Kind::cas;
    if (compares) remove(s, slot.expected);
    if (slot.kind != Kind::mismatch) remove(s, slot.value);
    mismatches_.reset(s);
  }

  /// Of all mismatches, whatever they expected.
  const Mask<W>& mismatches() const { return mismatches_; }
  const Group& of(ValueId value) const { return groups_[group_of_[value]]; }
  template <typename Visit>
  void each(Visit visit) const {
    for (std::size_t at = 1; at < groups_.size(); ++at) visit(groups_[at]);
  }

  std::uint64_t bytes() const {
    return groups_.capacity() * sizeof(Group) + group_of_.capacity() * sizeof(std::uint32_t);
  }

 private:
  static constexpr std::uint32_t nothing = 0;  ///< The group that stays empty.

  Group& group_for(ValueId value) {
    std::uint32_t& at = group_of_[value];
    if (at == nothing) {
      at = static_cast<std::uint32_t>(groups_.size());
      groups_.emplace_back().value = value;
    }
    return groups_[at];
  }

  void remove(std::uint32_t s, ValueId value) {
    const std::uint32_t at = group_of_[value];
    Group& group = groups_[at];
    for (Mask<W>* const mask :
         {&group.reads, &group.mismatches, &group.writes, &group.cas, &group.cas_to})
      mask->reset(s);
    if (!group.none()) return;
    group_of_[value] = nothing;
    if (at + 1 < groups_.size()) {
      group = groups_.back();
      group_of_[group.value] = at;
    }
    groups_.pop_back();
  }

  std::vector<Group> groups_;
  std::vector<std::uint32_t> group_of_;  ///< By value: where its group is.
  Mask<W> mismatches_;
};

}  // namespace faultline::linearizable
