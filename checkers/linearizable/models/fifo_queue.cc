#include "checkers/linearizable/fast/queue.h"
#include "checkers/linearizable/models/containers.h"

namespace faultline::linearizable {

ModelTraits fifo_queue_traits() {
  ModelTraits traits;
  traits.parts = Parts::by_value;
  traits.functions = {Function::enqueue, Function::dequeue, Function::read};
  traits.objection = container_objection;
  traits.make = [](const Operations& all, const Setup&) {
    return make_container(all, Discipline::first_in);
  };
  traits.fast_name = "fast-queue";
  traits.fast = [](const Operations& all, Meter& meter, const Setup&) {
    thread_local fast::Queue<> engine;
    return engine.check(all, meter);
  };
  return traits;
}

}  // namespace faultline::linearizable
