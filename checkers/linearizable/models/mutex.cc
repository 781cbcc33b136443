#include "checkers/linearizable/fast/owner_mutex.h"
#include "checkers/linearizable/models/locks.h"

namespace faultline::linearizable {

ModelTraits mutex_traits() {
  ModelTraits traits = lock_traits();
  traits.parts = Parts::by_hold;
  traits.make = [](const Operations& all, const Setup&) { return make_lock(all, {}); };
  traits.fast_name = "fast-mutex";
  traits.fast = [](const Operations& all, Meter& meter, const Setup&) {
    thread_local fast::OwnerMutex<> engine;
    return engine.check(all, meter);
  };
  return traits;
}

}  // namespace faultline::linearizable
