// Linearizability of a stack whose pushed values are unique, in time n log n.
//
// A value is inside for certain from the end of its push to the begin of its pop; one without such
// an interval can be popped right after it was pushed, and is left out. An instant at which nothing
// is inside for certain cuts the history in two that do not touch. Between two such instants some
// value lies at the bottom all the time: its push began before the first push of them ended, and
// its pop ended after the last pop began. Any value like that may be the bottom, so it is taken
// away, and what then falls apart is looked at likewise; if there is none, the values left between
// the two instants are a violation (the decomposition: prototypes of this project, fuzzed; other
// algorithms as fast: Lee & Mathur 2025). Every "empty" needs an instant at which no value is
// inside.
//
// An info push counts if its value was popped. An info pop may have taken any value: with such, it
// says valid if the history is without them, invalid if the known pops are, else that it does not
// know.
//
// Not for: values pushed twice, refused operations, other functions ("inapplicable").
#pragma once

#include <array>
#include <vector>

#include "checkers/linearizable/fast/container.h"
#include "checkers/linearizable/fast/cover_tree.h"
#include "checkers/linearizable/fast/index_set.h"

namespace faultline::linearizable::fast {

struct StackRules : ContainerRules {
  static constexpr bool bottom_first = true;  ///< The bottom's push began before others ended.
  static constexpr bool bottom_last = true;   ///< The bottom's pop ended after others began.
  static constexpr bool only_certain =
      true;  ///< Only values that are surely inside are in the way.
  static constexpr bool infos_ambiguous = true;  ///< Guard: what an info popped is unknown.
  static constexpr std::uint32_t small = 32;     ///< Up to so many values are looked at one by one.
};

/// Keeps its memory from one object to the next. Not thread-safe.
template <typename Rules = StackRules>
class Stack {
 public:
  Decision check(const Operations& operations, Meter& meter) {
    const std::uint64_t n = operations.list.size();
    const std::uint64_t need = Container<Rules>::bytes_for(operations) + CoverTree::bytes_for(n) +
                               2 * KeyTree::bytes_for(n / 2) + IndexSet::bytes_for(n) +
                               n * (sizeof(Item) / 2 + 12 * sizeof(Index));
    if (need > meter.bytes_max()) return out_of_memory(need);
    if (!meter.spend(n)) return out_of_budget(meter);
    if (std::string why =
            container_.read(operations, {.insert = Function::push, .remove = Function::pop});
        !why.empty())
      return inapplicable(std::move(why));
    if (container_.fault()) return invalid(operations, container_.fault());
    meter_ = &meter;
    const bool infos = !container_.info_removes().empty() && Rules::infos_ambiguous;
    Fault fault = find_fault();
    if (!fault && meter.exhausted()) return out_of_budget(meter);
    if (!infos || !fault) return fault ? invalid(operations, std::move(fault)) : valid();
    container_.keep_removed_only();
    fault = find_fault();
    if (!fault && meter.exhausted()) return out_of_budget(meter);
    if (fault) return invalid(operations, std::move(fault));
    return inapplicable("it is unknown what some pops took");
  }

  std::uint64_t bytes() const {
    return container_.bytes() + cover_.bytes() + by_begin_.bytes() + by_end_.bytes() +
           ready_.bytes() + endpoints_.capacity() * sizeof(Endpoint) +
           items_.capacity() * sizeof(Item) + counts_.capacity() * sizeof(std::int32_t) +
           (item_of_.capacity() + items_before_.capacity() + keys_.capacity()) * sizeof(Index) +
           work_.capacity() * sizeof(Part) + half_ready_.capacity() + removed_.capacity();
  }

 private:
  struct Endpoint {
    Time time;
    ValueId event;  ///< 2 v where v is inside from, 2 v + 1 where it is no longer.
  };
  /// A value, in the order in which they are inside. Gaps are counted between endpoints.
  struct Item {
    Index from = 0, to = 0;  ///< Gaps [from, to).
    Time insert_begin = 0, remove_end = 0;
    ValueId value = no_value;
  };
  struct Part {  ///< Gaps [from, to), each of which some value is inside of.
    Index from, to;
  };
  static constexpr std::uint64_t shrink_steps = 20'000'000;

