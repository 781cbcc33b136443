#include "checkers/linearizable/models/containers.h"

#include <algorithm>

#include "checkers/linearizable/elements.h"

namespace faultline::linearizable {
namespace {

bool puts(const Operation& o) {
  return o.function == Function::enqueue || o.function == Function::push;
}

/// The state is the elements, in the order in which they would come out; the last one of the state
/// is the next to come out where elements leave in the order last in, first out.
class Container final : public Model {
 public:
  Container(const Operations& all, Discipline discipline)
      : all_(all), discipline_(discipline), elements_(all) {
    answered_until_ = last_answers(all, elements_);
    if (discipline == Discipline::first_in) find_taken();
    if (discipline == Discipline::smallest || discipline == Discipline::largest) rank();
  }

  void begin(State&) override {}

  bool step(StateView state, const Operation& o, State& next) override {
    next.assign(state.begin(), state.end());
    if (puts(o)) {
      const std::uint32_t element = elements_.of(argument_of(o, all_));
      if (discipline_ == Discipline::first_in && comes_out_before_some(element, state))
        return false;
      put(element, next);
      return true;
    }
    if (!o.is_info()) {
      if (state.empty() || o.output == no_value) return state.empty() && o.output == no_value;
      const std::uint32_t top = discipline_ == Discipline::last_in ? state.back() : state.front();
      if (top != elements_.of(all_.values[o.output])) return false;
    }
    if (o.function == Function::read || state.empty()) return true;
    next.erase(discipline_ == Discipline::last_in ? next.end() - 1 : next.begin());
    return true;
  }

  /// Peeks, and those that found nothing to take.
  bool observes(const Operation& o) const override {
    return o.function == Function::read || (!puts(o) && !o.is_info() && o.output == no_value);
  }

  /// When nobody takes or sees the value any more, all is well without it, and without the
  /// indeterminate operation that may have taken it.
  Position useful_until(const Operation& o) const override {
    return puts(o) ? answered_until_[elements_.known(argument_of(o, all_))] : never;
  }

 private:
  /// Looking ahead: an element that is put in behind one which was certainly taken out later.
  bool comes_out_before_some(std::uint32_t element, StateView state) const {
    const Taken& own = taken_[element];
    if (!own.once()) return false;
    return std::ranges::any_of(state, [&](std::uint32_t other) {
      return taken_[other].once() && own.end < taken_[other].begin;
    });
  }
  void find_taken() {
    taken_.resize(elements_.size());
    for (const Operation& o : all_.list) {
      if (puts(o)) ++taken_[elements_.of(argument_of(o, all_))].puts;
      if (puts(o) || o.function == Function::read || o.is_info() || o.output == no_value) continue;
      Taken& taken = taken_[elements_.of(all_.values[o.output])];
      ++taken.takes;
      taken.begin = o.begin;
      taken.end = o.end;
    }
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
  void put(std::uint32_t element, State& state) const {
    if (rank_.empty()) {
      state.push_back(element);
    } else {
      state.insert(std::ranges::upper_bound(state, rank_[element], {},
                                            [this](std::uint32_t e) { return rank_[e]; }),
                   element);
    }
  }

  struct Taken {
    std::uint32_t puts = 0, takes = 0;
    Position begin = 0, end = 0;  ///< Of the last take.
    bool once() const { return puts == 1 && takes == 1; }
  };

  const Operations all_;
  const Discipline discipline_;
  Elements elements_;
  std::vector<Position> answered_until_;  ///< By element.
  std::vector<Taken> taken_;              ///< By element, of a queue.
  std::vector<std::uint32_t> rank_;       ///< By element; empty if they have none.
};

}  // namespace

std::unique_ptr<Model> make_container(const Operations& all, Discipline discipline) {
  return std::make_unique<Container>(all, discipline);
}

std::string container_objection(const Operation& o, const Operations& all) {
  if (puts(o) && argument_of(o, all).is_nil()) return "expected an element, not null";
  return {};
}

std::string number_container_objection(const Operation& o, const Operations& all) {
  if (puts(o) && !is_integer(argument_of(o, all))) return "expected an integer";
  if (!puts(o) && o.output != no_value && !is_integer(output_of(o, all)))
    return "expected an integer, or null";
  return {};
}

}  // namespace faultline::linearizable
