// Linearizability of a counter whose increments are all equal, in linear time.
//
// Lazy and earliest deadline first: an increment is made to happen when it ends, or when a read
// that ends needs more of them; then the pending one with the earliest end. So the number of those
// that happened is at all times the least that it can be, and a read that begins when it is above
// what it will answer is a violation, as is one that ends while too few have begun. An info
// increment has the deadline `never`. (Prototypes of this project; fuzzed. Bounds by themselves are
// not enough: an increment used early raises all later lower bounds.)
//
// Not for: unequal or no increments, decrements among them, adds that answer something other than
// their argument, refused operations, other functions ("inapplicable").
#pragma once

#include <string>
#include <vector>

#include "checkers/linearizable/fast/decisions.h"
#include "checkers/linearizable/fast/index_set.h"
#include "checkers/linearizable/fast/numbers.h"
#include "checkers/linearizable/fast/timeline.h"

namespace faultline::linearizable::fast {

struct CounterRules {
  static constexpr bool equal_steps = true;     ///< Guard.
  static constexpr bool not_too_few = true;     ///< A read needs as many increments as it answers.
  static constexpr bool not_too_many = true;    ///< And no more.
  static constexpr bool earliest_first = true;  ///< Of the pending increments.
  static constexpr bool reads_count = true;     ///< What a read needs has happened from then on.
};

/// Keeps its memory from one object to the next. Not thread-safe.
template <typename Rules = CounterRules>
class Counter {
 public:
  explicit Counter(std::int64_t initial = 0) : initial_(initial) {}

  Decision check(const Operations& operations, Meter& meter) {
    const std::uint64_t n = operations.list.size();
    const std::uint64_t need = Timeline::bytes_for(n) + IndexSet::bytes_for(6 * n) + 33 * n + 256;
    if (need > meter.bytes_max()) return out_of_memory(need);
    if (!meter.spend(2 * n)) return out_of_budget(meter);
    if (std::string why = read(operations); !why.empty()) return inapplicable(std::move(why));
    for (Index i = 0; i < operations.list.size(); ++i)
      if (answer_[i] == impossible) return invalid(operations, {"phantom-read", {i}, i, i, true});
    timeline_.build(operations);
    place_all();
    const Index bad = run();
    return bad == no_index ? valid() : invalid(operations, explain(bad));
  }

  std::uint64_t bytes() const {
    return timeline_.bytes() + pending_.bytes() + answer_.capacity() * sizeof(std::int64_t) +
           (events_.capacity() + end_of_.capacity()) * sizeof(Index) + fired_.capacity() +
           order_.capacity() * sizeof(std::uint64_t);
  }

 private:
  static constexpr std::int64_t increment = -1;   ///< Of answer_: it is none.
  static constexpr std::int64_t impossible = -2;  ///< No number of increments leads there.
  static constexpr std::int64_t ignored = -3;     ///< An info read.

  /// answer_[i]: after how many increments the read happened.
  std::string read(const Operations& operations) {
    answer_.assign(operations.list.size(), increment);
    std::int64_t step = 0;
    for (const Operation& o : operations.list) {
      const std::string_view name = name_of(o.function);
      if (o.function != Function::add && o.function != Function::read)
        return std::string(name) + " is not among its functions";
      if (o.refused) return "a refused " + std::string(name) + " says nothing here";
      if (o.function != Function::add) continue;
      std::int64_t delta = 0;
      if (!integer_of(operations, o.argument, delta) || delta == 0)
        return "an add of " + value_text(operations, o.argument) + ", which is no increment";
      if (step != 0 && delta != step && Rules::equal_steps) return "its increments are not equal";
      if (o.output != no_value && o.output != o.argument)
        return "an add answered " + value_text(operations, o.output);
      step = delta;
    }
    for (Index i = 0; i < operations.list.size(); ++i) {
      const Operation& o = operations.list[i];
      if (o.function == Function::add) continue;
      if (o.is_info()) {
        answer_[i] = ignored;
        continue;
      }
      std::int64_t number = 0, count = 0;
      if (!integer_of(operations, o.output, number))
        return "a read answered " + value_text(operations, o.output) + ", no integer";
      answer_[i] = number == initial_ ? 0
                   : step == 0 || !steps_between(initial_, number, step, count) || count < 0
                       ? impossible
                       : count;
    }
    return {};
  }

