// Linearizability of a fetch-and-add whose increments are all equal, in linear time. What an
// operation answers is its place in the order, so nothing needs to be searched: no place is taken
// twice; nobody ended before a predecessor began (the latest begin up to here is not after the
// end); and each place that no answer names is an info's, a different one for each, that began
// before any later operation ended. Deadlines and begins are both sorted, so counting decides.
// Reads stand between two places.
//
// Not for: unequal increments, answers that are no integers, refused operations, other functions
// ("inapplicable").
#pragma once

#include <string>
#include <vector>

#include "checkers/linearizable/fast/decisions.h"
#include "checkers/linearizable/fast/numbers.h"
#include "checkers/linearizable/fast/timeline.h"

namespace faultline::linearizable::fast {

struct FetchAndAddRules {
  static constexpr bool equal_steps = true;  ///< Guard.
  static constexpr bool distinct = true;     ///< No answer is given twice.
  static constexpr bool in_order = true;     ///< Places keep precedence.
  static constexpr bool reads_in_order = true;
  static constexpr bool gaps_filled = true;   ///< A place that no answer names is an info's.
  static constexpr bool gaps_in_time = true;  ///< One that began early enough.
};

/// Does an operation answer what was there before it added, or after?
enum class Answers : std::uint8_t { before, after };

/// Keeps its memory from one object to the next. Not thread-safe.
template <typename Rules = FetchAndAddRules>
class FetchAndAdd {
 public:
  explicit FetchAndAdd(Answers answers = Answers::before, std::int64_t initial = 0)
      : answers_(answers), initial_(initial) {}

  Decision check(const Operations& operations, Meter& meter) {
    const std::uint64_t n = operations.list.size();
    const std::uint64_t need =
        Timeline::bytes_for(n) + (n + 2) * (sizeof(Place) + 2 * sizeof(Index) + sizeof(Time));
    if (need > meter.bytes_max()) return out_of_memory(need);
    if (!meter.spend(n)) return out_of_budget(meter);
    operations_ = &operations;
    timeline_.build(operations);
    places_.assign(n + 2, Place{});
    infos_.clear();
    if (std::string why = find_step(); !why.empty()) return inapplicable(std::move(why));
    Fault fault;
    if (std::string why = take_places(fault); !why.empty()) return inapplicable(std::move(why));
    if (!meter.spend(n)) return out_of_budget(meter);
    if (!fault) fault = check_order();
    if (!fault && Rules::gaps_filled) fault = check_gaps();
    return fault ? invalid(operations, std::move(fault)) : valid();
  }

  std::uint64_t bytes() const {
    return timeline_.bytes() + places_.capacity() * sizeof(Place) +
           infos_.capacity() * sizeof(Index);
  }

 private:
  /// The k-th place: reads that saw k increments, then the operation that made the next one.
  struct Place {
    Index add = no_index;
    Index first_read = no_index;  ///< The one that ended first.
    Index last_read = no_index;   ///< The one that began last.
  };

  static bool adds(const Operation& o) {
    return o.function == Function::add || o.function == Function::generate;
  }

  std::string find_step() {
    step_ = 0;
    for (const Operation& o : operations_->list) {
      const std::string_view name = name_of(o.function);
      if (!adds(o) && o.function != Function::read)
        return std::string(name) + " is not among its functions";
      if (o.refused) return "a refused " + std::string(name) + " says nothing here";
      if (!adds(o)) continue;
      std::int64_t delta = 1;
      if (o.argument != no_value || o.function == Function::add)
        if (!integer_of(*operations_, o.argument, delta) || delta == 0)
          return "an add of " + value_text(*operations_, o.argument) + ", which is no increment";
      if (step_ != 0 && step_ != delta && Rules::equal_steps) return "its increments are not equal";
      step_ = delta;
    }
    return {};
  }

  std::string take_places(Fault& fault) {
    for (Index i = 0; i < operations_->list.size(); ++i) {
      const Operation& o = operations_->list[i];
      if (o.is_info()) {
        if (adds(o)) infos_.push_back(i);
        continue;
      }
      std::int64_t number = 0;
      if (!integer_of(*operations_, o.output, number))
        return std::string(name_of(o.function)) + " answered " +
               value_text(*operations_, o.output) + ", no integer";
      if (fault) continue;
      std::int64_t k = 0;
      const bool possible =
          step_ == 0 ? number == initial_ : steps_between(initial_, number, step_, k);
      if (adds(o) && answers_ == Answers::after) --k;
      if (!possible || k < 0)
        fault = {"phantom-read", {i}, i, i, true};
      else if (static_cast<std::uint64_t>(k) >= operations_->list.size() + 1)
        fault = too_far(i);
      else
        take(places_[static_cast<std::size_t>(k)], i, fault);
    }
    return {};
  }

