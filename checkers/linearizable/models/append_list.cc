#include <algorithm>

#include "checkers/linearizable/elements.h"

namespace faultline::linearizable {
namespace {

/// Every list that was read is what the list began with ever after, so the longest one says in
/// which order things were appended: the state is how much of it there is, or that there is more.
class AppendList final : public Model {
 public:
  explicit AppendList(const Operations& all)
      : all_(all), elements_(all), fits_(all.values.size(), true) {
    for (const Operation& o : all.list)
      if (o.function == Function::read && o.output != no_value &&
          items(o.output).size() > longest_.size())
        longest_ = items(o.output);
    for (const ValueHandle h : longest_) order_.push_back(elements_.of(h));
    answered_until_ = last_answers(all, elements_);
    std::vector<bool> looked(all.values.size(), false);
    for (const Operation& o : all.list) {
      if (o.function != Function::read || o.output == no_value || looked[o.output]) continue;
      looked[o.output] = true;
      const auto list = items(o.output);
      for (std::size_t i = 0; i < list.size() && fits_[o.output]; ++i)
        fits_[o.output] = elements_.of(list[i]) == order_[i];
    }
  }

  void begin(State& state) override { state = {0}; }

  bool step(StateView state, const Operation& o, State& next) override {
    next = {state[0]};
    if (o.function == Function::read) {
      if (o.output == no_value) return state[0] == 0;
      return fits_[o.output] && items(o.output).size() == state[0];
    }
    if (state[0] < order_.size() && order_[state[0]] != elements_.of(argument_of(o, all_)))
      return false;
    next = {std::min(state[0] + 1, static_cast<std::uint32_t>(order_.size()) + 1)};
    return true;
  }

  bool observes(const Operation& o) const override { return o.function == Function::read; }
  /// What nobody reads any more, nobody reads anything after.
  Position useful_until(const Operation& o) const override {
    return answered_until_[elements_.known(argument_of(o, all_))];
  }

 private:
  std::span<const ValueHandle> items(ValueId id) const { return all_.pool->items(all_.values[id]); }

  const Operations all_;
  Elements elements_;
  std::span<const ValueHandle> longest_;
  std::vector<std::uint32_t> order_;      ///< The longest list read, by element.
  std::vector<Position> answered_until_;  ///< By element: who read it last?
  std::vector<bool> fits_;  ///< By ValueId: does the longest list begin with this one?
};

}  // namespace

ModelTraits append_list_traits() {
  ModelTraits traits;
  traits.functions = {Function::append, Function::read};
  traits.objection = [](const Operation& o, const Operations& all) -> std::string {
    if (o.function != Function::read || o.output == no_value || is_list(all.values[o.output]))
      return {};
    return "expected the whole list, or null while there is none";
  };
  traits.make = [](const Operations& all, const Setup&) -> std::unique_ptr<Model> {
    return std::make_unique<AppendList>(all);
  };
  return traits;
}

}  // namespace faultline::linearizable
