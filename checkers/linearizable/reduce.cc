#include "checkers/linearizable/reduce.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <unordered_map>

#include "checkers/linearizable/general.h"

namespace faultline::linearizable {
namespace {

using Places = std::vector<std::size_t>;

/// The operations that stay, in places of their own. What was not answered at `until` is an info;
/// one that only asks is none then.
Operations part_of(const Operations& all, const Places& places, std::vector<Operation>& storage,
                   Position until = never) {
  storage.clear();
  for (const std::size_t i : places) {
    Operation o = all.list[i];
    if (!o.is_info() && o.end > until) {
      if (o.function == Function::read || o.function == Function::contains) continue;
      o.end = never;
      o.output = no_value;
      o.refused = false;
    }
    storage.push_back(o);
  }
  Operations part = all;
  part.list = storage;
  return part;
}

/// What the operation is about, where a model's values have nothing to do with each other.
ValueId value_of(const Operation& o) {
  switch (o.function) {
    case Function::enqueue:
    case Function::push:
    case Function::contains:
    case Function::add:
    case Function::remove:
      return o.argument;
    default:
      return o.is_info() ? no_value : o.output;
  }
}

/// Those that only observe, but `failed`.
std::vector<Places> observers_of(const Operations& all, const Places& places,
                                 const ModelTraits& traits, const Setup& setup,
                                 std::size_t failed) {
  const auto model = traits.make(all, setup);
  std::vector<Places> observers;
  for (const std::size_t i : places)
    if (i != failed && !all.list[i].is_info() && model->observes(all.list[i]))
      observers.push_back({i});
  return observers;
}

std::vector<Places> groups_by_value(const Operations& all, const Places& places,
                                    std::size_t failed) {
  std::map<ValueId, Places> by_value;
  for (const std::size_t i : places) {
    const Operation& o = all.list[i];
    // The whole of a set tells of all its elements.
    if (o.output != no_value && is_list(all.values[o.output])) return {};
    if (value_of(o) != no_value) by_value[value_of(o)].push_back(i);
  }
  std::vector<Places> units;
  for (auto& [value, same] : by_value)
    if (std::ranges::find(same, failed) == same.end()) units.push_back(std::move(same));
  return units;
}

/// An acquire and the release that ended its hold. Who was refused tells of all holds.
std::vector<Places> groups_by_hold(const Operations& all, const Places& places,
                                   std::size_t failed) {
  std::vector<Places> units;
  std::unordered_map<std::uint32_t, Places> held;
  for (const std::size_t i : places) {
    const Operation& o = all.list[i];
    if (o.refused) return {};
    Places& hold = held[o.process];
    hold.push_back(i);
    if (o.function == Function::acquire) continue;
    if (hold.size() == 2 && !all.list[hold[0]].is_info() && hold[0] != failed && i != failed)
      units.push_back(hold);
    hold.clear();
  }
  return units;
}

/// What the model says itself.
std::vector<Places> own_groups(const Operations& all, const Places& places,
                               const ModelTraits& traits, std::size_t failed) {
  std::vector<Operation> storage;
  std::vector<Places> units = traits.units(part_of(all, places, storage));
  for (Places& unit : units)
    for (std::size_t& i : unit) i = places[i];
  std::erase_if(units,
                [&](const Places& unit) { return std::ranges::find(unit, failed) != unit.end(); });
  return units;
}

std::vector<Places> groups_of(const Operations& all, const Places& places,
                              const ModelTraits& traits, std::size_t failed) {
  if (traits.units != nullptr) return own_groups(all, places, traits, failed);
  if (traits.parts == Parts::by_value) return groups_by_value(all, places, failed);
  if (traits.parts == Parts::by_hold) return groups_by_hold(all, places, failed);
  return {};
}

/// Dropping operations must not make a linearizable history worse. One that only observes can
/// always go; others only all together that the model holds together.
class Reducer {
 public:
  Reducer(const Operations& all, std::size_t failed, const ModelTraits& traits, const Setup& setup,
          Meter& meter)
      : all_(all), failed_(failed), traits_(traits), setup_(setup), meter_(meter) {
    // What begins later may end a hold that something pending waits for: its units know.
    if (traits.units != nullptr) {
      cut_at(never);
      return;
    }
    Meter half(meter.steps_left() / 2, meter.bytes_max(), meter.stop());
    const std::uint64_t before = half.steps_left();
    if (!fails_by(all.list[failed].end, half)) find_failure(half);
    meter.spend(before - half.steps_left());
  }

