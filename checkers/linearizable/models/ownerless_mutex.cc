#include "checkers/linearizable/fast/semaphore.h"
#include "checkers/linearizable/models/locks.h"

namespace faultline::linearizable {

ModelTraits ownerless_mutex_traits() {
  ModelTraits traits = lock_traits();
  traits.by_process = false;
  traits.make = [](const Operations& all, const Setup&) {
    return make_lock(all, {.owned = false});
  };
  traits.fast_name = "fast-semaphore";
  traits.fast = [](const Operations& all, Meter& meter, const Setup&) {
    thread_local fast::Semaphore<> engine;
    return engine.check(all, meter);
  };
  return traits;
}

}  // namespace faultline::linearizable
