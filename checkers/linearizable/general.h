// Linearizability of an object of any model by search: exponential in the worst case, therefore
// budgeted.
//
// Just-in-time linearization (Lowe 2017): sweep over the events, keeping the set of configurations
// (state, pending operations that took effect). Only when an operation ends must it have taken
// effect; then, and only then, pending ones are let happen, in any order that ends with it. An
// empty set proves the violation at that event. Between two events nothing is kept but what is
// pending, so that a moment with nothing pending leaves only states: a cut.
//
// Rules that keep the set small, each exact and each with a mutant that the tests must kill:
//  - absorption: a pending operation that never changes the state is done as soon as the state
//    allows it.
//  - passage: what is put in once, taken out once and never seen inside comes out as soon as it
//  can,
//    and of two such puts that are pending the one goes first that is taken out first.
//  - symmetry: of pending operations that are alike, the one that ends first goes first.
//  - infos are optional for ever: no bits, but counters per class of equal ones, and a class is
//    forgotten when it can only happen in vain.
//  - infos wait: an info that commutes with what happens next can as well happen after it.
//  - dominance: with equal states and equal changes done, the configuration with more observers
//    done and fewer infos used is the better one.
//
// Two strategies take turns until one of them decides. Breadth first keeps all configurations of a
// moment (or the best: a beam; what survives is still a linearization, so `valid` stays a proof,
// and running out of them is `unknown`, after going back some way with a wider beam). Depth first
// follows one configuration to the end (Wing & Gong 1993) and remembers where it has been: lucky on
// valid histories with many configurations.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_set.hpp>

#include "checkers/linearizable/antichain.h"
#include "checkers/linearizable/checkpoints.h"
#include "checkers/linearizable/general_plan.h"
#include "checkers/linearizable/mask.h"
#include "checkers/linearizable/search_rules.h"
#include "checkers/linearizable/states.h"
#include "checkers/linearizable/used.h"

namespace faultline::linearizable {

/// The reduction rules. Tests break single ones and must notice. (The ones of the antichain that
/// are about writes have nothing to do here.)
struct GeneralRules {
  static constexpr bool only_observers_absorbed = true;
  static constexpr bool earliest_deadline = true;
  static constexpr bool infos_are_counted = true;  ///< An info happens once at most.
  static constexpr bool infos_live = true;         ///< Until they can only happen in vain.
  static constexpr bool only_commuting_wait = true;
  static constexpr bool visited_knows_pending = true;  ///< Depth first: also what is done.
  static constexpr bool only_takes_at_once = true;
  static constexpr bool puts_with_takes_undone = true;  ///< … at once only if nothing remains.
  static constexpr bool only_passages_in_order = true;  ///< A put waits for one taken out first
  static constexpr bool put_deadlines = true;           ///< … that must be in no later.
  static constexpr bool goes_back = true;  ///< With a wider beam, where a narrow one dies.
  static constexpr bool truncation_remembered = true;  ///< … to a set that may not be all there is.
  /// In ends of operations: between moments to go back to, and how far back at first.
  static constexpr std::size_t checkpoint_every = 64, goes_back_first = 128;
  static constexpr bool compare_reads = true;  ///< More observers done are better.
  static constexpr bool compare_used = true;   ///< Fewer infos used are better.
  static constexpr bool compare_cas = true;    ///< Done sets of changes must be equal.
  static constexpr bool compare_optional = true;
  static constexpr bool fresh_against_consumed = true;
};

struct GeneralOptions {
  enum class Strategy : std::uint8_t { both, breadth, depth };
  Strategy strategy = Strategy::both;
  /// Most configurations to keep in the first pass; each further pass keeps 16 times more.
  std::size_t beam = 16;
};

/// With W words of slots: at most 64 W operations that must end are pending at a time.
template <typename Rules, int W>
class General {
 public:
  General(const GeneralPlan& plan, States& states, Meter& meter)
      : plan_(plan), states_(states), meter_(meter) {}

