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
  return traits;
}

}  // namespace faultline::linearizable
