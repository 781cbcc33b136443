#include "checkers/linearizable/models/containers.h"

namespace faultline::linearizable {

ModelTraits max_priority_queue_traits() {
  ModelTraits traits;
  traits.parts = Parts::by_value;
  traits.functions = {Function::enqueue, Function::dequeue, Function::read};
  traits.objection = number_container_objection;
  traits.make = [](const Operations& all, const Setup&) {
    return make_container(all, Discipline::largest);
  };
  return traits;
}

}  // namespace faultline::linearizable