  SearchResult run(const GeneralOptions& options) {
    using Strategy = GeneralOptions::Strategy;
    most_ = std::max<std::size_t>(
        1, meter_.bytes_max() / (16 * sizeof(typename Antichain<Rules, W>::Entry)));
    beam_ = options.strategy == Strategy::breadth ? most_ : std::min(options.beam, most_);
    std::size_t checked = 0;
    for (;;) {
      const std::uint64_t before = meter_.steps_left();
      if (options.strategy != Strategy::depth) {
        SearchResult result = breadth();
        checked = result.calls_checked = std::max(checked, result.calls_checked);
        if (result.validity != Validity::unknown || meter_.exhausted()) return result;
        if (options.strategy == Strategy::breadth) return result;
      }
      const bool alone = options.strategy == Strategy::depth;
      const std::uint64_t turn =
          alone ? UINT64_MAX : std::max<std::uint64_t>(100'000, before - meter_.steps_left());
      SearchResult result = depth(turn);
      checked = result.calls_checked = std::max(checked, result.calls_checked);
      if (result.validity != Validity::unknown || meter_.exhausted() || alone) return result;
      if (beam_ >= most_) {
        result.reason = "memory";
        return result;
      }
      beam_ = beam_ > most_ / 16 ? most_ : beam_ * 16;
    }
  }

 private:
  using Config = Configuration<W>;
  using Set = Mask<W>;
  static constexpr std::uint32_t no_info = 0xffffffffu, no_slot = 0xffffffffu;

  /// A configuration on its way to the end of one operation. If an info was the last thing that
  /// happened: its class, and the state before it.
  struct Node {
    Config config;
    std::uint32_t info = no_info;
    StateId before = 0;
  };

  // --- The sweep: what is pending when the operation by_end()[level] ends. -----------------------

  void rewind() {
    begun_steps_ = 0;
    level_ = 0;
    observers_ = changers_ = takes_ = {};
    slots_.assign(64 * W, 0);
    begun_.assign(plan_.classes().size(), 0);
    infos_.clear();
  }

  /// Steps that begin before the end of `level` are pending; of those before it none is.
  void move_to(std::size_t level) {
    while (level_ > level) {
      --level_;
      const Position end = plan_.steps()[plan_.by_end()[level_]].end;
      while (begun_steps_ > 0 && plan_.steps()[begun_steps_ - 1].begin > end)
        unbegin(--begun_steps_);
      mark(plan_.by_end()[level_]);
    }
    for (;; ++level_) {
      const Position end = plan_.steps()[plan_.by_end()[level_]].end;
      while (begun_steps_ < plan_.steps().size() && plan_.steps()[begun_steps_].begin <= end)
        begin(static_cast<std::uint32_t>(begun_steps_++));
      if (level_ == level) break;
      unmark(plan_.by_end()[level_]);
    }
  }
  void begin(std::uint32_t step) {
    if (plan_.steps()[step].end != never) return mark(step);
    const std::uint32_t kind = plan_.steps()[step].kind;
    if (begun_[kind]++ == 0) infos_.push_back(kind);
  }
  void unbegin(std::size_t step) {
    if (plan_.steps()[step].end != never) return unmark(static_cast<std::uint32_t>(step));
    const std::uint32_t kind = plan_.steps()[step].kind;
    if (--begun_[kind] == 0) std::erase(infos_, kind);
  }
  void mark(std::uint32_t step) {
    const auto& s = plan_.steps()[step];
    slots_[s.slot] = step;
    (s.observes ? observers_ : changers_).set(s.slot);
    if (plan_.passage(s.kind).takes || (!Rules::only_takes_at_once && !s.observes))
      takes_.set(s.slot);
  }
  void unmark(std::uint32_t step) {
    const auto& s = plan_.steps()[step];
    (s.observes ? observers_ : changers_).reset(s.slot);
    takes_.reset(s.slot);
  }
  Position now() const { return plan_.steps()[plan_.by_end()[level_]].end; }
  std::uint32_t kind_at(std::uint32_t slot) const { return plan_.steps()[slots_[slot]].kind; }

  // --- From one configuration to those in which the ending operation has happened. ---------------

  /// True if something was newly done.
  bool absorb(Config& config) {
    bool some = observe(config);
    while (take_out(config)) {
      some = true;
      observe(config);
    }
    return some;
  }
  bool observe(Config& config) {
    bool some = false;
    Set candidates = minus(observers_, config.done);
    if (!Rules::only_observers_absorbed) candidates = candidates | minus(changers_, config.done);
    candidates.each([&](std::uint32_t slot) {
      if (states_.next(config.state, kind_at(slot)) != config.state) return;
      config.done.set(slot);
      some = true;
    });
    return some;
  }

  /// What can come out does so, perhaps right after it was put in. True if something did.
  bool take_out(Config& config) {
    bool some = false;
    minus(takes_, config.done).each([&](std::uint32_t slot) {
      if (some) return;
      const StateId after = states_.next(config.state, kind_at(slot));
      if (after != no_state) {
        config.state = after;
      } else if (const std::uint32_t put = put_of(config, slot); put != no_slot) {
        config.done.set(put);
      } else {
        return;
      }
      config.done.set(slot);
      some = true;
    });
    return some;
  }
  /// The pending put of what this one takes, if the state is the same after both.
  std::uint32_t put_of(const Config& config, std::uint32_t take) {
    const std::uint32_t what = plan_.passage(kind_at(take)).what;
    std::uint32_t found = no_slot;
    minus(changers_, config.done).each([&](std::uint32_t slot) {
      if (slot == take || plan_.passage(kind_at(slot)).what != what) return;
      const StateId between = states_.next(config.state, kind_at(slot));
      if (between == no_state) return;
      if (!Rules::puts_with_takes_undone || states_.next(between, kind_at(take)) == config.state)
        found = slot;
    });
    return found;
  }

  /// Adds what `config` can become to kept_. False when there are too many on the way.
  bool close(const Config& config) {
    const std::uint32_t slot = plan_.steps()[plan_.by_end()[level_]].slot;
    stack_.assign(1, Node{config});
    absorb(stack_.back().config);
    while (!stack_.empty()) {
      const Node node = stack_.back();
      stack_.pop_back();
      ++steps_;
      if (!explored_.insert(node.config, {observers_, {}, changers_}, used_, steps_)) continue;
      if (node.config.done.test(slot)) {
        emit(node.config, slot);
      } else {
        expand(node, slot);
      }
      if (steps_ + states_.work() >= 4096 && !spend()) return false;
      if (explored_.entries() > 4 * beam_ + 64 || kept_.entries() > 4 * beam_ + 64) {
        truncated_ = true;
        return true;
      }
    }
    return true;
  }

  void emit(Config config, std::uint32_t slot) {
    config.done.reset(slot);
    Set observers = observers_, changers = changers_;
    observers.reset(slot);
    changers.reset(slot);
    kept_.insert(config, {observers, {}, changers}, used_, steps_);
  }

  void expand(const Node& node, std::uint32_t ending) {
    const Config& config = node.config;
    const Set changers = minus(changers_, config.done);
    expand_infos(config, changers);
    changers.each([&](std::uint32_t slot) {
      const std::uint32_t kind = kind_at(slot);
      if (slot != ending && !first_of_its_kind(changers, slot)) return;
      if (put_waits(config, changers, kind, plan_.steps()[slots_[slot]].end)) return;
      const StateId state = states_.next(config.state, kind);
      if (state == no_state || waits(node, kind, state)) return;
      Node next{config};
      next.config.state = state;
      next.config.done.set(slot);
      absorb(next.config);
      stack_.push_back(next);
    });
  }

  /// Of pending operations that are alike, the one that ends first.
  bool first_of_its_kind(const Set& changers, std::uint32_t slot) const {
    const auto& self = plan_.steps()[slots_[slot]];
    bool first = true;
    changers.each([&](std::uint32_t other) {
      const auto& o = plan_.steps()[slots_[other]];
      if (other == slot || o.kind != self.kind) return;
      const bool earlier = o.end != self.end ? o.end < self.end : other < slot;
      if (earlier == Rules::earliest_deadline) first = false;
    });
    return first;
  }

  /// Does another pending put go before this one, which ends then?
  bool put_waits(const Config& config, const Set& changers, std::uint32_t kind,
                 Position end) const {
    const Passage& self = plan_.passage(kind);
    if (self.what == Passage::nothing || self.takes) return false;
    bool some = self.put_after > now();
    for (const std::uint32_t info : infos_)
      some = some || (plan_.passage(info).must_go_before(self) && info != kind &&
                      used_.count(config.used, info) == 0);
    changers.each([&](std::uint32_t other) {
      const auto& o = plan_.steps()[slots_[other]];
      const Passage& passage = plan_.passage(o.kind);
      some = some || passage.must_go_before(self);
      if (o.kind == kind || (o.end >= end && Rules::put_deadlines)) return;
      some = some || passage.goes_before(self) ||
             (!Rules::only_passages_in_order && passage.what != Passage::nothing);
    });
    return some;
  }

  /// Might the info that has just happened as well happen after this?
  bool waits(const Node& node, std::uint32_t kind, StateId state) {
    if (node.info == no_info) return false;
    if (!Rules::only_commuting_wait) return true;
    const StateId without = states_.next(node.before, kind);
    return without != no_state && states_.next(without, node.info) == state;
  }

  void expand_infos(const Config& config, const Set& changers) {
    for (const std::uint32_t kind : infos_) {
      if (plan_.useful_until(kind) < now() || !Rules::infos_live) continue;
      const std::uint32_t there = begun_[kind] + (Rules::infos_are_counted ? 0 : 1);
      if (used_.count(config.used, kind) >= there) continue;
      if (put_waits(config, changers, kind, never)) continue;
      const StateId state = states_.next(config.state, kind);
      if (state == no_state || state == config.state) continue;
      Node next{config, kind, config.state};
      next.config.state = state;
      next.config.used = used_.add(config.used, kind);
      if (absorb(next.config)) next.info = no_info;
      stack_.push_back(next);
    }
  }

  bool spend() { return meter_.spend(std::exchange(steps_, 0) + states_.take_work()); }
  bool too_large() const { return used_.bytes() + states_.bytes() > meter_.bytes_max() / 2; }
  const char* reason_to_stop() const { return meter_.exhausted() ? meter_.reason() : "memory"; }

  // --- Breadth first. ----------------------------------------------------------------------------

  /// The sweep before the operation of this level has ended.
  struct Moment {
    std::size_t level = 0;
    std::vector<Config> current;
    bool truncated = false;
  };

  SearchResult breadth() {
    rewind();
    used_.clear();
    truncated_ = false;
    checkpoints_.clear();
    repairs_ = Repairs(Rules::goes_back_first);
    current_.assign(1, Config{});
    current_.back().state = states_.initial();
    const std::size_t narrow = beam_;
    SearchResult result = sweep(narrow);
    beam_ = narrow;
    return result;
  }

  SearchResult sweep(std::size_t narrow) {
    SearchResult result;
    const auto& by_end = plan_.by_end();
    for (std::size_t level = 0; level < by_end.size(); ++level) {
      if (checkpoints_.is_due(level)) keep_moment(level);
      move_to(level);
      if (beam_ > narrow && level >= repairs_.until()) narrow_to(narrow);
      result.calls_checked = std::max(result.calls_checked, level);
      if (!end_all()) return unknown(result);
      result.configurations_peak = std::max(result.configurations_peak, current_.size());
      if (!current_.empty()) continue;
      if (truncated_ && go_back(level, narrow)) continue;
      if (truncated_) return unknown(result);
      result.validity = Validity::invalid;
      result.failed_call = plan_.operation(by_end[level]);
      return result;
    }
    result.calls_checked = by_end.size();
    return result;
  }

  /// Unless all that is kept became larger than a set of now may be.
  void keep_moment(std::size_t level) {
    std::size_t kept = current_.size();
    checkpoints_.each([&](const Moment& moment) { kept += moment.current.size(); });
    if (kept <= most_) checkpoints_.keep(level, {level, current_, truncated_});
  }

  /// After the set died at `level`: some way back with a wider beam; `level` becomes the one before
  /// it. False if that has been tried enough here.
  bool go_back(std::size_t& level, std::size_t narrow) {
    if (!Rules::goes_back || checkpoints_.empty() || !repairs_.died(level)) return false;
    const Moment& moment = checkpoints_.back_to(repairs_.from());
    current_ = moment.current;
    truncated_ = moment.truncated && Rules::truncation_remembered;
    beam_ = std::min(narrow * repairs_.widening(), most_);
    level = moment.level - 1;  // the loop adds one; unsigned arithmetic is meant
    return true;
  }

  void narrow_to(std::size_t narrow) {
    beam_ = narrow;
    if (current_.size() > beam_) keep_best();
  }

  SearchResult unknown(SearchResult result) const {
    result.validity = Validity::unknown;
    result.reason = reason_to_stop();
    return result;
  }

  /// The operation of this level has happened in every configuration. False: out of budget.
  bool end_all() {
    const std::uint32_t slot = plan_.steps()[plan_.by_end()[level_]].slot;
    bool all_done = true;
    for (Config& config : current_) {
      absorb(config);
      all_done &= config.done.test(slot);
    }
    steps_ += current_.size();
    if (all_done) {
      // The bit was equal everywhere, so nothing becomes comparable that was not.
      for (Config& config : current_) config.done.reset(slot);
    } else {
      explored_.clear();
      kept_.clear();
      for (const Config& config : current_)
        if (!close(config)) return false;
      kept_.take(current_);
      if (current_.size() > beam_) keep_best();
    }
    if (used_.size() > used_limit_) compact_used();
    if (states_.bytes() > meter_.bytes_max() / 4) forget_states();
    return spend() && !too_large();
  }

  /// Of now, and of the moments to go back to.
  std::vector<std::vector<Config>*> sets() {
    std::vector<std::vector<Config>*> all = {&current_};
    checkpoints_.each([&](Moment& moment) { all.push_back(&moment.current); });
    return all;
  }

  void compact_used() {
    used_.compact(sets());
    used_limit_ = std::max<std::size_t>(4096, 8 * used_.size());
  }

  void forget_states() {
    // When they are what takes the room: starting all over is better than none at all.
    if (states_kept_ > states_.size() / 2) checkpoints_.clear();
    std::vector<StateId> ids;
    const auto all = sets();
    for (const auto* const set : all)
      for (const Config& config : *set) ids.push_back(config.state);
    states_.keep(ids);
    auto id = ids.begin();
    for (auto* const set : all)
      for (Config& config : *set) config.state = *id++;
    states_kept_ = states_.size();
  }

  /// The beam: those with the least strain, the fewest infos used and the fewest obligations left.
  void keep_best() {
    truncated_ = true;
    std::vector<std::pair<std::uint64_t, std::uint32_t>> order(current_.size());
    const Set pending = observers_ | changers_;
    for (std::uint32_t i = 0; i < current_.size(); ++i)
      order[i] = {states_.strain(current_[i].state) + used_.total(current_[i].used) +
                      static_cast<std::uint64_t>(minus(pending, current_[i].done).count()),
                  i};
    std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(beam_),
                     order.end());
    std::vector<Config> best;
    for (std::size_t i = 0; i < beam_; ++i) best.push_back(current_[order[i].second]);
    current_ = std::move(best);
  }

