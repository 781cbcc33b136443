// Linearizability of a register by search: for values written more than once (where the problem is
// NP-complete), and for mismatches.
//
// Just-in-time linearization (Lowe 2017): sweep over the events, keeping the set of configurations
// (state, pending calls that took effect). Only when a call ends must it have taken effect; then,
// and only then, pending calls are let happen, in any order that ends with it. An empty set proves
// the violation at that event; the calls up to it are a witness.
//
// The rules that keep the set small are in search_rules.h.
//
// Budget: when there are too many configurations, the best are kept (a beam). What survives to the
// end is still a linearization, so `valid` stays a proof; running out of them is then `unknown`.
// Passes with a narrow beam come first: valid histories are often recognised by them. Where one
// dies, the sweep goes back some way, with a wider beam until it is well past that place. With
// infos, these are thrifty: an info happens only where nothing goes on without one. A pass that
// lets each of them happen any number of times comes next: it often recognises invalid ones.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "checkers/linearizable/antichain.h"
#include "checkers/linearizable/call.h"
#include "checkers/linearizable/checkpoints.h"
#include "checkers/linearizable/mask.h"
#include "checkers/linearizable/plan.h"
#include "checkers/linearizable/search_moment.h"
#include "checkers/linearizable/search_rules.h"
#include "checkers/linearizable/search_step.h"
#include "checkers/linearizable/used.h"

namespace faultline::linearizable {

/// With W words of slots: at most 64 W calls that must end are pending at a time. Keeps its memory
/// from one run to the next.
template <typename Rules, int W>
class Search : SearchStep<Rules, W> {
 public:
  SearchResult run(const Plan<Rules>& plan, Meter& meter, const SearchOptions& options) {
    bytes_peak_ = 0;
    SearchResult result = passes(plan, meter, options);
    result.bytes_peak = bytes_peak_;
    return result;
  }

 private:
  SearchResult passes(const Plan<Rules>& plan, Meter& meter, const SearchOptions& options) {
    plan_ = &plan;
    meter_ = &meter;
    most_ = std::max<std::size_t>(
        1, meter.bytes_max() / (8 * sizeof(typename Antichain<Rules, W>::Entry)));
    unlimited_infos_ = may_go_back_ = thrifty_ = false;
    std::size_t checked = 0;
    const auto decided = [&](SearchResult& result) {
      result.calls_checked = checked = std::max(checked, result.calls_checked);
      return result.validity != Validity::unknown || meter.exhausted();
    };
    beam_ = std::min(options.beam, most_);
    if (!plan.classes().empty()) {
      thrifty_ = Rules::thrifty;
      for (const std::size_t part : {thriftiest, std::size_t{1}}) {
        if (options.unlimited_infos_first) break;
        beam_ = std::max<std::size_t>(1, std::min(options.beam, most_) / part);
        if (SearchResult result = pass(options); decided(result)) return result;
      }
      SearchResult relaxed = unlimited_pass(options);
      if (relaxed.validity == Validity::invalid || meter.exhausted()) return relaxed;
    }
    // Going back is dear where it is in vain, so that comes last.
    may_go_back_ = Rules::goes_back;
    for (;;) {
      if (SearchResult result = pass(options); decided(result) || beam_ >= most_) return result;
      thrifty_ = false;
      beam_ = beam_ > most_ / 16 ? most_ : beam_ * 16;
    }
  }

  /// How much narrower the first pass is where there are infos.
  static constexpr std::size_t thriftiest = 4;

  using Step = SearchStep<Rules, W>;
  using Step::absorb, Step::absorb_writes, Step::applied, Step::find_needs, Step::first_to_end;
  using Step::has_hope, Step::left, Step::look_ahead, Step::satisfied, Step::useful;
  using Step::needed_, Step::needs_generation_, Step::now_, Step::plan_, Step::spared_;
  using Step::spends_infos_, Step::unlimited_infos_, Step::used_, Step::values_;
  using typename Step::Config, typename Step::Set, typename Step::Slot, typename Step::Moment;

  void reset(const SearchOptions& options) {
    now_ = {};
    if (options.any_initial_state) {
      for (ValueId v = 0; v < plan_->value_count(); ++v)
        if (v == plan_->other() || plan_->merged(v) == v) {
          now_.current.emplace_back();
          now_.current.back().state = v;
        }
    } else {
      now_.current.emplace_back();
      now_.current.back().state = plan_->merged(initial_value);
    }
    used_.clear();
    now_.begun_of_class.assign(plan_->classes().size(), 0);
    now_.slots.resize(64 * W);
    slot_of_.resize(plan_->calls().size());
    values_.reset(plan_->value_count());
    needed_.assign(plan_->classes().empty() ? 0 : plan_->value_count(), 0);
    needs_generation_ = 0;
    checkpoints_.clear();
    repairs_ = Repairs(Rules::goes_back_first);
  }