  void take(Place& place, Index i, Fault& fault) {
    if (adds(operations_->list[i])) {
      if (place.add != no_index && Rules::distinct)
        fault = {"duplicate", {place.add, i}, i, place.add, false};
      place.add = i;
      return;
    }
    if (place.first_read == no_index || timeline_.end(i) < timeline_.end(place.first_read))
      place.first_read = i;
    if (place.last_read == no_index || timeline_.begin(i) > timeline_.begin(place.last_read))
      place.last_read = i;
  }

  /// It answers more increments than there are operations.
  Fault too_far(Index bad) const {
    Fault fault{"phantom-read", {bad}, bad, bad, false};
    for (Index i = 0; i < operations_->list.size(); ++i)
      if (adds(operations_->list[i])) fault.rows.push_back(i);
    return fault;
  }

  Fault check_order() const {
    Index latest = no_index;  // of all that came before, the one that began last
    const auto late = [&](Index i) {
      return latest != no_index && timeline_.end(i) < timeline_.begin(latest);
    };
    const auto pass = [&](Index i) {
      if (latest == no_index || timeline_.begin(i) > timeline_.begin(latest)) latest = i;
    };
    const auto fault = [&](Index i) {
      const bool read = !adds(operations_->list[latest]);
      return Fault{read ? "stale-read" : "reordered", {latest, i}, latest, i, false};
    };
    for (const Place& place : places_) {
      if (place.first_read != no_index && Rules::reads_in_order) {
        if (late(place.first_read)) return fault(place.first_read);
        pass(place.last_read);
      }
      if (place.add != no_index && Rules::in_order) {
        if (late(place.add)) return fault(place.add);
        pass(place.add);
      }
    }
    return {};
  }

  /// From the last place to the first: the i-th gap from the left needs the i-th info.
  Fault check_gaps() {
    std::size_t last = places_.size(), gaps = 0;
    while (last > 0 && places_[last - 1].add == no_index &&
           places_[last - 1].first_read == no_index)
      --last;
    for (std::size_t k = 0; k < last; ++k)
      if (needs_info(k, last)) ++gaps;
    Index first = no_index;  // of all later ones, the one that ended first
    const auto pass = [&](Index i) {
      if (i != no_index && (first == no_index || timeline_.end(i) < timeline_.end(first)))
        first = i;
    };
    Fault fault;
    for (std::size_t k = last; k-- > 0;) {
      if (needs_info(k, last)) {
        --gaps;
        const bool filled =
            gaps < infos_.size() &&
            (!Rules::gaps_in_time || timeline_.begin(infos_[gaps]) < timeline_.end(first));
        if (!filled) fault = unfilled(first);
      }
      pass(places_[k].add);
      pass(places_[k].first_read);
    }
    return fault;
  }

  /// A last place with reads only needs nothing.
  bool needs_info(std::size_t k, std::size_t last) const {
    return places_[k].add == no_index && k + 1 < last;
  }

  /// `bad` comes after more places than operations could have taken.
  Fault unfilled(Index bad) const {
    Fault fault{"phantom-read", {bad}, bad, bad, false};
    for (Index i = 0; i < operations_->list.size(); ++i)
      if (adds(operations_->list[i]) && i != bad && timeline_.begin(i) < timeline_.end(bad))
        fault.rows.push_back(i);
    return fault;
  }

  Answers answers_;
  std::int64_t initial_;
  std::int64_t step_ = 0;
  const Operations* operations_ = nullptr;
  Timeline timeline_;
  std::vector<Place> places_;
  std::vector<Index> infos_;  ///< Adds that may have happened, by begin.
};

/// A generator of ids promises no more than that none is given twice.
class IdGenerator {
 public:
  Decision check(const Operations& operations, Meter& meter) {
    if (operations.values.size() * sizeof(Index) > meter.bytes_max())
      return out_of_memory(operations.values.size() * sizeof(Index));
    if (!meter.spend(operations.list.size())) return out_of_budget(meter);
    given_.assign(operations.values.size(), no_index);
    Fault fault;
    for (Index i = 0; i < operations.list.size(); ++i) {
      const Operation& o = operations.list[i];
      if (o.function != Function::generate)
        return inapplicable(std::string(name_of(o.function)) + " is not among its functions");
      if (o.refused) return inapplicable("a refused generate says nothing here");
      if (o.is_info()) continue;
      if (o.output == no_value) return inapplicable("a generate answered nil");
      Index& first = given_[o.output];
      if (first != no_index && !fault) fault = {"duplicate", {first, i}, i, first, true};
      first = i;
    }
    return fault ? invalid(operations, std::move(fault)) : valid();
  }

  std::uint64_t bytes() const { return given_.capacity() * sizeof(Index); }

 private:
  std::vector<Index> given_;  ///< By value.
};

}  // namespace faultline::linearizable::fast
