#include "checkers/linearizable/models/locks.h"

namespace faultline::linearizable {

ModelTraits reentrant_mutex_traits() {
  ModelTraits traits = lock_traits();
  traits.make = [](const Operations& all, const Setup&) {
    return make_lock(all, {.reentrant = true});
  };
  return traits;
}

}  // namespace faultline::linearizable