  // --- Depth first. ------------------------------------------------------------------------------

  struct Place {
    std::size_t level;
    Config config;
    friend bool operator==(const Place& a, const Place& b) {
      return a.level == b.level && a.config.state == b.config.state &&
             a.config.used == b.config.used &&
             (!Rules::visited_knows_pending || a.config.done == b.config.done);
    }
  };
  struct PlaceHash {
    std::size_t operator()(const Place& p) const {
      std::uint64_t h = (p.level << 32 ^ p.config.state) * 0x9e3779b97f4a7c15ull + p.config.used;
      if (Rules::visited_knows_pending)
        for (const std::uint64_t word : p.config.done.words)
          h = (h ^ h >> 29 ^ word) * 0xd1b54a32d192ed03ull;
      return h ^ h >> 31;
    }
  };

  /// At most `turn` steps.
  SearchResult depth(std::uint64_t turn) {
    rewind();
    used_.clear();
    truncated_ = false;
    const std::size_t beam = std::exchange(beam_, most_);
    SearchResult result = descend(turn);
    beam_ = beam;
    return result;
  }

  SearchResult descend(std::uint64_t turn) {
    boost::unordered_flat_set<Place, PlaceHash> visited;
    std::vector<Place> waiting(1, Place{0, {}});
    waiting.back().config.state = states_.initial();
    SearchResult result;
    std::size_t deepest = 0;
    const std::uint64_t begin = meter_.steps_left();
    while (!waiting.empty()) {
      const Place place = waiting.back();
      waiting.pop_back();
      if (place.level == plan_.by_end().size()) {
        result.calls_checked = place.level;
        return result;
      }
      move_to(place.level);
      deepest = std::max(deepest, place.level);
      explored_.clear();
      kept_.clear();
      result.calls_checked = deepest;
      const std::uint64_t bytes = (visited.bucket_count() + waiting.capacity()) * sizeof(Place);
      if (!close(place.config) || truncated_ || bytes + used_.bytes() > meter_.bytes_max() / 4 ||
          too_large() || begin - meter_.steps_left() > turn)
        return unknown(result);
      kept_.take(current_);
      for (const Config& config : current_) {
        const Place next{place.level + 1, config};
        if (visited.insert(next).second) waiting.push_back(next);
      }
      steps_ += current_.size();
    }
    result.validity = Validity::invalid;
    result.failed_call = plan_.operation(plan_.by_end()[deepest]);
    return result;
  }

