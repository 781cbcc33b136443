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
//  - passage (passage.h): what is put in once, taken out once and never seen inside comes out as
//    soon as it can, and of two such puts that are pending the one goes first that is to be taken
//    out first.
//  - symmetry: of pending operations that are alike, the one that ends first goes first.
//  - infos are optional for ever: no bits, but counters per class of equal ones, and a class is
//    forgotten when it can only happen in vain.
//  - infos wait: an info that commutes with what happens next can as well happen after it.
//  - dominance: with equal states and equal changes done, the configuration with more observers
//    done and fewer infos used is the better one.
//
// Two strategies take turns, or compete on two threads, until one of them decides. Breadth first
// keeps all configurations of a moment (or the best: a beam; what survives is still a
// linearization, so `valid` stays a proof, and running out of them is `unknown`, after going back
// some way with a wider beam). Depth first follows one configuration to the end (Wing & Gong 1993)
// and remembers where it has been: lucky on valid histories with many configurations.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include <boost/unordered/unordered_flat_set.hpp>

#include "checkers/linearizable/checkpoints.h"
#include "checkers/linearizable/closure.h"
#include "checkers/linearizable/general_plan.h"
#include "checkers/linearizable/general_rules.h"
#include "checkers/linearizable/search_rules.h"
#include "checkers/linearizable/states.h"

namespace faultline::linearizable {

/// With W words of slots: at most 64 W operations that must end are pending at a time.
template <typename Rules, int W>
class General {
 public:
  General(const GeneralPlan& plan, States& states, Meter& meter)
      : plan_(plan), states_(states), meter_(meter), closure_(plan, states, meter) {}

  SearchResult run(const GeneralOptions& options) {
    SearchResult result = take_turns(options);
    result.bytes_peak = closure_.bytes_peak();
    return result;
  }

 private:
  SearchResult take_turns(const GeneralOptions& options) {
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
      if (options.strategy != Strategy::beams) {
        const bool alone = options.strategy == Strategy::depth;
        const std::uint64_t turn =
            alone ? UINT64_MAX : std::max<std::uint64_t>(100'000, before - meter_.steps_left());
        SearchResult result = depth(turn);
        checked = result.calls_checked = std::max(checked, result.calls_checked);
        if (result.validity != Validity::unknown || meter_.exhausted() || alone) return result;
      }
      if (beam_ >= most_) return {Validity::unknown, "memory", 0, checked};
      beam_ = beam_ > most_ / 16 ? most_ : beam_ * 16;
    }
  }

  using Config = Configuration<W>;

  bool too_large() const { return closure_.tables() > meter_.bytes_max() / 2; }
  const char* reason_to_stop() const { return meter_.exhausted() ? meter_.reason() : "memory"; }
  SearchResult unknown(SearchResult result) const {
    result.validity = Validity::unknown;
    result.reason = reason_to_stop();
    return result;
  }

  void rewind() {
    closure_.pending().rewind();
    closure_.used().clear();
    closure_.take_cut();
    checkpoints_.clear();
    truncated_ = false;
    current_.clear();
    if (states_.bytes() > meter_.bytes_max() / 4) forget_states();
  }

  // --- Breadth first. ----------------------------------------------------------------------------

  /// The sweep before the operation of this level has ended.
  struct Moment {
    std::size_t level = 0;
    std::vector<Config> current;
    bool truncated = false;
  };

