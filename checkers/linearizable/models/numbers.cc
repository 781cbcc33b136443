#include "checkers/linearizable/models/numbers.h"

namespace faultline::linearizable {
namespace {

class Number final : public Model {
 public:
  Number(const Operations& all, const Setup& setup, bool fetches)
      : all_(all), fetches_(fetches), initial_(initial_number(setup)) {}

  void begin(State& state) override { put(static_cast<std::uint64_t>(initial_), state); }

  bool step(StateView state, const Operation& o, State& next) override {
    const std::uint64_t number = std::uint64_t{state[0]} << 32 | state[1];
    const bool tells = o.function == Function::read || fetches_;
    if (tells && !o.is_info() &&
        static_cast<std::int64_t>(number) != all_.pool->as_integer(output_of(o, all_)))
      return false;
    put(o.function == Function::read ? number : number + delta(o), next);
    return true;
  }

  bool observes(const Operation& o) const override {
    return o.function == Function::read || delta(o) == 0;
  }

 private:
  /// Sums wrap around, as they do in every store that has them as 64 bits.
  std::uint64_t delta(const Operation& o) const {
    if (o.argument == no_value) return 1;
    return static_cast<std::uint64_t>(all_.pool->as_integer(all_.values[o.argument]));
  }
  static void put(std::uint64_t number, State& state) {
    state.push_back(static_cast<std::uint32_t>(number >> 32));
    state.push_back(static_cast<std::uint32_t>(number));
  }

  const Operations all_;
  const bool fetches_;
  const std::int64_t initial_;
};

}  // namespace

std::unique_ptr<Model> make_number(const Operations& all, const Setup& setup, bool fetches) {
  return std::make_unique<Number>(all, setup, fetches);
}

std::int64_t initial_number(const Setup& setup) {
  return setup.initial.is_nil() ? 0 : *setup.initial.integer();
}

ModelTraits number_traits() {
  ModelTraits traits;
  traits.functions = {Function::add, Function::read};
  traits.initial_objection = [](const Value& initial) -> std::optional<std::string> {
    if (initial.is_nil() || initial.integer() != nullptr) return std::nullopt;
    return "expected an integer";
  };
  return traits;
}

}  // namespace faultline::linearizable
