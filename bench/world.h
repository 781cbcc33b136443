// The world, entered once by whichever benchmark comes first.
#pragma once

#include "harness/os/world.h"

namespace faultline {

inline const Status& bench_world() {
  static const Status entered = enter_world();
  return entered;
}

}  // namespace faultline
