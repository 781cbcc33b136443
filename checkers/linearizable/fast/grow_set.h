// Linearizability of a set that only grows and is read as a whole, in time linear in the history
// and the lengths of its reads. Reads are ordered by inclusion, so they must be a chain; an element
// is added after the reads without it and before the reads with it. Along that order nobody may end
// before somebody earlier began: a running maximum. (Looking at each element alone is not enough.)
//
// An element may be added more than once: the first of its adds to begin stands for it, and none
// may have ended before the reads without it. An info add counts if its element was read.
//
// Not for: reads that are no lists or that list an element twice, elements that are lists or maps,
// adds that answer true or false, refused operations, other functions ("inapplicable").
#pragma once

#include <algorithm>
#include <bit>
#include <string>
#include <vector>

#include "checkers/linearizable/fast/decisions.h"
#include "checkers/linearizable/fast/timeline.h"

namespace faultline::linearizable::fast {

struct GrowSetRules {
  static constexpr bool added = true;         ///< What is read has been added.
  static constexpr bool chain = true;         ///< Reads are ordered by inclusion.
  static constexpr bool adds_in_time = true;  ///< An element read was added before the read ended.
  static constexpr bool adds_seen = true;     ///< A read misses nothing added before it began.
  static constexpr bool reads_in_order = true;  ///< A later read sees no less.
  static constexpr bool unread_adds = true;     ///< Also of what nobody ever read.
};

/// Keeps its memory from one object to the next. Not thread-safe.
template <typename Rules = GrowSetRules>
class GrowSet {
 public:
  Decision check(const Operations& operations, Meter& meter) {
    const std::uint64_t n = operations.list.size();
    const std::uint64_t need = Timeline::bytes_for(n) + n * (2 * sizeof(Read) + 3 * sizeof(Index)) +
                               operations.values.size() * (sizeof(Element) + 8 * sizeof(Slot));
    if (need > meter.bytes_max()) return out_of_memory(need);
    if (!meter.spend(n)) return out_of_budget(meter);
    operations_ = &operations;
    timeline_.build(operations);
    if (std::string why = read_adds(); !why.empty()) return inapplicable(std::move(why));
    if (std::string why = read_reads(); !why.empty()) return inapplicable(std::move(why));
    sort_reads();
    Fault fault;
    for (Index k = 0; k < reads_.size() && !fault; ++k) {
      if (!meter.spend(reads_[k].size)) return out_of_budget(meter);
      if (!number_read(k, fault)) return inapplicable("a read lists an element twice");
    }
    if (!fault) fault = check_order();
    return fault ? invalid(operations, std::move(fault)) : valid();
  }

  std::uint64_t bytes() const {
    return timeline_.bytes() + elements_.capacity() * sizeof(Element) +
           (reads_.capacity() + sorted_.capacity()) * sizeof(Read) +
           (added_.capacity() + by_level_.capacity() + starts_.capacity()) * sizeof(Index) +
           table_.capacity() * sizeof(Slot);
  }

 private:
  static constexpr Index nobody = no_index;

  struct Element {
    Index first_add = no_index;  ///< Of its adds, the first to begin.
    Index soonest = no_index;    ///< Of its adds, the first to end.
    Index level = nobody;        ///< The first read, in order, that has it.
    Index seen_in = nobody;      ///< The last read that was looked at and has it.
  };
  struct Read {
    Index row;
    std::uint32_t size;
  };
  struct Slot {
    std::uint64_t bits = 0;
    ValueId value = no_value;
  };

  std::string read_adds() {
    elements_.assign(operations_->values.size(), Element{});
    added_.clear();
    reads_.clear();
    for (Index i = 0; i < operations_->list.size(); ++i) {
      const Operation& o = operations_->list[i];
      if (o.refused) return "a refused " + std::string(name_of(o.function)) + " says nothing here";
      if (o.function == Function::read) {
        if (!o.is_info()) reads_.push_back({i, 0});
        continue;
      }
      if (o.function != Function::add)
        return std::string(name_of(o.function)) + " is not among its functions";
      if (o.argument == no_value || operations_->values[o.argument].is_compound())
        return "an add of " + value_text(*operations_, o.argument) + ", which is no plain element";
      if (o.output != no_value &&
          operations_->values[o.output].kind() == ValueHandle::Kind::boolean)
        return "an add answered " + value_text(*operations_, o.output);
      Element& element = elements_[o.argument];
      if (element.first_add == no_index) {
        element.first_add = element.soonest = i;
        added_.push_back(o.argument);
      } else if (timeline_.end(i) < timeline_.end(element.soonest)) {
        element.soonest = i;
      }
    }
    fill_table();
    return {};
  }

  /// From an element's handle to its number: open addressing, at most half full.
  void fill_table() {
    table_.assign(std::bit_ceil(2 * added_.size() + 2), Slot{});
    for (const ValueId v : added_) {
      Slot& slot = find(operations_->values[v]);
      slot = {operations_->values[v].bits(), v};
    }
  }
  Slot& find(ValueHandle h) {
    const std::uint64_t mask = table_.size() - 1;
    std::uint64_t at = h.bits() * 0x9e3779b97f4a7c15ull;
    for (at ^= at >> 32;; ++at) {
      Slot& slot = table_[at & mask];
      if (slot.value == no_value || slot.bits == h.bits()) return slot;
    }
  }