  Fault find_fault() {
    sweep_endpoints();
    std::vector<ValueId> stuck = find_stuck();
    if (stuck.empty()) return meter_->exhausted() ? Fault{} : container_.find_covered_empty();
    Fault fault;
    fault.minimal = drop_units(stuck, shrink_steps, [&](const std::vector<ValueId>& rest) {
      sort_endpoints(rest);
      return !find_stuck().empty();
    });
    fault.minimal &= !meter_->exhausted();
    return explain(stuck, std::move(fault));
  }

  Fault explain(const std::vector<ValueId>& stuck, Fault fault) const {
    const auto& lives = container_.lives();
    const Life *first = &lives[stuck.front()], *last = nullptr;
    fault.anomaly = "reordered";
    for (const ValueId v : stuck) {
      const Life& life = lives[v];
      Container<Rules>::add_rows(life, fault.rows);
      if (!life.removed()) fault.anomaly = "lost-element";
      if (life.insert_end < first->insert_end) first = &life;
      if (life.removed() && (last == nullptr || life.remove_end > last->remove_end)) last = &life;
    }
    fault.evidence = first->insert;
    fault.bad = last == nullptr ? first->insert : last->remove;
    return fault;
  }

  static bool matters(const Life& life) {
    return life.exists() && (life.surely_inside() || (!Rules::only_certain && life.removed()));
  }

  void sweep_endpoints() {
    const auto& lives = container_.lives();
    item_of_.assign(container_.timeline().size(), no_value);
    for (ValueId v = 0; v < lives.size(); ++v) {
      if (!matters(lives[v])) continue;
      const auto [from, to] = std::minmax(lives[v].insert_end, lives[v].remove_begin);
      item_of_[from] = 2 * v;
      if (to < item_of_.size()) item_of_[to] = 2 * v + 1;
    }
    endpoints_.clear();
    for (Time t = 0; t < item_of_.size(); ++t)
      if (item_of_[t] != no_value) endpoints_.push_back({t, item_of_[t]});
  }

  void sort_endpoints(const std::vector<ValueId>& values) {
    const auto& lives = container_.lives();
    endpoints_.clear();
    for (const ValueId v : values) {
      const auto [from, to] = std::minmax(lives[v].insert_end, lives[v].remove_begin);
      endpoints_.push_back({from, 2 * v});
      if (to != never) endpoints_.push_back({to, 2 * v + 1});
    }
    std::sort(endpoints_.begin(), endpoints_.end(),
              [](const Endpoint& a, const Endpoint& b) { return a.time < b.time; });
  }

  /// Of the values in endpoints_: some that no order explains; none: linearizable.
  std::vector<ValueId> find_stuck() {
    number_items();
    work_.clear();
    bool large = false;
    Index from = 0;
    for (Index gap = 0; gap <= counts_.size(); ++gap) {
      if (gap < counts_.size() && counts_[gap] != 0) continue;
      if (from < gap) {
        large |= items_before_[gap] - items_before_[from] > Rules::small;
        work_.push_back({from, gap});
      }
      from = gap + 1;
    }
    if (large) plant_trees();
    while (!work_.empty()) {
      const Part part = work_.back();
      work_.pop_back();
      const Index first = items_before_[part.from], last = items_before_[part.to];
      if (!meter_->spend(last - first)) return {};
      std::vector<ValueId> stuck =
          last - first <= Rules::small ? check_small(first, last) : split(part, first, last);
      if (!stuck.empty()) return stuck;
    }
    return {};
  }

  void number_items() {
    const auto& lives = container_.lives();
    item_of_.resize(std::max<std::size_t>(item_of_.size(), lives.size()));
    items_.clear();
    counts_.resize(endpoints_.size());
    items_before_.resize(endpoints_.size() + 1);
    std::int32_t inside = 0;
    for (Index gap = 0; gap < endpoints_.size(); ++gap) {
      const ValueId v = endpoints_[gap].event / 2;
      items_before_[gap] = static_cast<Index>(items_.size());
      if (endpoints_[gap].event % 2 == 0) {
        item_of_[v] = static_cast<Index>(items_.size());
        items_.push_back({gap, static_cast<Index>(endpoints_.size()), lives[v].insert_begin,
                          lives[v].remove_end, v});
        ++inside;
      } else {
        items_[item_of_[v]].to = gap;
        --inside;
      }
      counts_[gap] = inside;
    }
    items_before_[endpoints_.size()] = static_cast<Index>(items_.size());
    removed_.assign(items_.size(), 0);
  }