  const GeneralPlan& plan_;
  States& states_;
  Meter& meter_;
  std::size_t beam_ = 0, most_ = 0;  ///< Configurations to keep, now and at most.
  std::size_t begun_steps_ = 0, level_ = 0;
  Set observers_, changers_;          ///< Slots of what is pending.
  Set takes_;                         ///< … and comes out as soon as it can.
  std::vector<std::uint32_t> slots_;  ///< By slot, its step.
  std::vector<std::uint32_t> begun_;  ///< By class, infos that began.
  std::vector<std::uint32_t> infos_;  ///< Classes of which some began.
  UsedPool used_;
  std::size_t used_limit_ = 4096, states_kept_ = 0;
  Checkpoints<Moment> checkpoints_{Rules::checkpoint_every};
  Repairs repairs_{Rules::goes_back_first};
  std::vector<Config> current_;
  std::vector<Node> stack_;
  Antichain<Rules, W> explored_, kept_;
  bool truncated_ = false;  ///< Configurations were given up in this pass.
  std::uint64_t steps_ = 0;
};

/// Runs with as many words as the object's concurrency wants. `calls` of the result are operations.
SearchResult search_general(const GeneralPlan& plan, States& states, Meter& meter,
                            const GeneralOptions& options = {});

}  // namespace faultline::linearizable
