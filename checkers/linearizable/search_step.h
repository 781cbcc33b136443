// One step of the register's search: what can take effect next, and what is done once it has.
#pragma once

#include <algorithm>
#include <vector>

#include "checkers/linearizable/antichain.h"
#include "checkers/linearizable/call.h"
#include "checkers/linearizable/mask.h"
#include "checkers/linearizable/plan.h"
#include "checkers/linearizable/search_moment.h"
#include "checkers/linearizable/search_values.h"
#include "checkers/linearizable/used.h"

namespace faultline::linearizable {

/// Knows the moment of the sweep, and decides nothing. A base, and no member, of the search, so
/// that its hot loop finds everything at one place.
template <typename Rules, int W>
class SearchStep {
 protected:
  using Config = Configuration<W>;
  using Set = Mask<W>;
  using Slot = SearchSlot;
  using Moment = SearchMoment<W>;
  static constexpr std::uint32_t no_slot = 64 * W;

  std::uint32_t left(const Config& config, std::uint32_t info_class) const {
    if (!Rules::infos_are_counted || unlimited_infos_) return 1;
    return now_.begun_of_class[info_class] - used_.count(config.used, info_class);
  }

  Config applied(Config config, std::uint32_t y) const {
    config.state = now_.slots[y].value;
    config.done.set(y);
    if (now_.slots[y].kind == Kind::write) absorb_writes(config);
    config.optional.reset(y);
    absorb(config);
    return config;
  }

  /// Every other pending write may have happened right before the one that just did.
  void absorb_writes(Config& config) const {
    if (Rules::absorbed_writes_stay_usable) {
      config.optional = config.optional | minus(now_.kinds.writes, config.done);
    } else {
      config.done = config.done | now_.kinds.writes;
    }
  }

  static bool satisfied(const Slot& slot, ValueId state) {
    return slot.kind == Kind::mismatch ? slot.expected != state : slot.value == state;
  }

  void absorb(Config& config) const {
    const SlotsOfValue<W>& here = values_.of(config.state);
    config.done = config.done | here.reads | minus(values_.mismatches(), here.mismatches);
    config.optional = config.optional | minus(here.writes, config.done);
  }

  /// With infos: which values somebody pending waits for, directly or through infos.
  void find_needs(const Config& config) {
    if (now_.live.empty()) return;
    ++needs_generation_;
    values_.each([&](const SlotsOfValue<W>& group) {
      if (awaited(group, config)) needed_[group.value] = needs_generation_;
    });
    if (!Rules::useful_through_infos || !spends_infos_) return;  // what is spared is remembered
    for (bool changed = true; changed;) {
      changed = false;
      for (const std::uint32_t k : now_.live) {
        const InfoClass& info = plan_->classes()[k];
        if (info.kind != Kind::cas || needed_[info.expected] == needs_generation_ ||
            needed_[info.value] != needs_generation_ || left(config, k) == 0)
          continue;
        needed_[info.expected] = needs_generation_;
        changed = true;
      }
    }
  }
  static bool awaited(const SlotsOfValue<W>& group, const Config& config) {
    return (Rules::useful_to_reads && minus(group.reads, config.done).any()) ||
           (Rules::useful_to_cas && minus(group.cas, config.done).any());
  }
  bool needed(ValueId value, const Config& config) const {
    return now_.live.empty() ? awaited(values_.of(value), config)
                             : needed_[value] == needs_generation_;
  }
  /// Does anybody pending wait for `value`, or for any other than the state?
  bool useful(ValueId value, const Config& config) const {
    return needed(value, config) || (Rules::useful_to_mismatches && value != config.state &&
                                     minus(values_.mismatches(), config.done).any());
  }

  std::uint32_t first_to_end(const Set& writes) const {
    std::uint32_t first = no_slot;
    writes.each([&](std::uint32_t y) {
      if (first == no_slot ||
          (now_.slots[y].end < now_.slots[first].end) == Rules::earliest_deadline)
        first = y;
    });
    return first;
  }

  /// What can bring the state that the call in slot s waits for?
  void look_ahead(std::uint32_t s) {
    const Slot& ending = now_.slots[s];
    waits_ = ending.kind == Kind::read || ending.kind == Kind::cas;
    if (!waits_) return;
    awaited_ = ending.kind == Kind::cas ? ending.expected : ending.value;
    const SlotsOfValue<W>& group = values_.of(awaited_);
    bringing_ = Rules::brought_by_cas ? group.writes | group.cas_to : group.writes;
    bringing_.reset(s);
    const bool by_info = std::any_of(now_.live.begin(), now_.live.end(), [&](std::uint32_t k) {
      return plan_->classes()[k].value == awaited_;
    });
    if (by_info && !spends_infos_) spared_ = true;
    if (by_info && spends_infos_ && Rules::brought_by_infos) waits_ = false;
  }
  /// False if the call in slot s cannot take effect after `config`, whatever else does before.
  bool has_hope(const Config& config) const {
    return !waits_ || config.state == awaited_ || minus(bringing_, config.done).any();
  }

  const Plan<Rules>* plan_ = nullptr;
  Moment now_;
  UsedPool used_;
  PendingValues<W> values_;
  std::vector<std::uint32_t> needed_;  ///< By value: generation in which infos needed it.
  std::uint32_t needs_generation_ = 0;
  bool unlimited_infos_ = false;  ///< Each may happen any number of times.
  bool spends_infos_ = true;
  bool spared_ = false;  ///< Some could have been spent.
  bool waits_ = false;   ///< The ending call needs a state, awaited_, which bringing_ may bring.
  ValueId awaited_ = no_value;
  Set bringing_;
};

}  // namespace faultline::linearizable