  void plant_trees() {
    cover_.build(counts_);
    keys_.resize(items_.size());
    for (std::size_t i = 0; i < items_.size(); ++i) keys_[i] = items_[i].insert_begin;
    by_begin_.build(keys_);
    for (std::size_t i = 0; i < items_.size(); ++i) keys_[i] = ~items_[i].remove_end;
    by_end_.build(keys_);
    ready_.reset(static_cast<std::uint32_t>(items_.size()));
    half_ready_.assign(items_.size(), 0);
  }

  Time time_of(Index gap) const { return gap < endpoints_.size() ? endpoints_[gap].time : never; }

  /// Takes the bottom away from a part, and puts what is left of it to the work.
  std::vector<ValueId> split(Part part, Index first, Index last) {
    const Time begin = Rules::bottom_first ? time_of(part.from) : never - 1;
    const Time end = Rules::bottom_last ? time_of(part.to) : 1;
    const auto note = [&](std::uint32_t item) {
      if (half_ready_[item] != 0) ready_.insert(item);
      half_ready_[item] = 1;
    };
    for (std::uint32_t i; (i = by_begin_.take(first, last, begin)) != KeyTree::none;) note(i);
    for (std::uint32_t i; (i = by_end_.take(first, last, ~end)) != KeyTree::none;) note(i);
    const std::uint32_t bottom = ready_.next(first);
    if (bottom >= last) return left_of(first, last);
    ready_.erase(bottom);
    removed_[bottom] = 1;
    cover_.lower(items_[bottom].from, items_[bottom].to);
    for (std::uint32_t gap; (gap = cover_.take_zero()) != CoverTree::none;) {
      if (part.from < gap) work_.push_back({part.from, gap});
      part.from = gap + 1;
    }
    if (part.from < part.to) work_.push_back(part);
    return {};
  }

  std::vector<ValueId> left_of(Index first, Index last) const {
    std::vector<ValueId> values;
    for (Index i = first; i < last; ++i)
      if (removed_[i] == 0) values.push_back(items_[i].value);
    return values;
  }

  /// The same for few values, by looking at each.
  std::vector<ValueId> check_small(Index first, Index last) const {
    std::array<Index, Rules::small> left;
    std::array<Part, Rules::small + 1> parts;  // of `left`
    Index count = 0, waiting = 1;
    for (Index i = first; i < last; ++i)
      if (removed_[i] == 0) left[count++] = i;
    parts[0] = {0, count};
    while (waiting > 0) {
      Part& part = parts[waiting - 1];
      if (part.to - part.from <= 1) {
        --waiting;
        continue;
      }
      Index reach = items_[left[part.from]].to, cut = part.from + 1;
      for (; cut < part.to && items_[left[cut]].from < reach; ++cut)
        reach = std::max(reach, items_[left[cut]].to);
      if (cut < part.to) {
        parts[waiting++] = {cut, part.to};
        part.to = cut;
        continue;
      }
      const Time begin = time_of(items_[left[part.from]].from), end = time_of(reach);
      Index bottom = part.from;
      while (bottom < part.to && !may_be_bottom(items_[left[bottom]], begin, end)) ++bottom;
      if (bottom == part.to) {
        std::vector<ValueId> values;
        for (Index i = part.from; i < part.to; ++i) values.push_back(items_[left[i]].value);
        return values;
      }
      std::copy(left.begin() + bottom + 1, left.begin() + part.to, left.begin() + bottom);
      --part.to;
    }
    return {};
  }

  static bool may_be_bottom(const Item& item, Time begin, Time end) {
    return (item.insert_begin <= begin || !Rules::bottom_first) &&
           (item.remove_end >= end || !Rules::bottom_last);
  }

  Container<Rules> container_;
  std::vector<Endpoint> endpoints_;
  std::vector<Item> items_;
  std::vector<std::int32_t> counts_;  ///< By gap: how many values are inside.
  std::vector<Index> item_of_;        ///< By value; before that, what is at a time.
  std::vector<Index> items_before_;   ///< By gap: how many values are inside from before it.
  std::vector<Index> keys_;
  CoverTree cover_;
  KeyTree by_begin_, by_end_;  ///< Of items that are not known to reach far enough.
  IndexSet ready_;             ///< Items that may be the bottom.
  std::vector<std::uint8_t> half_ready_, removed_;
  std::vector<Part> work_;
  Meter* meter_ = nullptr;
};

}  // namespace faultline::linearizable::fast
