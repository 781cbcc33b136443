#include "checkers/linearizable/models/set_like.h"

#include <algorithm>

#include "checkers/linearizable/elements.h"

namespace faultline::linearizable {
namespace {

/// The state is the elements, in order.
class Set final : public Model {
 public:
  explicit Set(const Operations& all)
      : all_(all), elements_(all), lists_(all.values.size()), found_until_(elements_.size(), 0) {
    for (const Operation& o : all.list) {
      if (o.function == Function::read) {
        for (const std::uint32_t e : listed(o)) see(e, o.end);
      } else if (finds(o)) {
        see(element(o), o.end);
      }
    }
  }

  void begin(State&) override {}

  bool step(StateView state, const Operation& o, State& next) override {
    next.assign(state.begin(), state.end());
    if (o.function == Function::read) return std::ranges::equal(state, listed(o));
    const std::uint32_t e = element(o);
    const auto at = std::ranges::lower_bound(next, e);
    const bool there = at != next.end() && *at == e;
    // "It was added" means that it was not there.
    const bool told_absent = o.function == Function::add;
    const auto answer = o.refused ? std::optional(false) : truth_of(o, all_);
    if (answer && there != (*answer != told_absent)) return false;
    if (o.refused) return true;
    if (o.function == Function::add && !there) next.insert(at, e);
    if (o.function == Function::remove && there) next.erase(at);
    return true;
  }

  bool observes(const Operation& o) const override {
    if (o.refused || o.function == Function::read || o.function == Function::contains) return true;
    return truth_of(o, all_) == false;  // nothing changed
  }

  /// When nobody finds the element any more, all is well without this add.
  Position useful_until(const Operation& o) const override {
    if (o.function != Function::add) return never;
    return found_until_[elements_.known(argument_of(o, all_))];
  }

 private:
  void see(std::uint32_t e, Position end) { found_until_[e] = std::max(found_until_[e], end); }
  std::uint32_t element(const Operation& o) { return elements_.of(argument_of(o, all_)); }
  /// Does it say that the element was there?
  bool finds(const Operation& o) const {
    if (o.is_info()) return false;
    const auto answer = o.refused ? std::optional(false) : truth_of(o, all_);
    return answer && *answer != (o.function == Function::add);
  }

  const State& listed(const Operation& o) {
    static const State nothing;
    if (o.output == no_value) return nothing;
    List& list = lists_[o.output];
    if (!list.known) {
      list.known = true;
      for (const ValueHandle item : all_.pool->items(all_.values[o.output]))
        list.state.push_back(elements_.of(item));
      std::ranges::sort(list.state);
      // The same element twice: no set. It is kept twice, and so equals no state.
    }
    return list.state;
  }

  struct List {
    bool known = false;
    State state;
  };
  const Operations all_;
  Elements elements_;
  std::vector<List> lists_;            ///< By ValueId.
  std::vector<Position> found_until_;  ///< By element.
};

}  // namespace

std::unique_ptr<Model> make_set(const Operations& all) { return std::make_unique<Set>(all); }

std::string set_objection(const Operation& o, const Operations& all) {
  if (o.is_info() || o.refused) return {};
  if (o.function == Function::read && o.output != no_value && !is_list(all.values[o.output]))
    return "expected the list of all elements";
  if (o.function == Function::contains && output_of(o, all).kind() != ValueHandle::Kind::boolean)
    return "expected true or false";
  return {};
}

}  // namespace faultline::linearizable
