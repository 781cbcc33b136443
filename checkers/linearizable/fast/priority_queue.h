// Linearizability of a priority queue whose values are unique, which are integers and their own
// priorities, in time linear in the history but for sorting the values (radix).
//
// Values are taken from the best to the worst. A value may be removed iff there is a gap, after its
// insert and its removal began and before the removal ended, that no better value covers for
// certain; a worse one never stands in the way of a better one. Then it covers what it covers. An
// "empty" needs a gap that no value covers. So a set of uncovered gaps is all there is.
//
// An info insert counts if its value was removed. An info removal may have taken any value: with
// such, it says valid if the history is without them, invalid if the known removals are, else that
// it does not know.
//
// Not for: values inserted twice, values that are no integers, refused operations, other functions
// ("inapplicable").
#pragma once

#include <array>
#include <vector>

#include "checkers/linearizable/fast/container.h"
#include "checkers/linearizable/fast/index_set.h"

namespace faultline::linearizable::fast {

struct PriorityQueueRules : ContainerRules {
  static constexpr bool order = true;            ///< A removal needs a gap without a better value.
  static constexpr bool after_insert = true;     ///< Which is after its insert began.
  static constexpr bool lost = true;             ///< A value that nobody removed is still better.
  static constexpr bool infos_ambiguous = true;  ///< Guard: what an info removed is unknown.
};

enum class Best : std::uint8_t { smallest, largest };

/// Keeps its memory from one object to the next. Not thread-safe.
template <typename Rules = PriorityQueueRules>
class PriorityQueue {
 public:
  explicit PriorityQueue(Best best = Best::smallest,
                         ContainerFunctions functions = {Function::enqueue, Function::dequeue})
      : best_(best), functions_(functions) {}

  Decision check(const Operations& operations, Meter& meter) {
    const std::uint64_t need = Container<Rules>::bytes_for(operations) +
                               IndexSet::bytes_for(3 * operations.list.size()) +
                               2 * sizeof(Ranked) * operations.values.size();
    if (need > meter.bytes_max()) return out_of_memory(need);
    if (!meter.spend(operations.list.size())) return out_of_budget(meter);
    if (std::string why = container_.read(operations, functions_); !why.empty())
      return inapplicable(std::move(why));
    if (std::string why = rank_values(operations); !why.empty())
      return inapplicable(std::move(why));
    if (container_.fault()) return invalid(operations, container_.fault());
    if (!meter.spend(operations.list.size())) return out_of_budget(meter);
    const bool infos = !container_.info_removes().empty() && Rules::infos_ambiguous;
    if (Fault fault = find_fault(); !infos || !fault)
      return fault ? invalid(operations, std::move(fault)) : valid();
    container_.keep_removed_only();
    if (Fault fault = find_fault(); fault) return invalid(operations, std::move(fault));
    return inapplicable("it is unknown what some removals took");
  }

  std::uint64_t bytes() const {
    return container_.bytes() + open_.bytes() +
           (ranked_.capacity() + sorted_.capacity()) * sizeof(Ranked);
  }

 private:
  struct Ranked {
    std::uint64_t key;  ///< Smaller is better.
    ValueId value;
  };

  std::string rank_values(const Operations& operations) {
    ranked_.clear();
    const auto& lives = container_.lives();
    std::uint64_t all = 0, any = 0;
    for (ValueId v = 0; v < lives.size(); ++v) {
      if (!lives[v].exists()) continue;
      const ValueHandle h = operations.values[v];
      std::int64_t number = 0;
      if (h.is_small_integer())
        number = h.small_integer();
      else if (h.kind() == ValueHandle::Kind::big_integer)
        number = operations.pool->as_integer(h);
      else
        return value_text(operations, v) + " is no integer";
      std::uint64_t key = static_cast<std::uint64_t>(number) ^ std::uint64_t{1} << 63;
      if (best_ == Best::largest) key = ~key;
      all = ranked_.empty() ? key : all & key;
      any |= key;
      ranked_.push_back({key, v});
    }
    sort_ranked(all ^ any);
    return {};
  }

  /// By key, least significant digit first; only digits in which keys differ.
  void sort_ranked(std::uint64_t differing) {
    constexpr unsigned digit = 11;
    constexpr std::uint64_t mask = (1u << digit) - 1;
    for (unsigned shift = 0; shift < 64; shift += digit) {
      if ((differing >> shift & mask) == 0) continue;
      std::array<std::uint32_t, mask + 2> starts{};
      for (const Ranked& r : ranked_) ++starts[(r.key >> shift & mask) + 1];
      for (std::size_t d = 1; d < starts.size(); ++d) starts[d] += starts[d - 1];
      sorted_.resize(ranked_.size());
      for (const Ranked& r : ranked_) sorted_[starts[r.key >> shift & mask]++] = r;
      ranked_.swap(sorted_);
    }
  }

  Fault find_fault() {
    const auto& lives = container_.lives();
    const Time end = container_.timeline().size();
    open_.fill(end);
    constexpr std::size_t ahead = 16;
    for (std::size_t i = 0; i < ranked_.size(); ++i) {
      const Ranked& ranked = ranked_[i];
      if (i + ahead < ranked_.size()) __builtin_prefetch(&lives[ranked_[i + ahead].value]);
      const Life& life = lives[ranked.value];
      if (!life.exists()) continue;
      if (life.removed() && Rules::order) {
        const Time from = earliest(life);
        if (open_.next(from) >= life.remove_end) return explain(ranked, from);
      }
      if (!life.surely_inside() || (!Rules::lost && !life.removed())) continue;
      open_.erase(life.insert_end, std::min(life.remove_begin, end));
    }
    return container_.find_covered_empty();
  }

  static Time earliest(const Life& life) {
    return Rules::after_insert ? std::max(life.insert_begin, life.remove_begin) : life.remove_begin;
  }

  Fault explain(const Ranked& worse, Time from) const {
    const auto& lives = container_.lives();
    const Life& life = lives[worse.value];
    std::vector<bool> better(lives.size(), false);
    for (const Ranked& ranked : ranked_) {
      if (ranked.key >= worse.key) break;
      better[ranked.value] = true;
    }
    std::vector<ValueId> chain;
    container_.cover(from, life.remove_end, [&](ValueId v) { return better[v]; }, chain);
    Fault fault{"reordered", {}, life.remove, life.insert, true};
    if (!chain.empty()) fault.evidence = lives[chain.front()].insert;
    Container<Rules>::add_rows(life, fault.rows);
    for (const ValueId v : chain) Container<Rules>::add_rows(lives[v], fault.rows);
    return fault;
  }

  Best best_;
  ContainerFunctions functions_;
  Container<Rules> container_;
  std::vector<Ranked> ranked_, sorted_;
  IndexSet open_;  ///< Gaps that no value so far covers.
};

}  // namespace faultline::linearizable::fast
