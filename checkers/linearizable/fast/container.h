// What queues, stacks and priority queues have in common: a value is inserted by one operation and
// removed by at most one other, and each of these types is closed under leaving values out,
// together with what inserted and removed them (Bouajjani, Emmi, Enea & Hamza 2015). So a few
// values that cannot be explained are a proof for the whole history.
//
// A value is inside for certain from the end of its insert to the begin of its removal. Times lie
// between events: gap t is between the times t and t + 1, and an operation that begins at b and
// ends at e takes effect in one of the gaps b … e-1.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "checkers/linearizable/fast/decisions.h"
#include "checkers/linearizable/fast/timeline.h"

namespace faultline::linearizable::fast {

/// A value's two operations. An info insert has no end, so that nothing follows from it unless the
/// value was removed, and then it must have happened.
struct Life {
  Time insert_begin = never, insert_end = never;
  Time remove_begin = never, remove_end = never;
  Index insert = no_index, remove = no_index;

  bool exists() const { return insert != no_index; }
  bool removed() const { return remove != no_index; }
  /// The first gap that it is inside for certain, and the gap after the last.
  bool surely_inside() const { return insert_end < remove_begin; }
};

/// The functions of a container, as its model names them.
struct ContainerFunctions {
  Function insert, remove;
};

struct ContainerRules {
  static constexpr bool unique_inserts = true;      ///< Guard: a value inserted twice is ambiguous.
  static constexpr bool inserted = true;            ///< What is removed has been inserted.
  static constexpr bool removed_once = true;        ///< Nothing is removed twice.
  static constexpr bool not_from_future = true;     ///< No removal ends before its insert begins.
  static constexpr bool empty_when_covered = true;  ///< "empty" needs an instant without values.
};

/// Reads the operations of a container once. Keeps its memory.
template <typename Rules = ContainerRules>
class Container {
 public:
  /// Empty if the history is one for the engines, else why not.
  std::string read(const Operations& operations, ContainerFunctions functions) {
    operations_ = &operations;
    timeline_.build(operations);
    lives_.assign(operations.values.size(), Life{});
    empties_.clear();
    info_removes_.clear();
    fault_ = {};
    for (Index i = 0; i < operations.list.size(); ++i) {
      if (i + ahead < operations.list.size()) prefetch(operations.list[i + ahead]);
      if (std::string why = take(operations.list[i], i, functions); !why.empty()) return why;
    }
    check_removals();
    return {};
  }

  /// What is wrong with some value by itself.
  const Fault& fault() const { return fault_; }
  const Timeline& timeline() const { return timeline_; }
  std::vector<Life>& lives() { return lives_; }  ///< By value.
  const std::vector<Life>& lives() const { return lives_; }
  const std::vector<Index>& empties() const { return empties_; }  ///< Removals that found nothing.
  const std::vector<Index>& info_removes() const { return info_removes_; }

  /// Leaves out the values that nobody removed, of whom an info removal may have taken any.
  void keep_removed_only() {
    for (Life& life : lives_)
      if (!life.removed()) life = Life{};
  }

  static void add_rows(const Life& life, std::vector<Index>& rows) {
    rows.push_back(life.insert);
    if (life.removed()) rows.push_back(life.remove);
  }

  /// An "empty" during all of which some value was inside, with the fewest such values.
  Fault find_covered_empty() {
    if (empties_.empty() || !Rules::empty_when_covered) return {};
    count_open_gaps();
    for (const Index i : empties_)
      if (open_before_[timeline_.begin(i)] == open_before_[timeline_.end(i)]) {
        std::vector<ValueId> chain;
        cover(timeline_.begin(i), timeline_.end(i), [](ValueId) { return true; }, chain);
        Fault fault{"lost-element", {i}, i, lives_[chain.front()].insert, true};
        for (const ValueId v : chain) add_rows(lives_[v], fault.rows);
        return fault;
      }
    return {};
  }

