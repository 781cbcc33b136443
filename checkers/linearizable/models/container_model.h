// The model of queues and stacks: elements go in, and come out in an order that depends on the
// kind.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "checkers/linearizable/elements.h"
#include "checkers/linearizable/models/containers.h"

namespace faultline::linearizable {

/// What it knows from looking ahead. Tests break single rules and must notice.
struct ContainerRules {
  static constexpr bool only_too_late = true;      ///< One was out before the other's take began.
  static constexpr bool infos_may_take = true;     ///< What no ok operation took.
  static constexpr bool spares_only_taken = true;  ///< For each time that it was put in.
  static constexpr bool only_certain_puts =
      true;                                    ///< A put waits for what was out before its take.
  static constexpr bool only_put_once = true;  ///< What is put in twice is no passage,
  static constexpr bool only_unseen = true;    ///< nor is what was seen inside.
};

inline bool container_puts(const Operation& o) {
  return o.function == Function::enqueue || o.function == Function::push;
}

/// The state is the elements, in the order in which they would come out; the last one of the state
/// is the next to come out where elements leave in the order last in, first out.
template <typename Rules = ContainerRules>
class Container final : public Model {
 public:
  Container(const Operations& all, Discipline discipline)
      : all_(all), discipline_(discipline), elements_(all) {
    answered_until_ = last_answers(all, elements_);
    find_taken();
    if (discipline == Discipline::smallest || discipline == Discipline::largest) rank();
  }

  void begin(State&) override {}

  bool step(StateView state, const Operation& o, State& next) override {
    next.assign(state.begin(), state.end());
    if (container_puts(o)) {
      const auto at = put(elements_.of(argument_of(o, all_)), next);
      return may_come_out(next, at);
    }
    if (!o.is_info()) {
      if (state.empty() || o.output == no_value) return state.empty() && o.output == no_value;
      const std::uint32_t top = discipline_ == Discipline::last_in ? state.back() : state.front();
      if (top != elements_.of(all_.values[o.output])) return false;
    }
    if (o.function == Function::read || state.empty()) return true;
    const auto at = discipline_ == Discipline::last_in ? next.end() - 1 : next.begin();
    if (o.is_info() && certainly_taken(*at)) return false;
    next.erase(at);
    return true;
  }

  /// Peeks, and those that found nothing to take.
  bool observes(const Operation& o) const override {
    return o.function == Function::read ||
           (!container_puts(o) && !o.is_info() && o.output == no_value);
  }

  /// When nobody takes or sees the value any more, all is well without it, and without the
  /// indeterminate operation that may have taken it.
  Position useful_until(const Operation& o) const override {
    return container_puts(o) ? answered_until_[elements_.known(argument_of(o, all_))] : never;
  }

  /// While the next to come out is inside, nobody finds nothing, and if nobody sees it either, it
  /// may as well come out at once: what else comes out next, then and later, is the same without
  /// it.
  Passage passage(const Operation& o) const override {
    if (o.function == Function::read || (!container_puts(o) && o.output == no_value)) return {};
    const std::uint32_t element =
        elements_.known(container_puts(o) ? argument_of(o, all_) : all_.values[o.output]);
    const Taken& own = taken_[element];
    if (own.takes > 1 || (own.puts != 1 && Rules::only_put_once)) return {};
    if (own.seen && Rules::only_unseen) return {};
    Passage passage;
    passage.what = element;
    passage.takes = !container_puts(o);
    passage.taken = own.once();
    if (discipline_ == Discipline::first_in) passage.order = Passage::Order::first_in;
    if (discipline_ == Discipline::last_in) passage.order = Passage::Order::last_in;
    passage.put_end = own.put_end;
    if (passage.taken) {
      passage.take_begin = own.begin;
      passage.take_end = own.end;
      if (discipline_ == Discipline::first_in) passage.put_after = put_after(own.begin);
    }
    return passage;
  }

  /// Neighbours that lie against the order in which they are taken.
  std::uint64_t strain(StateView state) const override {
    if (!rank_.empty()) return 0;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < state.size(); ++i)
      for (std::size_t j = i + 1; j < std::min(state.size(), i + 1 + neighbours); ++j) {
        const bool last_in = discipline_ == Discipline::last_in;
        const Taken& ahead = taken_[state[last_in ? j : i]];
        const Taken& behind = taken_[state[last_in ? i : j]];
        sum += behind.begin < ahead.begin ? 1 : 0;
        sum += behind.end < ahead.end ? 1 : 0;
      }
    return sum;
  }

 private:
  static constexpr std::size_t neighbours = 4;