  /// Were every info allowed as often as wanted, there would be more linearizations and far fewer
  /// configurations: if there is none even then, that is a proof.
  SearchResult unlimited_pass(const SearchOptions& options) {
    thrifty_ = false;
    const std::size_t exact_beam = std::exchange(beam_, std::min<std::size_t>(most_, 65536));
    unlimited_infos_ = true;
    SearchResult result = pass(options);
    unlimited_infos_ = false;
    thrifty_ = Rules::thrifty;
    beam_ = exact_beam;
    return result;
  }

  SearchResult pass(const SearchOptions& options) {
    reset(options);
    SearchResult result;
    const auto calls = plan_->calls();
    const auto by_end = plan_->by_end();
    const std::size_t narrow = narrow_ = beam_;
    for (std::size_t ended = 0; ended < by_end.size(); ++ended) {
      now_.ended = ended;
      if (beam_ > narrow && ended >= repairs_.until()) narrow_to(narrow);
      if (may_go_back_ && checkpoints_.is_due(ended)) keep_moment(ended);
      const std::uint32_t call = by_end[ended];
      while (now_.begun < calls.size() && calls[now_.begun].begin <= calls[call].end)
        begin(now_.begun++);
      result.calls_checked = std::max(result.calls_checked, ended);
      const bool in_budget = end(call);
      result.configurations_peak = std::max(result.configurations_peak, now_.current.size());
      if (in_budget && !now_.current.empty()) continue;
      if (in_budget && now_.truncated && go_back(ended, narrow)) continue;
      beam_ = narrow;
      if (in_budget && !now_.truncated) {
        result.validity = Validity::invalid;
        result.failed_call = call;
      } else {
        result.validity = Validity::unknown;
        result.reason = meter_->exhausted() ? meter_->reason() : "memory";
      }
      return result;
    }
    beam_ = narrow;
    result.calls_checked = by_end.size();
    return result;
  }

  void keep_moment(std::size_t ended) {
    const std::uint64_t bytes = now_.bytes_copied();
    if (worth_keeping(bytes, meter_->bytes_max()))
      checkpoints_.keep(ended, now_, bytes, meter_->bytes_max());
  }

  /// After the set died at `ended`: some way back with a wider beam; `ended` becomes the place
  /// before it. False if that has been tried enough here.
  bool go_back(std::size_t& ended, std::size_t narrow) {
    if (checkpoints_.empty() || !repairs_.died(ended)) return false;
    now_ = checkpoints_.back_to(repairs_.from());
    values_.restore(now_.slots, now_.occupied);
    now_.truncated &= Rules::truncation_remembered;
    beam_ = std::min(narrow * repairs_.widening(), most_);
    ended = now_.ended - 1;  // the loop adds one; unsigned arithmetic is meant
    return true;
  }

  void narrow_to(std::size_t narrow) {
    beam_ = narrow;
    if (now_.current.size() > beam_) keep_best();
  }

  void begin(std::size_t index) {
    const Call& call = plan_->calls()[index];
    if (call.end == never) return begin_info(plan_->class_of(index));
    const std::uint32_t s = now_.occupied.first_absent();
    now_.occupied.set(s);
    slot_of_[index] = s;
    Slot& slot = now_.slots[s];
    slot = {call.kind, plan_->merged(call.expected), plan_->merged(call.value), call.end};
    if (call.kind == Kind::cas && call.expected == call.value) slot.kind = Kind::read;
    if (slot.kind == Kind::write) {
      now_.kinds.writes.set(s);
    } else if (slot.kind == Kind::cas) {
      now_.kinds.cas.set(s);
    } else {
      now_.kinds.observers.set(s);
    }
    values_.add(s, slot);
    if (slot.kind == Kind::cas) return;
    for (Config& config : now_.current) {
      if (slot.kind == Kind::write) {
        if (slot.value == config.state || !Rules::equal_writes_only) config.optional.set(s);
      } else if (satisfied(slot, config.state)) {
        config.done.set(s);
      }
    }
    pending_steps_ += now_.current.size();
  }

  void begin_info(std::uint32_t info_class) {
    if (info_class == no_class) return;
    if (now_.begun_of_class[info_class]++ > 0) return;
    now_.live.push_back(info_class);
    now_.next_death =
        std::min(now_.next_death, plan_->alive_until(plan_->classes()[info_class].value));
  }

