#include "checkers/linearizable/fast/owner_mutex.h"
#include "checkers/linearizable/models/locks.h"

namespace faultline::linearizable {

ModelTraits reentrant_mutex_traits() {
  ModelTraits traits = lock_traits();
  traits.make = [](const Operations& all, const Setup&) {
    return make_lock(all, {.reentrant = true});
  };
  traits.fast_name = "fast-mutex";
  traits.fast = [](const Operations& all, Meter& meter, const Setup&) {
    return fast::OwnerMutex<>(fast::OwnerMutex<>::Kind{.depth = UINT32_MAX}).check(all, meter);
  };
  return traits;
}

}  // namespace faultline::linearizable
