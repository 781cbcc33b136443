// Linearizability of a register by search: for values written more than once (where the problem is
// NP-complete), and for mismatches.
//
// Just-in-time linearization (Lowe 2017): sweep over the events, keeping the set of configurations
// (state, pending calls that took effect). Only when a call ends must it have taken effect; then,
// and only then, pending calls are let happen, in any order that ends with it. An empty set proves
// the violation at that event; the calls up to it are a witness.
//
// Rules that keep the set small, each exact and each with a mutant that the tests must kill:
//  - absorption of observers: a pending read of the state, or mismatch of another value, is done at
//    once, also at its begin. It changes nothing.
//  - absorption of writes: a write that happens could have been preceded by any other pending
//  write,
//    unseen. Those become `optional`: their obligation is met, and they may still happen later.
//  - usefulness: before the ending call, let a pending write happen only if somebody waits for its
//    value; an optional write at its own end only if somebody may still observe it.
//  - deadlines: of pending writes of one value take the one that ends first.
//  - dominance: drop a configuration whose successes another one includes. An `optional` write is
//    better than both a fresh and a consumed one; fresh and consumed do not compare.
//  - infos are optional for ever: no bits, but counters per class of equal infos, and a class is
//    forgotten when nobody can observe it any more.
//  - values that nothing ever compares with are one value.
// With infos and mismatches, unobserved infos matter: they can be why the state differed.
//
// Budget: when there are too many configurations, the best are kept (a beam). What survives to the
// end is still a linearization, so `valid` stays a proof; running out of them is then `unknown`.
// Passes with a narrow beam come first: valid histories are often recognised by them. With infos, a
// pass that lets each of them happen any number of times comes next: it often recognises invalid
// ones.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "checkers/linearizable/antichain.h"
#include "checkers/linearizable/call.h"
#include "checkers/linearizable/mask.h"
#include "checkers/linearizable/plan.h"
#include "checkers/linearizable/search_rules.h"
#include "checkers/linearizable/used.h"

namespace faultline::linearizable {

/// With W words of slots: at most 64 W calls that must end are pending at a time. Keeps its memory
/// from one run to the next.
template <typename Rules, int W>
class Search {
 public:
  SearchResult run(const Plan<Rules>& plan, Meter& meter, const SearchOptions& options) {
    plan_ = &plan;
    meter_ = &meter;
    const std::size_t most = std::max<std::size_t>(
        1, meter.bytes_max() / (8 * sizeof(typename Antichain<Rules, W>::Entry)));
    beam_ = std::min(options.beam, most);
    std::size_t calls_checked = 0;
    unlimited_infos_ = false;
    bool tried_unlimited = plan.classes().empty();
    if (options.unlimited_infos_first && !tried_unlimited) {
      const SearchResult relaxed = unlimited_pass(options, most);
      if (relaxed.validity == Validity::invalid || meter.exhausted()) return relaxed;
      tried_unlimited = true;
    }
    for (;;) {
      SearchResult result = pass(options);
      calls_checked = std::max(calls_checked, result.calls_checked);
      result.calls_checked = calls_checked;
      if (result.validity != Validity::unknown || meter.exhausted()) return result;
      if (!std::exchange(tried_unlimited, true)) {
        const SearchResult relaxed = unlimited_pass(options, most);
        if (relaxed.validity == Validity::invalid || meter.exhausted()) return relaxed;
      }
      if (beam_ >= most) return result;
      beam_ = beam_ > most / 16 ? most : beam_ * 16;
    }
  }

 private:
  using Config = Configuration<W>;
  using Set = Mask<W>;

  struct Slot {
    Kind kind = Kind::read;
    ValueId expected = no_value;
    ValueId value = no_value;
    Position end = never;
  };

  struct First {
    std::uint32_t generation = 0;
    std::uint32_t slot = 0;
  };

  void reset(const SearchOptions& options) {
    current_.clear();
    if (options.any_initial_state) {
      for (ValueId v = 0; v < plan_->value_count(); ++v)
        if (v == plan_->other() || plan_->merged(v) == v) {
          current_.emplace_back();
          current_.back().state = v;
        }
    } else {
      current_.emplace_back();
      current_.back().state = plan_->merged(initial_value);
    }
    kinds_ = {};
    occupied_ = {};
    used_.clear();
    begun_.assign(plan_->classes().size(), 0);
    live_.clear();
    next_death_ = never;
    slots_.resize(64 * W);
    slot_of_.resize(plan_->calls().size());
    needed_.assign(plan_->value_count(), 0);
    first_of_value_.assign(plan_->value_count(), First{});
    needs_generation_ = 0;
    unmerged_ = false;
    truncated_ = false;
  }