  SearchResult breadth() {
    rewind();
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
      closure_.pending().move_to(level);
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

  void keep_moment(std::size_t level) {
    const std::uint64_t bytes = sizeof(Moment) + current_.size() * sizeof(Config);
    if (Rules::goes_back && worth_keeping(bytes, meter_.bytes_max()))
      checkpoints_.keep(level, {level, current_, truncated_}, bytes, meter_.bytes_max());
  }

  /// After the set died at `level`: some way back with a wider beam; `level` becomes the one before
  /// it. That it died proves nothing, and what comes back is what was there then: as far as it was
  /// a beam, it stays one. False if that has been tried enough here.
  bool go_back(std::size_t& level, std::size_t narrow) {
    if (checkpoints_.empty() || !repairs_.died(level)) return false;
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

  /// The operation of this level has happened in every configuration. False: out of budget.
  bool end_all() {
    const std::uint32_t slot = closure_.pending().ending();
    bool all_done = true;
    for (Config& config : current_) {
      closure_.absorb(config);
      all_done &= config.done.test(slot);
    }
    closure_.count_steps(current_.size());
    if (all_done) {
      // The bit was equal everywhere, so nothing becomes comparable that was not.
      for (Config& config : current_) config.done.reset(slot);
    } else {
      closure_.set_bytes_elsewhere(plan_.bytes() + checkpoints_.bytes() +
                                   current_.capacity() * sizeof(Config));
      closure_.clear();
      for (const Config& config : current_)
        if (!closure_.close(config, beam_)) return false;
      truncated_ |= closure_.take_cut();
      closure_.take(current_);
      if (current_.size() > beam_) keep_best();
    }
    if (closure_.used().size() > used_limit_) compact_used();
    if (states_.bytes() > meter_.bytes_max() / 4) forget_states();
    return closure_.spend() && !too_large();
  }

  /// Of now, and of the moments to go back to.
  std::vector<std::vector<Config>*> sets() {
    std::vector<std::vector<Config>*> all = {&current_};
    checkpoints_.each([&](Moment& moment) { all.push_back(&moment.current); });
    return all;
  }

  void compact_used() {
    closure_.used().compact(sets());
    used_limit_ = std::max<std::size_t>(Rules::used_at_first, 8 * closure_.used().size());
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
    const auto pending = closure_.pending().observers() | closure_.pending().changers();
    for (std::uint32_t i = 0; i < current_.size(); ++i)
      order[i] = {states_.strain(current_[i].state) + closure_.used().total(current_[i].used) +
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

  using Visited = boost::unordered_flat_set<Place, PlaceHash>;

  /// Of both, and of larger ones if they must grow for `more` places.
  static std::uint64_t bytes_of(const Visited& visited, const std::vector<Place>& waiting,
                                std::size_t more) {
    const bool visited_grows = visited.size() + more > visited.max_load();
    const bool waiting_grows = waiting.size() + more > waiting.capacity();
    return (visited.bucket_count() * (visited_grows ? 3 : 1) +
            waiting.capacity() * (waiting_grows ? 3 : 1)) *
           (sizeof(Place) + 2);
  }

  /// At most `turn` steps.
  SearchResult depth(std::uint64_t turn) {
    rewind();
    const std::size_t beam = std::exchange(beam_, most_);
    SearchResult result = descend(turn);
    beam_ = beam;
    return result;
  }

  SearchResult descend(std::uint64_t turn) {
    Visited visited;
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
      closure_.pending().move_to(place.level);
      deepest = std::max(deepest, place.level);
      result.calls_checked = deepest;
      const std::uint64_t own = plan_.bytes() + current_.capacity() * sizeof(Config);
      closure_.set_bytes_elsewhere(own + bytes_of(visited, waiting, 0));
      closure_.clear();
      if (!closure_.close(place.config, beam_) || closure_.take_cut() ||
          begin - meter_.steps_left() > turn)
        return unknown(result);
      const std::uint64_t places = bytes_of(visited, waiting, closure_.size());
      closure_.set_bytes_elsewhere(own + places);
      if (places > meter_.bytes_max() / 4 || closure_.bytes() > meter_.bytes_max())
        return unknown(result);
      closure_.take(current_);
      for (const Config& config : current_) {
        const Place next{place.level + 1, config};
        if (visited.insert(next).second) waiting.push_back(next);
      }
      closure_.count_steps(current_.size());
    }
    result.validity = Validity::invalid;
    result.failed_call = plan_.operation(plan_.by_end()[deepest]);
    return result;
  }

  const GeneralPlan& plan_;
  States& states_;
  Meter& meter_;
  Closure<Rules, W> closure_;
  std::size_t beam_ = 0, most_ = 0;  ///< Configurations to keep, now and at most.
  std::size_t used_limit_ = Rules::used_at_first, states_kept_ = 0;
  Checkpoints<Moment> checkpoints_{Rules::checkpoint_every};
  Repairs repairs_{Rules::goes_back_first};
  std::vector<Config> current_;
  bool truncated_ = false;  ///< Configurations were given up in this pass.
};

/// Runs with as many words as the object's concurrency wants. `calls` of the result are operations.
SearchResult search_general(const GeneralPlan& plan, States& states, Meter& meter,
                            const GeneralOptions& options = {});

/// Breadth first in this thread and depth first in another, with half of the steps and of the
/// memory each, until one of them decides; where that is not enough, once more with all of the
/// memory. The verdict is the same whichever comes first, and so is the operation that could not
/// take effect. `for_depth`: states of a model of its own.
SearchResult search_in_competition(const GeneralPlan& plan, States& states, States& for_depth,
                                   Meter& meter);

}  // namespace faultline::linearizable
