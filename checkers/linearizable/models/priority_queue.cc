#include "checkers/linearizable/fast/priority_queue.h"

#include "checkers/linearizable/models/containers.h"

namespace faultline::linearizable {

ModelTraits priority_queue_traits() {
  ModelTraits traits;
  traits.parts = Parts::by_value;
  traits.functions = {Function::enqueue, Function::dequeue, Function::read};
  traits.objection = number_container_objection;
  traits.make = [](const Operations& all, const Setup&) {
    return make_container(all, Discipline::smallest);
  };
  traits.fast_name = "fast-priority-queue";
  traits.fast = [](const Operations& all, Meter& meter, const Setup&) {
    return fast::PriorityQueue<>(fast::Best::smallest).check(all, meter);
  };
  return traits;
}

}  // namespace faultline::linearizable