  /// Were every info allowed as often as wanted, there would be more linearizations and far fewer
  /// configurations: if there is none even then, that is a proof.
  SearchResult unlimited_pass(const SearchOptions& options, std::size_t most) {
    const std::size_t exact_beam = std::exchange(beam_, std::min<std::size_t>(most, 65536));
    unlimited_infos_ = true;
    SearchResult result = pass(options);
    unlimited_infos_ = false;
    beam_ = exact_beam;
    return result;
  }

  SearchResult pass(const SearchOptions& options) {
    reset(options);
    SearchResult result;
    const auto calls = plan_->calls();
    const auto by_end = plan_->by_end();
    std::size_t begun = 0;
    for (std::size_t ended = 0; ended < by_end.size(); ++ended) {
      const std::uint32_t call = by_end[ended];
      while (begun < calls.size() && calls[begun].begin <= calls[call].end) begin(begun++);
      result.calls_checked = ended;
      const bool in_budget = end(call);
      result.configurations_peak = std::max(result.configurations_peak, current_.size());
      if (!in_budget || (current_.empty() && truncated_)) {
        result.validity = Validity::unknown;
        result.reason = in_budget ? "memory" : meter_->exhausted() ? meter_->reason() : "memory";
        return result;
      }
      if (current_.empty()) {
        result.validity = Validity::invalid;
        result.failed_call = call;
        return result;
      }
    }
    result.calls_checked = by_end.size();
    return result;
  }

  void begin(std::size_t index) {
    const Call& call = plan_->calls()[index];
    if (call.end == never) return begin_info(plan_->class_of(index));
    const std::uint32_t s = occupied_.first_absent();
    occupied_.set(s);
    slot_of_[index] = s;
    Slot& slot = slots_[s];
    slot = {call.kind, plan_->merged(call.expected), plan_->merged(call.value), call.end};
    if (call.kind == Kind::cas && call.expected == call.value) slot.kind = Kind::read;
    if (slot.kind == Kind::write) {
      kinds_.writes.set(s);
    } else if (slot.kind == Kind::cas) {
      kinds_.cas.set(s);
    } else {
      kinds_.observers.set(s);
    }
    if (slot.kind == Kind::cas) return;
    for (Config& config : current_) {
      if (slot.kind == Kind::write) {
        if (slot.value == config.state || !Rules::equal_writes_only) config.optional.set(s);
      } else if (satisfied(slot, config.state)) {
        config.done.set(s);
      }
    }
    pending_steps_ += current_.size();
  }

  void begin_info(std::uint32_t info_class) {
    if (info_class == no_class) return;
    if (begun_[info_class]++ > 0) return;
    live_.push_back(info_class);
    next_death_ = std::min(next_death_, plan_->alive_until(plan_->classes()[info_class].value));
  }

  /// The call must have taken effect by now. False when out of budget.
  bool end(std::uint32_t index) {
    const Position now = plan_->calls()[index].end;
    const std::uint32_t s = slot_of_[index];
    if (next_death_ < now) forget_dead_classes(now);
    const bool all_done =
        !unmerged_ && std::all_of(current_.begin(), current_.end(),
                                  [&](const Config& config) { return config.done.test(s); });
    if (all_done) {
      // The bit was equal everywhere, so nothing becomes comparable that was not.
      for (Config& config : current_) config.done.reset(s);
      pending_steps_ += current_.size();
    } else {
      close(s, now);
    }
    kinds_.observers.reset(s);
    kinds_.writes.reset(s);
    kinds_.cas.reset(s);
    occupied_.reset(s);
    if (used_.size() > 4096 && used_.size() > 8 * current_.size()) used_.compact(current_);
    if (used_.bytes() > meter_->bytes_max() / 4) return false;
    return meter_->spend(std::exchange(pending_steps_, 0) + 1);
  }