  /// The call must have taken effect by now. False when out of budget.
  bool end(std::uint32_t index) {
    const Position now = plan_->calls()[index].end;
    const std::uint32_t s = slot_of_[index];
    if (now_.next_death < now) forget_dead_classes(now);
    const bool all_done =
        !now_.unmerged && std::all_of(now_.current.begin(), now_.current.end(),
                                      [&](const Config& config) { return config.done.test(s); });
    if (all_done) {
      // The bit was equal everywhere, so nothing becomes comparable that was not.
      for (Config& config : now_.current) config.done.reset(s);
      pending_steps_ += now_.current.size();
    } else {
      close(s, now);
    }
    values_.remove(s, now_.slots[s]);
    now_.kinds.observers.reset(s);
    now_.kinds.writes.reset(s);
    now_.kinds.cas.reset(s);
    now_.occupied.reset(s);
    if (used_.size() > used_limit_) compact_used();
    if (used_.bytes() > meter_->bytes_max() / 4) return false;
    return meter_->spend(std::exchange(pending_steps_, 0) + 1);
  }

  void compact_used() {
    std::vector<std::vector<Config>*> holders = {&now_.current};
    checkpoints_.each([&](Moment& moment) { holders.push_back(&moment.current); });
    used_.compact(holders);
    used_limit_ = std::max<std::size_t>(4096, 8 * used_.size());
  }

  /// Of everything but the two sets. While the best of the results are chosen, these are there
  /// twice, with their order.
  std::uint64_t bytes_of_rest() const {
    const bool stack_grows = stack_.size() + 64 > stack_.capacity();
    return now_.bytes() + stack_.capacity() * sizeof(Config) * (stack_grows ? 3 : 1) +
           checkpoints_.bytes() + used_.bytes() + kept_.size() * (2 * sizeof(Config) + 16) +
           plan_->bytes() + (slot_of_.capacity() + needed_.capacity()) * sizeof(std::uint32_t) +
           values_.bytes();
  }
  /// For one more configuration. If not, those still to come are given up. Only where a table
  /// would grow is it counted, and now and then.
  bool has_room() {
    if (uncounted_ > 0) {
      --uncounted_;
      return true;
    }
    const std::uint64_t rest = bytes_of_rest();
    bytes_peak_ = std::max(bytes_peak_, rest + explored_.bytes() + kept_.bytes());
    if (rest + explored_.bytes_to_grow() + kept_.bytes_to_grow() <= meter_->bytes_max()) {
      uncounted_ = Antichain<Rules, W>::steps_uncounted(explored_, kept_);
      return true;
    }
    now_.truncated = true;
    return false;
  }

  /// Lets pending calls happen in every useful order that ends with slot s.
  void close(std::uint32_t s, Position now) {
    now_.unmerged = false;
    if (thrifty_ && beam_ == narrow_ && !now_.live.empty() && close_without_infos(s, now)) return;
    std::swap(stack_, now_.current);
    explore(s, now);
  }

  /// As long as it can be done without them: most infos never happened. False: it cannot.
  bool close_without_infos(std::uint32_t s, Position now) {
    before_ = now_.current;
    const bool was_truncated = now_.truncated;
    spends_infos_ = spared_ = false;
    std::swap(stack_, now_.current);
    explore(s, now);
    spends_infos_ = true;
    if (now_.current.empty()) {
      std::swap(now_.current, before_);
      now_.truncated = was_truncated;
      return false;
    }
    now_.truncated |= spared_ && Rules::thrift_remembered;
    return true;
  }

  /// From the configurations on the stack; everything there has absorbed what it can.
  void explore(std::uint32_t s, Position now) {
    explored_.clear();
    kept_.clear();
    look_ahead(s);
    std::uint64_t steps = 0;
    while (!stack_.empty()) {
      const Config config = stack_.back();
      stack_.pop_back();
      ++steps;
      if (!has_room()) break;
      const bool done = config.done.test(s);
      // Of those that are done, only dominance by fewer infos is worth a look at both places.
      if (done && now_.live.empty()) {
        emit(config, s, now, steps);
      } else if ((done || has_hope(config)) && explored_.insert(config, now_.kinds, used_, steps)) {
        if (done)
          emit(config, s, now, steps);
        else
          expand(config, s, now, steps);
      }
      if (steps >= 4096 && !meter_->spend(std::exchange(steps, 0))) break;
      if (explored_.entries() > 4 * beam_ + 64 || kept_.entries() > 4 * beam_ + 64) {
        now_.truncated = true;
        break;
      }
    }
    stack_.clear();
    pending_steps_ += steps;
    kept_.take(now_.current);
    if (now_.current.size() > beam_) keep_best();
  }

  void emit(Config config, std::uint32_t s, Position now, std::uint64_t& steps) {
    config.done.reset(s);
    config.optional.reset(s);
    if (config.state != plan_->other() && plan_->compared_until(config.state) < now)
      config.state = plan_->other();
    kept_.insert(config, now_.kinds, used_, steps);
  }