  /// The fewest of the values that `may` be used which together cover the gaps [from, to).
  template <typename May>
  void cover(Time from, Time to, May may, std::vector<ValueId>& chain) const {
    std::vector<std::pair<Time, ValueId>> inside;
    for (ValueId v = 0; v < lives_.size(); ++v)
      if (lives_[v].surely_inside() && lives_[v].insert_end < to && lives_[v].remove_begin > from &&
          may(v))
        inside.emplace_back(lives_[v].insert_end, v);
    std::sort(inside.begin(), inside.end());
    std::size_t next = 0;
    for (Time at = from; at < to;) {
      Time reach = at;
      ValueId best = no_value;
      for (; next < inside.size() && inside[next].first <= at; ++next)
        if (lives_[inside[next].second].remove_begin > reach) {
          best = inside[next].second;
          reach = lives_[best].remove_begin;
        }
      chain.push_back(best);
      at = reach;
    }
  }

  std::uint64_t bytes() const {
    return timeline_.bytes() + lives_.capacity() * sizeof(Life) +
           (empties_.capacity() + info_removes_.capacity() + open_before_.capacity()) *
               sizeof(Index);
  }
  /// What read() and find_covered_empty() need at most.
  static std::uint64_t bytes_for(const Operations& operations) {
    return Timeline::bytes_for(operations.list.size()) + operations.values.size() * sizeof(Life) +
           operations.list.size() * 5 * sizeof(Index);
  }

 private:
  static constexpr Index ahead = 16;

  /// Values come in any order, and memory answers slowly.
  void prefetch(const Operation& o) const {
    const ValueId value = o.argument != no_value ? o.argument : o.output;
    if (value != no_value) __builtin_prefetch(&lives_[value], 1);
  }

  std::string take(const Operation& o, Index i, ContainerFunctions functions) {
    if (o.refused) return "a refused " + std::string(name_of(o.function)) + " says nothing here";
    if (o.function == functions.insert) {
      if (o.argument == no_value) return "nil was inserted, which is what an empty object answers";
      Life& life = lives_[o.argument];
      if (Rules::unique_inserts && life.exists())
        return value_text(*operations_, o.argument) + " was inserted twice";
      life.insert = i;
      life.insert_begin = timeline_.begin(i);
      life.insert_end = timeline_.end(i);
      return {};
    }
    if (o.function != functions.remove)
      return std::string(name_of(o.function)) + " is not among its functions";
    if (o.is_info()) {
      info_removes_.push_back(i);
    } else if (o.output == no_value) {
      empties_.push_back(i);
    } else {
      Life& life = lives_[o.output];
      if (life.removed() && Rules::removed_once) {
        if (!fault_) fault_ = {"double-read", {life.remove, i}, i, life.remove, true};
        return {};
      }
      life.remove = i;
      life.remove_begin = timeline_.begin(i);
      life.remove_end = timeline_.end(i);
    }
    return {};
  }

  void check_removals() {
    if (fault_) {  // read twice: say also who inserted it
      const Life& life = lives_[operations_->list[fault_.bad].output];
      if (life.exists()) fault_.rows.push_back(life.insert);
      return;
    }
    for (Life& life : lives_) {
      if (life.removed() && !life.exists() && Rules::inserted) {
        fault_ = {"phantom-read", {life.remove}, life.remove, life.remove, true};
        return;
      }
      if (life.removed() && life.exists() && life.remove_end < life.insert_begin &&
          Rules::not_from_future) {
        fault_ = {"phantom-read", {life.insert, life.remove}, life.remove, life.insert, true};
        return;
      }
      if (!life.exists()) life = Life{};
    }
  }

  /// open_before_[t]: of the gaps before t, how many no value covers for certain.
  void count_open_gaps() {
    open_before_.assign(timeline_.size() + 1, 0);
    for (const Life& life : lives_)
      if (life.surely_inside()) {
        ++open_before_[life.insert_end];
        if (life.remove_begin < timeline_.size()) --open_before_[life.remove_begin];
      }
    Index inside = 0, open = 0;
    for (Index& at : open_before_) {
      inside += at;
      at = open;
      open += inside == 0 ? 1 : 0;
    }
  }

  const Operations* operations_ = nullptr;
  Timeline timeline_;
  std::vector<Life> lives_;
  std::vector<Index> empties_, info_removes_;
  std::vector<Index> open_before_;
  Fault fault_;
};

}  // namespace faultline::linearizable::fast