  /// Lets pending calls happen in every useful order that ends with slot s.
  void close(std::uint32_t s, Position now) {
    unmerged_ = false;
    explored_.clear();
    kept_.clear();
    std::swap(stack_, current_);
    std::uint64_t steps = 0;
    while (!stack_.empty()) {
      Config config = stack_.back();
      stack_.pop_back();
      absorb(config);
      ++steps;
      if (!explored_.insert(config, kinds_, used_, steps)) continue;
      if (config.done.test(s)) {
        emit(config, s, now, steps);
      } else {
        expand(config, s, now, steps);
      }
      if (steps >= 4096 && !meter_->spend(std::exchange(steps, 0))) break;
      if (explored_.entries() > 4 * beam_ + 64 || kept_.entries() > 4 * beam_ + 64) {
        truncated_ = true;
        break;
      }
    }
    stack_.clear();
    pending_steps_ += steps;
    kept_.take(current_);
    if (current_.size() > beam_) keep_best();
  }

  void emit(Config config, std::uint32_t s, Position now, std::uint64_t& steps) {
    config.done.reset(s);
    config.optional.reset(s);
    if (config.state != plan_->other() && plan_->compared_until(config.state) < now)
      config.state = plan_->other();
    kept_.insert(config, kinds_, used_, steps);
  }

  void expand(const Config& config, std::uint32_t s, Position now, std::uint64_t& steps) {
    const Slot& ending = slots_[s];
    const auto emit_applied = [&] {
      Config next = applied(config, s);
      absorb(next);
      emit(next, s, now, steps);
    };
    if (ending.kind == Kind::write) {
      const bool may_stay_unseen = config.optional.test(s) && ending.value != config.state;
      if (may_stay_unseen) emit(config, s, now, steps);
      if (!may_stay_unseen ||
          (Rules::late_optional_writes && plan_->observed_until(ending.value) >= now))
        emit_applied();
    } else if (ending.kind == Kind::cas && ending.expected == config.state) {
      emit_applied();
    }
    find_needs(config);
    Set cas = minus(kinds_.cas, config.done);
    cas.reset(s);
    cas.each([&](std::uint32_t y) {
      if (slots_[y].expected == config.state) stack_.push_back(applied(config, y));
    });
    Set writes = minus(kinds_.writes, config.done);
    writes.reset(s);
    const Set fresh = minus(minus(kinds_.writes, config.done), config.optional);
    find_first_of_value(writes);
    writes.each([&](std::uint32_t y) {
      if (first_of_value_[slots_[y].value].slot != y) return;
      Set others = fresh;
      others.reset(y);
      if (slots_[y].value == config.state ? others.any() : useful(slots_[y].value, config.state))
        stack_.push_back(applied(config, y));
    });
    expand_infos(config, fresh);
  }

  void expand_infos(const Config& config, const Set& fresh) {
    for (const std::uint32_t k : live_) {
      const InfoClass& info = plan_->classes()[k];
      if (info.kind == Kind::cas && info.expected != config.state) continue;
      if (left(config, k) == 0) continue;
      if (info.kind == Kind::write) {
        // One with a deadline goes first.
        if (first_of_value_[info.value].generation == needs_generation_) continue;
        if (info.value == config.state ? fresh.none() : !useful(info.value, config.state)) continue;
      } else if (!useful(info.value, config.state)) {
        continue;
      }
      Config next = config;
      next.state = info.value;
      if (!unlimited_infos_) next.used = used_.add(config.used, k);
      if (info.kind == Kind::write) absorb_writes(next);
      stack_.push_back(next);
    }
  }

  std::uint32_t left(const Config& config, std::uint32_t info_class) const {
    if (!Rules::infos_are_counted || unlimited_infos_) return 1;
    return begun_[info_class] - used_.count(config.used, info_class);
  }

  Config applied(Config config, std::uint32_t y) const {
    config.state = slots_[y].value;
    config.done.set(y);
    if (slots_[y].kind == Kind::write) absorb_writes(config);
    config.optional.reset(y);
    return config;
  }

  /// Every other pending write may have happened right before the one that just did.
  void absorb_writes(Config& config) const {
    if (Rules::absorbed_writes_stay_usable) {
      config.optional = config.optional | minus(kinds_.writes, config.done);
    } else {
      config.done = config.done | kinds_.writes;
    }
  }

  static bool satisfied(const Slot& slot, ValueId state) {
    return slot.kind == Kind::mismatch ? slot.expected != state : slot.value == state;
  }

