// The switch namespace that enter_world() made: what the rest of this room must know of it. Private
// to harness/os.
#pragma once

#include "harness/core/result.h"

namespace faultline {

struct Switch {
  bool entered = false;         ///< Whole: with its bridge.
  bool isolated = false;        ///< At least a network namespace of our own.
  bool user_namespace = false;  ///< Else as root.
  bool ipv6 = false;
  int bridge = 0;  ///< Interface index of br0.
};

const Switch& the_switch();

}  // namespace faultline
