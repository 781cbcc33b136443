// Linearizability of a FIFO queue whose inserted values are unique, in linear time.
//
// A history of enqueues and dequeues is linearizable iff every dequeued value was enqueued, not by
// an operation that began after the dequeue ended; no value was dequeued twice; for no two values
// a and b, a enqueued before b, was b dequeued although a was not, or dequeued before a was; and
// every "empty" has an instant at which no value is inside for certain (Henzinger, Sezgin &
// Vafeiadis 2013; Bouajjani, Emmi, Enea & Hamza 2015). The order is one sweep: over the enqueues
// that have ended, the latest begin of their values' dequeues; a value whose enqueue begins now
// must not have been dequeued by then.
//
// An info enqueue counts if its value was dequeued. An info dequeue may have taken any value, or
// none. Without "empty" that is a matching: a value a that nobody dequeued needs an info dequeue
// which began before D(a), the first end of a dequeue of what was enqueued after a; as the D are
// deadlines and the infos begins, sorted counts decide. With both infos and "empty" it says valid
// if the history is without its infos, invalid if it is without its "empty" answers or as far as
// the dequeued values go, else that it does not know.
//
// Not for: values enqueued twice, refused operations, other functions ("inapplicable").
#pragma once

#include <vector>

#include "checkers/linearizable/fast/container.h"

namespace faultline::linearizable::fast {

/// The rules of the queue. Tests turn single ones off and must notice.
struct QueueRules : ContainerRules {
  static constexpr bool order = true;         ///< First in, first out.
  static constexpr bool lost = true;          ///< A value that nobody dequeued is still in front.
  static constexpr bool enough_infos = true;  ///< A missing value needs an info dequeue of its own.
  static constexpr bool infos_in_time = true;       ///< Which began before the deadline.
  static constexpr bool infos_with_empties = true;  ///< Guard: infos may explain an "empty".
};

/// Keeps its memory from one object to the next. Not thread-safe.
template <typename Rules = QueueRules>
class Queue {
 public:
  Decision check(const Operations& operations, Meter& meter) {
    const std::uint64_t need = Container<Rules>::bytes_for(operations) +
                               (2 * sizeof(ValueId) + sizeof(Time)) * 3 * operations.list.size();
    if (need > meter.bytes_max()) return out_of_memory(need);
    if (!meter.spend(operations.list.size())) return out_of_budget(meter);
    if (std::string why =
            container_.read(operations, {.insert = Function::enqueue, .remove = Function::dequeue});
        !why.empty())
      return inapplicable(std::move(why));
    if (container_.fault()) return invalid(operations, container_.fault());
    if (!meter.spend(operations.list.size())) return out_of_budget(meter);
    return container_.info_removes().empty() ? decide(operations) : decide_with_infos(operations);
  }

  std::uint64_t bytes() const {
    return container_.bytes() + events_.capacity() * sizeof(ValueId) +
           (first_after_.capacity() + balance_.capacity()) * sizeof(Time);
  }

 private:
  static constexpr ValueId no_event = no_value;

  Decision decide(const Operations& operations) {
    if (Fault fault = find_order(); fault) return invalid(operations, std::move(fault));
    if (Fault fault = container_.find_covered_empty(); fault)
      return invalid(operations, std::move(fault));
    return valid();
  }

  Decision decide_with_infos(const Operations& operations) {
    const bool empties = !container_.empties().empty() && Rules::infos_with_empties;
    if (empties && !find_order() && !container_.find_covered_empty()) return valid();
    if (Fault fault = find_unmatched(); fault) return invalid(operations, std::move(fault));
    container_.keep_removed_only();
    Decision decision = decide(operations);
    if (decision.answer == Decision::Answer::invalid || !empties) return decision;
    return inapplicable(
        "dequeues whose answer is unknown may explain why the queue was found empty");
  }

  void place_inserts() {
    const auto& lives = container_.lives();
    events_.assign(container_.timeline().size(), no_event);
    for (ValueId v = 0; v < lives.size(); ++v) {
      if (!lives[v].exists()) continue;
      events_[lives[v].insert_begin] = 2 * v;
      if (lives[v].insert_end != never) events_[lives[v].insert_end] = 2 * v + 1;
    }
  }

  Fault find_order() {
    place_inserts();
    const auto& lives = container_.lives();
    ValueId last = no_value;  // enqueued for certain, and of these the one whose dequeue began last
    Time latest = 0;
    for (const ValueId event : events_) {
      if (event == no_event) continue;
      const Life& life = lives[event / 2];
      if (event % 2 == 1) {
        if (life.remove_begin > latest && (Rules::lost || life.removed())) {
          latest = life.remove_begin;
          last = event / 2;
        }
      } else if (life.removed() && life.remove_end < latest && Rules::order) {
        const Life& before = lives[last];
        Fault fault{
            before.removed() ? "reordered" : "lost-element", {}, life.remove, before.insert, true};
        Container<Rules>::add_rows(before, fault.rows);
        Container<Rules>::add_rows(life, fault.rows);
        return fault;
      }
    }
    return {};
  }

  /// Values that nobody is known to have dequeued, and that are more than the infos in time.
  Fault find_unmatched() {
    place_inserts();
    const auto& lives = container_.lives();
    const Timeline& timeline = container_.timeline();
    // balance_[t]: info dequeues that began up to t, less the values whose deadline is up to t.
    balance_.assign(timeline.size() + 1, 0);
    first_after_.assign(timeline.size(), no_value);
    for (const Index i : container_.info_removes())
      ++balance_[Rules::infos_in_time ? timeline.begin(i) : 0];
    ValueId first = no_value;  // enqueued from here on, and of these the one dequeued first
    for (Time t = timeline.size(); t-- > 0;) {
      const ValueId event = events_[t];
      if (event == no_event) continue;
      const Life& life = lives[event / 2];
      if (event % 2 == 0) {
        if (life.removed() && (first == no_value || life.remove_end < lives[first].remove_end))
          first = event / 2;
      } else if (!life.removed() && first != no_value) {
        first_after_[t] = first;
        --balance_[lives[first].remove_end];
      }
    }
    std::int64_t spare = 0;
    for (Time t = 0; t < balance_.size() && Rules::enough_infos; ++t) {
      spare += static_cast<std::int32_t>(balance_[t]);
      if (spare < 0) return explain_unmatched(t);
    }
    return {};
  }

  Fault explain_unmatched(Time deadline) const {
    const auto& lives = container_.lives();
    Fault fault;
    fault.anomaly = "lost-element";
    for (const Life& life : lives) {
      if (!life.exists() || life.removed() || life.insert_end == never) continue;
      const ValueId after = first_after_[life.insert_end];
      if (after == no_value || lives[after].remove_end > deadline) continue;
      Container<Rules>::add_rows(life, fault.rows);
      Container<Rules>::add_rows(lives[after], fault.rows);
      fault.evidence = life.insert;
      if (fault.bad == no_index || lives[after].remove_end == deadline)
        fault.bad = lives[after].remove;
    }
    for (const Index i : container_.info_removes())
      if (container_.timeline().begin(i) < deadline) fault.rows.push_back(i);
    return fault;
  }

  Container<Rules> container_;
  std::vector<ValueId> events_;  ///< By time: 2 v where v's insert begins, 2 v + 1 where it ends.
  std::vector<ValueId> first_after_;  ///< Where a lost value's insert ends: who gives its deadline.
  std::vector<Time> balance_;
};

}  // namespace faultline::linearizable::fast