  void absorb(Config& config) const {
    minus(kinds_.observers, config.done).each([&](std::uint32_t y) {
      if (satisfied(slots_[y], config.state)) config.done.set(y);
    });
    minus(minus(kinds_.writes, config.done), config.optional).each([&](std::uint32_t y) {
      if (slots_[y].value == config.state) config.optional.set(y);
    });
  }

  /// Which values somebody pending waits for.
  void find_needs(const Config& config) {
    ++needs_generation_;
    any_other_needed_ = false;
    minus(kinds_.observers, config.done).each([&](std::uint32_t y) {
      if (slots_[y].kind == Kind::mismatch) {
        any_other_needed_ |= Rules::useful_to_mismatches;
      } else if (Rules::useful_to_reads) {
        needed_[slots_[y].value] = needs_generation_;
      }
    });
    if (Rules::useful_to_cas)
      minus(kinds_.cas, config.done).each([&](std::uint32_t y) {
        needed_[slots_[y].expected] = needs_generation_;
      });
    if (!Rules::useful_through_infos) return;
    for (bool changed = true; changed;) {
      changed = false;
      for (const std::uint32_t k : live_) {
        const InfoClass& info = plan_->classes()[k];
        if (info.kind != Kind::cas || needed_[info.expected] == needs_generation_ ||
            needed_[info.value] != needs_generation_ || left(config, k) == 0)
          continue;
        needed_[info.expected] = needs_generation_;
        changed = true;
      }
    }
  }
  bool useful(ValueId value, ValueId state) const {
    return needed_[value] == needs_generation_ || (any_other_needed_ && value != state);
  }

  /// Of the pending writes of each value, the one that ends first.
  void find_first_of_value(const Set& writes) {
    writes.each([&](std::uint32_t y) {
      First& first = first_of_value_[slots_[y].value];
      if (first.generation == needs_generation_) {
        const bool earlier = slots_[y].end < slots_[first.slot].end;
        if (earlier != Rules::earliest_deadline) return;
      }
      first = {needs_generation_, y};
    });
  }

  void forget_dead_classes(Position now) {
    next_death_ = never;
    std::erase_if(live_, [&](std::uint32_t k) {
      const Position until = plan_->alive_until(plan_->classes()[k].value);
      if (until >= now) {
        next_death_ = std::min(next_death_, until);
        return false;
      }
      for (Config& config : current_) {
        const UsedId without = used_.without(config.used, k);
        unmerged_ |= without != config.used;
        config.used = without;
      }
      pending_steps_ += current_.size();
      return true;
    });
  }

  /// The beam: those with the fewest infos used and the fewest obligations left.
  void keep_best() {
    truncated_ = true;
    std::vector<std::pair<std::uint64_t, std::uint32_t>> order(current_.size());
    for (std::uint32_t i = 0; i < current_.size(); ++i) {
      const Config& config = current_[i];
      const Set owed = minus(minus(occupied_, config.done), config.optional);
      order[i] = {used_.total(config.used) + static_cast<std::uint64_t>(owed.count()), i};
    }
    std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(beam_),
                     order.end());
    stack_.clear();
    for (std::size_t i = 0; i < beam_; ++i) stack_.push_back(current_[order[i].second]);
    std::swap(stack_, current_);
    stack_.clear();
  }

  const Plan<Rules>* plan_ = nullptr;
  Meter* meter_ = nullptr;
  std::size_t beam_ = 0;
  std::vector<Slot> slots_;
  std::vector<std::uint32_t> slot_of_;
  Set occupied_;
  SlotKinds<W> kinds_;
  std::vector<std::uint32_t> begun_;  ///< By class of infos.
  std::vector<std::uint32_t> live_;   ///< Classes that began and can still be observed.
  Position next_death_ = never;
  UsedPool used_;
  std::vector<Config> current_, stack_;
  Antichain<Rules, W> explored_, kept_;
  std::vector<std::uint32_t> needed_;  ///< By value: generation in which it was needed.
  std::vector<First> first_of_value_;  ///< By value: of the pending writes of it.
  std::uint32_t needs_generation_ = 0;
  bool any_other_needed_ = false;
  bool unlimited_infos_ = false;
  bool unmerged_ = false;   ///< Configurations may have become comparable since the last merge.
  bool truncated_ = false;  ///< Configurations were given up in this pass.
  std::uint64_t pending_steps_ = 0;
};

/// Plans and runs with as many words as the object's concurrency wants.
SearchResult search(const Object& object, Meter& meter, const SearchOptions& options = {});

}  // namespace faultline::linearizable
