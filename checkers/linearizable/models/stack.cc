#include "checkers/linearizable/fast/stack.h"

#include "checkers/linearizable/models/containers.h"

namespace faultline::linearizable {

ModelTraits stack_traits() {
  ModelTraits traits;
  traits.parts = Parts::by_value;
  traits.functions = {Function::push, Function::pop, Function::read};
  traits.objection = container_objection;
  traits.make = [](const Operations& all, const Setup&) {
    return make_container(all, Discipline::last_in);
  };
  traits.fast_name = "fast-stack";
  traits.fast = [](const Operations& all, Meter& meter, const Setup&) {
    thread_local fast::Stack<> engine;
    return engine.check(all, meter);
  };
  return traits;
}

}  // namespace faultline::linearizable
