#include "checkers/linearizable/fast/owner_mutex.h"
#include "checkers/linearizable/models/locks.h"

namespace faultline::linearizable {

ModelTraits fenced_lock_traits() {
  ModelTraits traits = lock_traits();
  traits.objection = [](const Operation& o, const Operations& all) -> std::string {
    const bool acquires = o.function == Function::acquire;
    const ValueHandle token = acquires ? output_of(o, all) : argument_of(o, all);
    if (o.refused || (o.is_info() && acquires) || token.is_nil() || is_integer(token)) return {};
    return "expected a token, an integer, or null";
  };
  traits.make = [](const Operations& all, const Setup&) {
    return make_lock(all, {.fenced = true});
  };
  traits.fast_name = "fast-mutex";
  traits.fast = [](const Operations& all, Meter& meter, const Setup&) {
    return fast::OwnerMutex<>(fast::OwnerMutex<>::Kind{.fenced = true}).check(all, meter);
  };
  return traits;
}

}  // namespace faultline::linearizable
