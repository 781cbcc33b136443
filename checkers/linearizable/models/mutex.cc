#include "checkers/linearizable/models/locks.h"

namespace faultline::linearizable {

ModelTraits mutex_traits() {
  ModelTraits traits = lock_traits();
  traits.parts = Parts::by_hold;
  traits.make = [](const Operations& all, const Setup&) { return make_lock(all, {}); };
  return traits;
}

}  // namespace faultline::linearizable
