#include "checkers/linearizable/fast/semaphore.h"

#include <algorithm>

#include "checkers/linearizable/model.h"

namespace faultline::linearizable {
namespace {

/// An operation without an argument is about one permit.
std::uint32_t permits(const Operation& o, const Operations& all) {
  return o.argument == no_value
             ? 1
             : static_cast<std::uint32_t>(all.pool->as_integer(all.values[o.argument]));
}

std::uint32_t permits_at_first(const Setup& setup) {
  return setup.initial.is_nil() ? 1 : static_cast<std::uint32_t>(*setup.initial.integer());
}

/// The state is how many permits are free. More than there were at first are never free, unless
/// there were none: then releases bring them.
class Semaphore final : public Model {
 public:
  Semaphore(const Operations& all, const Setup& setup)
      : all_(all), first_(permits_at_first(setup)) {}

  void begin(State& state) override { state = {first_}; }

  bool step(StateView state, const Operation& o, State& next) override {
    const std::uint32_t free = state[0], wanted = permits(o, all_);
    const bool acquires = o.function == Function::acquire;
    const bool allowed = acquires ? wanted <= free : first_ == 0 || free + wanted <= first_;
    next = {free};
    if (o.refused) return !allowed;
    next = {acquires ? free - wanted : free + wanted};
    return allowed;
  }

  bool observes(const Operation& o) const override { return o.refused; }

 private:
  const Operations all_;
  const std::uint32_t first_;
};

}  // namespace

ModelTraits semaphore_traits() {
  ModelTraits traits;
  traits.functions = {Function::acquire, Function::release};
  traits.refusable = traits.functions;
  constexpr std::int64_t most = 1'000'000;
  traits.objection = [](const Operation& o, const Operations& all) -> std::string {
    const ValueHandle count = argument_of(o, all);
    if (count.is_nil()) return {};
    if (is_integer(count) && all.pool->as_integer(count) > 0 && all.pool->as_integer(count) <= most)
      return {};
    return "expected a number of permits from 1 to 1,000,000, or null for one";
  };
  traits.initial_objection = [](const Value& initial) -> std::optional<std::string> {
    if (initial.is_nil()) return std::nullopt;
    if (initial.integer() != nullptr && *initial.integer() >= 0 && *initial.integer() <= most)
      return std::nullopt;
    return "expected how many permits there are at first, from 0 to 1,000,000";
  };
  traits.make = [](const Operations& all, const Setup& setup) -> std::unique_ptr<Model> {
    return std::make_unique<Semaphore>(all, setup);
  };
  traits.fast_name = "fast-semaphore";
  traits.fast = [](const Operations& all, Meter& meter, const Setup& setup) {
    const std::uint32_t there = permits_at_first(setup);
    // Releases bring permits: the engine knows no such semaphore.
    if (there == 0) return fast::inapplicable("no permits at first");
    // A lock's engine would take the number for a token.
    for (const Operation& o : all.list)
      if (permits(o, all) != 1) return fast::inapplicable("several permits at a time");
    return fast::Semaphore<>(there).check(all, meter);
  };
  return traits;
}

}  // namespace faultline::linearizable
