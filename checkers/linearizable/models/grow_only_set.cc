#include "checkers/linearizable/fast/grow_set.h"
#include "checkers/linearizable/models/set_like.h"

namespace faultline::linearizable {

ModelTraits grow_only_set_traits() {
  ModelTraits traits;
  traits.functions = {Function::add, Function::read};
  traits.objection = set_objection;
  traits.make = [](const Operations& all, const Setup&) { return make_set(all); };
  traits.fast_name = "fast-grow-only-set";
  traits.fast = [](const Operations& all, Meter& meter, const Setup&) {
    thread_local fast::GrowSet<> engine;
    return engine.check(all, meter);
  };
  return traits;
}

}  // namespace faultline::linearizable