  std::span<const ValueHandle> items(const Read& read) const {
    const Operation& o = operations_->list[read.row];
    return operations_->pool->items(operations_->values[o.output]);
  }

  std::string read_reads() {
    for (Read& read : reads_) {
      const Operation& o = operations_->list[read.row];
      if (o.output == no_value || operations_->values[o.output].kind() != ValueHandle::Kind::list)
        return "a read answered " + value_text(*operations_, o.output) + ", no list";
      const auto list = items(read);
      read.size = static_cast<std::uint32_t>(list.size());
      for (const ValueHandle h : list)
        if (h.is_compound()) return "a read lists a list or a map";
    }
    return {};
  }

  /// By size; in the order of their begins where sizes are equal.
  void sort_reads() {
    std::uint32_t largest = 0;
    for (const Read& read : reads_) largest = std::max(largest, read.size);
    starts_.assign(std::size_t{largest} + 2, 0);
    for (const Read& read : reads_) ++starts_[read.size + 1];
    for (std::size_t s = 1; s < starts_.size(); ++s) starts_[s] += starts_[s - 1];
    sorted_.resize(reads_.size());
    for (const Read& read : reads_) sorted_[starts_[read.size]++] = read;
    reads_.swap(sorted_);
  }

  /// Notes which elements are new in the k-th read. False: one is listed twice.
  bool number_read(Index k, Fault& fault) {
    const Index row = reads_[k].row;
    std::uint32_t known = 0;
    for (const ValueHandle h : items(reads_[k])) {
      const Slot& slot = find(h);
      if (slot.value == no_value) {
        if (Rules::added && !fault) fault = {"phantom-read", {row}, row, row, true};
        continue;
      }
      Element& element = elements_[slot.value];
      if (element.seen_in == k) return false;
      element.seen_in = k;
      if (element.level == nobody)
        element.level = k;
      else
        ++known;
    }
    if (k > 0 && known != reads_[k - 1].size && !fault && Rules::chain) {
      const Index before = reads_[k - 1].row;
      fault = {"stale-read", {before, row}, std::max(before, row), std::min(before, row), false};
    }
    return true;
  }

  /// By level; what nobody read is last.
  void sort_adds() {
    const auto level = [&](ValueId v) {
      return std::min<std::size_t>(elements_[v].level, reads_.size());
    };
    starts_.assign(reads_.size() + 2, 0);
    for (const ValueId v : added_) ++starts_[level(v) + 1];
    for (std::size_t k = 1; k < starts_.size(); ++k) starts_[k] += starts_[k - 1];
    by_level_.resize(added_.size());
    for (const ValueId v : added_) by_level_[starts_[level(v)]++] = v;
    added_.swap(by_level_);
  }

  /// Reads of one size are one set; adds come before the first read of their level.
  Fault check_order() {
    sort_adds();
    Index latest = no_index;  // of all that came before, what began last
    std::size_t next = 0;
    for (Index k = 0; k < reads_.size();) {
      Index end = k;
      while (end < reads_.size() && reads_[end].size == reads_[k].size) ++end;
      const std::size_t from = next;
      while (next < added_.size() && elements_[added_[next]].level < end) ++next;
      if (Fault fault = check_adds(from, next, latest); fault) return fault;
      for (std::size_t i = from; i < next && Rules::adds_in_time; ++i)
        pass(elements_[added_[i]].first_add, latest);
      for (Index i = k; i < end; ++i)
        if (late(reads_[i].row, latest)) return broken(latest, reads_[i].row);
      for (Index i = k; i < end; ++i) pass(reads_[i].row, latest);
      k = end;
    }
    if (!Rules::unread_adds) return {};
    return check_adds(next, added_.size(), latest);
  }

  Fault check_adds(std::size_t from, std::size_t to, Index latest) const {
    for (std::size_t i = from; i < to && Rules::adds_seen; ++i) {
      const Index add = elements_[added_[i]].soonest;
      if (late(add, latest)) return broken(latest, add);
    }
    return {};
  }

  bool is_read(Index row) const { return operations_->list[row].function == Function::read; }
  bool late(Index row, Index latest) const {
    if (latest == no_index || timeline_.end(row) >= timeline_.begin(latest)) return false;
    return Rules::reads_in_order || !is_read(row) || !is_read(latest);
  }
  void pass(Index row, Index& latest) const {
    if (latest == no_index || timeline_.begin(row) > timeline_.begin(latest)) latest = row;
  }

  /// `early` comes before `late` in the order, and began after it had ended.
  Fault broken(Index early, Index late) const {
    if (!is_read(early) && !is_read(late)) {
      // Something read the one and not the other, although the other was added before.
      const Index row = reads_[elements_[operations_->list[early].argument].level].row;
      return {"lost-element", {early, late, row}, row, late, false};
    }
    if (!is_read(early)) return {"phantom-read", {early, late}, late, early, false};
    return {is_read(late) ? "stale-read" : "lost-element", {early, late}, early, late, false};
  }

  const Operations* operations_ = nullptr;
  Timeline timeline_;
  std::vector<Element> elements_;  ///< By value.
  std::vector<ValueId> added_, by_level_;
  std::vector<Read> reads_, sorted_;
  std::vector<Index> starts_;
  std::vector<Slot> table_;
};

}  // namespace faultline::linearizable::fast
