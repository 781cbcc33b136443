#include "checkers/linearizable/models/locks.h"

namespace faultline::linearizable {

ModelTraits ownerless_mutex_traits() {
  ModelTraits traits = lock_traits();
  traits.by_process = false;
  traits.make = [](const Operations& all, const Setup&) {
    return make_lock(all, {.owned = false});
  };
  return traits;
}

}  // namespace faultline::linearizable