  void expand(const Config& config, std::uint32_t s, Position now, std::uint64_t& steps) {
    const Slot& ending = now_.slots[s];
    const auto emit_applied = [&] { emit(applied(config, s), s, now, steps); };
    if (ending.kind == Kind::write) {
      const bool may_stay_unseen = config.optional.test(s) && ending.value != config.state;
      if (may_stay_unseen) emit(config, s, now, steps);
      if (!may_stay_unseen ||
          (Rules::late_optional_writes && plan_->observed_until(ending.value) >= now))
        emit_applied();
    } else if (ending.kind == Kind::cas && ending.expected == config.state) {
      emit_applied();
    }
    Set writes = minus(now_.kinds.writes, config.done);
    const Set fresh = minus(writes, config.optional);
    writes.reset(s);
    find_needs(config);
    Set cas = minus(values_.of(config.state).cas, config.done);
    cas.reset(s);
    const auto push = [&](const Config& next) {
      if (next.done.test(s) || has_hope(next)) stack_.push_back(next);
    };
    cas.each([&](std::uint32_t y) { push(applied(config, y)); });
    values_.each([&](const SlotsOfValue<W>& group) {
      const Set candidates = group.writes & writes;
      if (candidates.none()) return;
      const std::uint32_t y = first_to_end(candidates);
      Set others = fresh;
      others.reset(y);
      if (group.value == config.state ? others.any() : useful(group.value, config))
        push(applied(config, y));
    });
    if (now_.live.empty()) return;
    if (spends_infos_)
      expand_infos(config, fresh, writes);
    else
      spared_ = true;
  }

  /// `writes` are those that may happen before the ending call.
  void expand_infos(const Config& config, const Set& fresh, const Set& writes) {
    for (const std::uint32_t k : now_.live) {
      const InfoClass& info = plan_->classes()[k];
      if (info.kind == Kind::cas && info.expected != config.state) continue;
      if (left(config, k) == 0) continue;
      if (info.kind == Kind::write) {
        // One with a deadline goes first.
        if ((values_.of(info.value).writes & writes).any()) continue;
        if (info.value == config.state ? fresh.none() : !useful(info.value, config)) continue;
      } else if (!useful(info.value, config)) {
        continue;
      }
      Config next = config;
      next.state = info.value;
      if (!unlimited_infos_) next.used = used_.add(config.used, k);
      if (info.kind == Kind::write) absorb_writes(next);
      absorb(next);
      stack_.push_back(next);
    }
  }

  void forget_dead_classes(Position now) {
    now_.next_death = never;
    std::erase_if(now_.live, [&](std::uint32_t k) {
      const Position until = plan_->alive_until(plan_->classes()[k].value);
      if (until >= now) {
        now_.next_death = std::min(now_.next_death, until);
        return false;
      }
      for (Config& config : now_.current) {
        const UsedId without = used_.without(config.used, k);
        now_.unmerged |= without != config.used;
        config.used = without;
      }
      pending_steps_ += now_.current.size();
      return true;
    });
  }

  /// The beam: those with the fewest infos used and the fewest obligations left.
  void keep_best() {
    now_.truncated = true;
    std::vector<std::pair<std::uint64_t, std::uint32_t>> order(now_.current.size());
    for (std::uint32_t i = 0; i < now_.current.size(); ++i) {
      const Config& config = now_.current[i];
      const Set owed = minus(minus(now_.occupied, config.done), config.optional);
      order[i] = {used_.total(config.used) + static_cast<std::uint64_t>(owed.count()), i};
    }
    std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(beam_),
                     order.end());
    stack_.clear();
    for (std::size_t i = 0; i < beam_; ++i) stack_.push_back(now_.current[order[i].second]);
    std::swap(stack_, now_.current);
    stack_.clear();
  }

  Meter* meter_ = nullptr;
  std::size_t beam_ = 0, most_ = 0;  ///< Configurations to keep, now and at most.
  std::vector<std::uint32_t> slot_of_;
  std::size_t used_limit_ = 4096;
  Checkpoints<Moment> checkpoints_{Rules::checkpoint_every};
  Repairs repairs_{Rules::goes_back_first};
  std::vector<Config> stack_;
  Antichain<Rules, W> explored_, kept_;
  bool may_go_back_ = false;
  /// Infos are spent only where nothing goes on without, with the pass's own beam, `narrow_`.
  bool thrifty_ = false;
  std::size_t narrow_ = 0, uncounted_ = 0;
  std::vector<Config> before_;
  std::uint64_t pending_steps_ = 0, bytes_peak_ = 0;
};

/// Plans and runs with as many words as the object's concurrency wants.
SearchResult search(const Object& object, Meter& meter, const SearchOptions& options = {});

}  // namespace faultline::linearizable
