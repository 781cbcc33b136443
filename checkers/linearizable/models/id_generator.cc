#include <algorithm>

#include "checkers/linearizable/fast/fetch_and_add.h"
#include "checkers/linearizable/model.h"

namespace faultline::linearizable {
namespace {

/// The state is which ids were given; those that only one operation answered need no place in it.
class IdGenerator final : public Model {
 public:
  explicit IdGenerator(const Operations& all) : answers_(all.values.size(), 0) {
    for (const Operation& o : all.list)
      if (!o.is_info() && o.output != no_value) ++answers_[o.output];
  }

  void begin(State&) override {}

  bool step(StateView state, const Operation& o, State& next) override {
    next.assign(state.begin(), state.end());
    if (o.is_info() || answers_[o.output] < 2) return true;
    const auto at = std::ranges::lower_bound(next, o.output);
    if (at != next.end() && *at == o.output) return false;
    next.insert(at, o.output);
    return true;
  }

  bool observes(const Operation& o) const override { return o.is_info() || answers_[o.output] < 2; }
  Position useful_until(const Operation&) const override { return 0; }

 private:
  std::vector<std::uint32_t> answers_;  ///< By ValueId, how many.
};

}  // namespace

ModelTraits id_generator_traits() {
  ModelTraits traits;
  traits.parts = Parts::by_value;
  traits.functions = {Function::generate};
  traits.objection = [](const Operation& o, const Operations&) -> std::string {
    return o.is_info() || o.output != no_value ? "" : "expected an id";
  };
  traits.make = [](const Operations& all, const Setup&) -> std::unique_ptr<Model> {
    return std::make_unique<IdGenerator>(all);
  };
  traits.fast_name = "fast-id-generator";
  traits.fast = [](const Operations& all, Meter& meter, const Setup&) {
    thread_local fast::IdGenerator engine;
    return engine.check(all, meter);
  };
  return traits;
}

}  // namespace faultline::linearizable