  void place_all() {
    events_.assign(timeline_.size(), no_index);
    end_of_.resize(answer_.size());
    fired_.resize(answer_.size());
    for (Index i = 0; i < answer_.size(); ++i) {
      end_of_[i] = timeline_.end(i);
      if (answer_[i] == ignored) continue;
      events_[timeline_.begin(i)] = 2 * i;
      if (end_of_[i] != never) events_[end_of_[i]] = 2 * i + 1;
    }
  }
  void place(const std::vector<Index>& rows) {
    order_.clear();
    for (const Index i : rows) {
      order_.push_back(std::uint64_t{timeline_.begin(i)} << 32 | 2 * i);
      if (timeline_.end(i) != never)
        order_.push_back(std::uint64_t{timeline_.end(i)} << 32 | (2 * i + 1));
    }
    std::sort(order_.begin(), order_.end());
    events_.clear();
    for (const std::uint64_t event : order_) {
      const auto i = static_cast<Index>(event);
      if (i % 2 == 1) end_of_[i / 2] = static_cast<Time>(events_.size());
      events_.push_back(i);
    }
  }

  /// The first operation that is not explained, or none.
  Index run() {
    // Infos are pending after all that have an end.
    auto info_slot = static_cast<std::uint32_t>(events_.size());
    pending_.reset(2 * info_slot);
    std::int64_t count = 0;
    for (const Index event : events_) {
      if (event == no_index) continue;
      const Index i = event / 2;
      const bool ends = event % 2 == 1;
      if (answer_[i] == increment) {
        if (!ends) {
          fired_[i] = 0;
          pending_.insert(end_of_[i] != never ? end_of_[i] : info_slot++);
        } else if (fired_[i] == 0) {
          pending_.erase(end_of_[i]);
          ++count;
        }
      } else if (!ends) {
        too_many_ = count > answer_[i] && Rules::not_too_many;
        if (too_many_) return i;
      } else {
        const std::int64_t before = count;
        for (; count < answer_[i]; ++count)
          if (!fire()) {
            if (Rules::not_too_few) return i;
            break;
          }
        if (!Rules::reads_count) count = before;
      }
    }
    return no_index;
  }

  bool fire() {
    std::uint32_t slot = pending_.next(0);
    if (slot == IndexSet::none) return false;
    if (!Rules::earliest_first)
      if (const std::uint32_t later = pending_.next(slot + 1); later != IndexSet::none)
        slot = later;
    pending_.erase(slot);
    if (slot < events_.size()) fired_[events_[slot] / 2] = 1;
    return true;
  }

  bool fails(const std::vector<Index>& rows) {
    place(rows);
    return run() != no_index;
  }

  Fault explain(Index bad) {
    Fault fault{"phantom-read", {bad}, bad, bad, false};
    const bool too_many = too_many_;
    const Time until = too_many ? timeline_.begin(bad) : timeline_.end(bad);
    Index above = bad;
    std::vector<Index> reads;
    for (Index i = 0; i < answer_.size() && timeline_.begin(i) < until; ++i) {
      if (answer_[i] == increment) {
        fault.rows.push_back(i);
        if (timeline_.end(i) < until &&
            (fault.evidence == bad || timeline_.end(i) > timeline_.end(fault.evidence)))
          fault.evidence = i;
      } else if (too_many && answer_[i] != ignored && timeline_.end(i) < until) {
        reads.push_back(i);
        if (answer_[i] > answer_[above]) above = i;
      }
    }
    if (above != bad) return {"non-monotonic-read", {above, bad}, bad, above, false};
    if (too_many) {
      fault.anomaly = "stale-read";
      std::vector<Index> adds = fault.rows;
      drop_units(reads, shrink_steps / adds.size(), [&](const std::vector<Index>& kept) {
        fault.rows = adds;
        fault.rows.insert(fault.rows.end(), kept.begin(), kept.end());
        return fails(fault.rows);
      });
      fault.rows = std::move(adds);
      fault.rows.insert(fault.rows.end(), reads.begin(), reads.end());
    }
    fault.minimal = fault.rows.size() <= 64;
    for (std::size_t i = 0; i < fault.rows.size() && fault.minimal; ++i) {
      std::vector<Index> rest = fault.rows;
      rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(i));
      fault.minimal = !fails(rest);
    }
    return fault;
  }

  static constexpr std::uint64_t shrink_steps = 20'000'000;

  std::int64_t initial_;
  Timeline timeline_;
  std::vector<std::int64_t> answer_;
  std::vector<Index> events_;  ///< By time: 2 i where i begins, 2 i + 1 where it ends.
  std::vector<Time> end_of_;
  std::vector<std::uint8_t> fired_;
  std::vector<std::uint64_t> order_;
  IndexSet pending_;  ///< Increments that may happen now, by their ends.
  bool too_many_ = false;
};

}  // namespace faultline::linearizable::fast
