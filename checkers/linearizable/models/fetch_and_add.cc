#include "checkers/linearizable/fast/fetch_and_add.h"

#include "checkers/linearizable/models/numbers.h"

namespace faultline::linearizable {

ModelTraits fetch_and_add_traits() {
  ModelTraits traits = number_traits();
  traits.objection = [](const Operation& o, const Operations& all) -> std::string {
    const ValueHandle delta = argument_of(o, all);
    if (o.function == Function::add && !delta.is_nil() && !is_integer(delta))
      return "expected a number to add, an integer, or null for 1";
    if (o.is_info() || is_integer(output_of(o, all))) return {};
    return "expected what the number was before, an integer";
  };
  traits.make = [](const Operations& all, const Setup& setup) {
    return make_number(all, setup, true);
  };
  traits.fast_name = "fast-fetch-and-add";
  traits.fast = [](const Operations& all, Meter& meter, const Setup& setup) {
    return fast::FetchAndAdd<>(fast::Answers::before, initial_number(setup)).check(all, meter);
  };
  return traits;
}

}  // namespace faultline::linearizable
