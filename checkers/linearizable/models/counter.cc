#include "checkers/linearizable/fast/counter.h"

#include "checkers/linearizable/models/numbers.h"

namespace faultline::linearizable {

ModelTraits counter_traits() {
  ModelTraits traits = number_traits();
  traits.objection = [](const Operation& o, const Operations& all) -> std::string {
    if (o.function == Function::add) {
      const ValueHandle delta = argument_of(o, all);
      if (!delta.is_nil() && !is_integer(delta)) return "expected a number to add, an integer";
      if (!o.is_info() && o.output != no_value && o.output != o.argument)
        return "expected no other answer than null or what was added (for adds that answer what "
               "the number was, use --model fetch-and-add)";
      return {};
    }
    return is_integer(output_of(o, all)) ? "" : "expected an integer";
  };
  traits.make = [](const Operations& all, const Setup& setup) {
    return make_number(all, setup, false);
  };
  traits.fast_name = "fast-counter";
  traits.fast = [](const Operations& all, Meter& meter, const Setup& setup) {
    return fast::Counter<>(initial_number(setup)).check(all, meter);
  };
  return traits;
}

}  // namespace faultline::linearizable