  ObjectProof reduce() {
    for (bool changed = true; changed && !meter_.exhausted();) {
      changed = drop_some(observers_of(all_, places_, traits_, setup_, failed_));
      changed |= drop_some(groups_of(all_, places_, traits_, failed_));
    }
    return {std::move(places_), failed_, !meter_.exhausted(), until_};
  }

 private:
  void cut_at(Position end) {
    until_ = end;
    places_.clear();
    for (std::size_t i = 0; i < all_.list.size() && all_.list[i].begin <= end; ++i)
      places_.push_back(i);
  }
  bool fails_by(Position end, Meter& meter) {
    cut_at(end);
    return judge_part(all_, places_, traits_, setup_, meter, until_) == Validity::invalid;
  }

  /// A model that looks ahead fails early, because of answers that come later: then what fails is
  /// the first operation by whose end there are enough of those.
  void find_failure(Meter& meter) {
    std::vector<std::size_t> later;
    for (std::size_t i = 0; i < all_.list.size(); ++i)
      if (!all_.list[i].is_info() && all_.list[i].end > all_.list[failed_].end) later.push_back(i);
    std::ranges::sort(later, {}, [&](std::size_t i) { return all_.list[i].end; });
    std::size_t fine = 0, bad = 0;  // Of `later`: all before `fine` are no failures.
    for (std::size_t step = 1; bad < later.size(); step *= 2) {
      if (fails_by(all_.list[later[bad]].end, meter)) break;
      fine = bad + 1;
      bad = std::min(bad + step, std::max(later.size() - 1, fine));
    }
    if (bad >= later.size()) {
      cut_at(never);
      return;
    }
    while (fine < bad) {
      const std::size_t middle = fine + (bad - fine) / 2;
      if (fails_by(all_.list[later[middle]].end, meter)) {
        bad = middle;
      } else {
        fine = middle + 1;
      }
    }
    failed_ = later[bad];
    cut_at(all_.list[failed_].end);
  }

  /// Delta debugging (Zeller & Hildebrandt 2002) over what can be dropped. True if something was.
  bool drop_some(std::vector<Places> units) {
    bool dropped = false;
    for (std::size_t chunk = std::max<std::size_t>(1, units.size()); !units.empty();) {
      for (std::size_t start = 0; start < units.size() && !meter_.exhausted();) {
        const std::size_t stop = std::min(start + chunk, units.size());
        Places fewer = without(units, start, stop);
        if (judge_part(all_, fewer, traits_, setup_, meter_, until_) == Validity::invalid) {
          places_ = std::move(fewer);
          units.erase(units.begin() + static_cast<std::ptrdiff_t>(start),
                      units.begin() + static_cast<std::ptrdiff_t>(stop));
          dropped = true;
        } else {
          start = stop;
        }
      }
      if (chunk == 1 || meter_.exhausted()) break;
      chunk = (chunk + 1) / 2;
    }
    return dropped;
  }

  Places without(const std::vector<Places>& units, std::size_t start, std::size_t stop) const {
    Places gone;
    for (std::size_t u = start; u < stop; ++u)
      gone.insert(gone.end(), units[u].begin(), units[u].end());
    std::ranges::sort(gone);
    Places rest;
    std::ranges::set_difference(places_, gone, std::back_inserter(rest));
    return rest;
  }

  const Operations& all_;
  std::size_t failed_;
  const ModelTraits& traits_;
  const Setup& setup_;
  Meter& meter_;
  Position until_ = never;
  Places places_;
};

}  // namespace

Validity judge_part(const Operations& all, const Places& places, const ModelTraits& traits,
                    const Setup& setup, Meter& meter, Position until) {
  if (!meter.spend(places.size() + 1)) return Validity::unknown;
  std::vector<Operation> storage;
  const Operations part = part_of(all, places, storage, until);
  const auto model = traits.make(part, setup);
  const GeneralPlan plan(part, *model, traits.by_process, traits.by_time);
  States states(*model, plan.classes());
  return search_general(plan, states, meter).validity;
}

std::vector<std::vector<std::size_t>> droppable(const Operations& all, const ModelTraits& traits,
                                                const Setup& setup) {
  Places places(all.list.size());
  std::iota(places.begin(), places.end(), std::size_t{0});
  std::vector<Places> units = observers_of(all, places, traits, setup, SIZE_MAX);
  for (Places& group : groups_of(all, places, traits, SIZE_MAX)) units.push_back(std::move(group));
  return units;
}

ObjectProof reduce(const Operations& all, std::size_t failed, const ModelTraits& traits,
                   const Setup& setup, Meter& meter) {
  return Reducer(all, failed, traits, setup, meter).reduce();
}

}  // namespace faultline::linearizable
