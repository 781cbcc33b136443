// Linearizability of a lock or a semaphore that does not ask who releases it, in time linear in the
// history: see switches.h. A refused acquire found the lock held at some instant, a refused release
// found it free.
//
// Not for: refusals by a semaphore of several permits, several permits at a time (an argument),
// other functions ("inapplicable").
#pragma once

#include <string>

#include "checkers/linearizable/fast/switches.h"

namespace faultline::linearizable::fast {

/// Keeps its memory from one object to the next. Not thread-safe.
template <typename Rules = SwitchRules>
class Semaphore {
 public:
  /// One permit: a lock.
  explicit Semaphore(std::uint32_t permits = 1) : permits_(permits) {}

  Decision check(const Operations& operations, Meter& meter) {
    const std::uint64_t n = operations.list.size();
    const std::uint64_t need =
        Timeline::bytes_for(n) + Switches<Rules>::bytes_for(n) + 12 * n + 256;
    if (need > meter.bytes_max()) return out_of_memory(need);
    if (!meter.spend(2 * n)) return out_of_budget(meter);
    timeline_.build(operations);
    switches_.prepare(operations.list.size());
    if (std::string why = read(operations); !why.empty()) return inapplicable(std::move(why));
    const auto lane = fill_lane(operations.list.size());
    const auto end = switches_.run(lane, lane.begin, lane.events, 0, permits_);
    if (end.failed == Switches<Rules>::nowhere) return valid();
    SwitchWitness<Rules> witness(timeline_, switches_, permits_);
    Fault fault = witness.explain(lane, end.failed);
    fault.anomaly = switches_.move(fault.bad) == Move::up ? "split-brain" : "not-linearizable";
    return invalid(operations, std::move(fault));
  }

  std::uint64_t bytes() const {
    return timeline_.bytes() + switches_.bytes() + events_.capacity() * sizeof(std::uint32_t);
  }

 private:
  std::string read(const Operations& operations) {
    for (Index i = 0; i < operations.list.size(); ++i) {
      const Operation& o = operations.list[i];
      if (o.function != Function::acquire && o.function != Function::release)
        return std::string(name_of(o.function)) + " is not among its functions";
      const bool acquires = o.function == Function::acquire;
      if (permits_ > 1 && o.refused)
        return "a refused " + std::string(name_of(o.function)) +
               " of a semaphore with several permits";
      if (permits_ > 1 && o.argument != no_value)
        return std::string(name_of(o.function)) + " has an argument, " +
               value_text(operations, o.argument);
      switches_.move(i) = o.refused ? (acquires ? Move::saw_up : Move::saw_down)
                                    : (acquires ? Move::up : Move::down);
    }
    return {};
  }

  typename Switches<Rules>::Lane fill_lane(std::size_t n) {
    events_.assign(timeline_.size(), 0xffffffffu);
    typename Switches<Rules>::Lane lane;
    lane.end = static_cast<std::uint32_t>(2 * n);
    std::uint32_t back = lane.end;
    for (Index i = 0; i < n; ++i) {
      events_[timeline_.begin(i)] = 2 * i;
      if (timeline_.end(i) != never)
        events_[timeline_.end(i)] = 2 * i + 1;
      else
        switches_.set_event(--back, i, true);
    }
    for (const std::uint32_t event : events_)
      if (event != 0xffffffffu) switches_.set_event(lane.events++, event / 2, event % 2 != 0);
    return lane;
  }

  std::uint32_t permits_;
  Timeline timeline_;
  Switches<Rules> switches_;
  std::vector<std::uint32_t> events_;  ///< By time.
};

}  // namespace faultline::linearizable::fast
