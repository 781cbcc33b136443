#include "checkers/linearizable/fast/set.h"

#include "checkers/linearizable/models/set_like.h"

namespace faultline::linearizable {

ModelTraits set_traits() {
  ModelTraits traits;
  traits.parts = Parts::by_value;
  traits.functions = {Function::add, Function::remove, Function::contains, Function::read};
  traits.refusable = {Function::add, Function::remove};
  traits.objection = set_objection;
  traits.make = [](const Operations& all, const Setup&) { return make_set(all); };
  traits.fast_name = "fast-set";
  traits.fast = [](const Operations& all, Meter& meter, const Setup&) {
    thread_local fast::Set<> engine;
    return engine.check(all, meter);
  };
  return traits;
}

}  // namespace faultline::linearizable