  struct Taken {
    std::uint32_t puts = 0, takes = 0;
    Position begin = never, end = never;  ///< Of the last take.
    Position put_begin = 0, put_end = 0;  ///< Of the last put.
    bool seen = false;                    ///< By one that left it inside.
    bool once() const { return puts == 1 && takes == 1; }
  };

  /// Looking ahead: as many ok operations took it out as may have put it in, each of them once. If
  /// an info took it, one of those would find none.
  bool certainly_taken(std::uint32_t element) const {
    const Taken& taken = taken_[element];
    return taken.takes >= (Rules::spares_only_taken ? taken.puts : 1);
  }
  /// Looking ahead: both are inside, so `ahead` comes out first, but `behind` is certainly taken,
  /// and must be out before `ahead` can be: before its one take begins, or, if no ok operation
  /// takes it, before any info does. No linearization goes on from there.
  bool too_late(std::uint32_t ahead, std::uint32_t behind) const {
    const Taken& a = taken_[ahead];
    const Taken& b = taken_[behind];
    if (!b.once()) return false;
    if (a.takes == 0) return b.end < first_info_take_ || !Rules::infos_may_take;
    return a.once() && (Rules::only_too_late ? b.end : b.begin) < a.begin;
  }
  /// What was put in there, and what is inside.
  bool may_come_out(const State& state, State::const_iterator at) const {
    const auto is_behind = [&](std::uint32_t other) { return too_late(*at, other); };
    const auto is_ahead = [&](std::uint32_t other) { return too_late(other, *at); };
    if (discipline_ == Discipline::last_in) return std::none_of(state.begin(), at, is_behind);
    return std::none_of(state.begin(), at, is_ahead) &&
           std::none_of(at + 1, state.end(), is_behind);
  }
  void find_taken() {
    taken_.resize(elements_.size());
    for (const Operation& o : all_.list) {
      if (container_puts(o)) {
        Taken& taken = taken_[elements_.of(argument_of(o, all_))];
        ++taken.puts;
        taken.put_begin = o.begin;
        taken.put_end = o.end;
      } else if (o.is_info()) {
        if (o.function != Function::read) first_info_take_ = std::min(first_info_take_, o.begin);
      } else if (o.output != no_value) {
        Taken& taken = taken_[elements_.of(all_.values[o.output])];
        if (o.function == Function::read) {
          taken.seen = true;
          continue;
        }
        ++taken.takes;
        taken.begin = o.begin;
        taken.end = o.end;
      }
    }
    for (const Taken& taken : taken_)
      if (taken.once())
        puts_by_take_.emplace_back(Rules::only_certain_puts ? taken.end : taken.begin,
                                   taken.put_begin);
    std::ranges::sort(puts_by_take_);
    Position latest = 0;
    for (auto& [take_end, put_begin] : puts_by_take_)
      put_begin = latest = std::max(latest, put_begin);
  }
  /// First in, first out: what was out before then went in earlier than what is taken from then on.
  /// The latest begin of such a put: until then neither it nor what goes in after it can happen.
  Position put_after(Position then) const {
    const auto after = std::ranges::lower_bound(puts_by_take_, std::pair{then, Position{0}});
    return after == puts_by_take_.begin() ? 0 : (after - 1)->second;
  }

  void rank() {
    std::vector<std::pair<std::int64_t, std::uint32_t>> order;
    for (const ValueHandle value : all_.values)
      if (is_integer(value)) order.emplace_back(all_.pool->as_integer(value), elements_.of(value));
    std::ranges::sort(order);
    if (discipline_ == Discipline::largest) std::ranges::reverse(order);
    rank_.assign(elements_.size(), 0);
    for (std::uint32_t i = 0; i < order.size(); ++i) rank_[order[i].second] = i;
  }
  /// Where it is then.
  State::const_iterator put(std::uint32_t element, State& state) const {
    const auto at = rank_.empty()
                        ? state.end()
                        : std::ranges::upper_bound(state, rank_[element], {},
                                                   [this](std::uint32_t e) { return rank_[e]; });
    return state.insert(at, element);
  }

  const Operations all_;
  const Discipline discipline_;
  Elements elements_;
  std::vector<Position> answered_until_;  ///< By element.
  std::vector<Taken> taken_;              ///< By element.
  Position first_info_take_ = never;      ///< Its begin.
  /// Of what is taken out once: when it was out, and the latest begin of a put up to that one's.
  std::vector<std::pair<Position, Position>> puts_by_take_;
  std::vector<std::uint32_t> rank_;  ///< By element; empty if they have none.
};

}  // namespace faultline::linearizable
