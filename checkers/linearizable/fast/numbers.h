// Integers among an object's values.
#pragma once

#include <cstdint>

#include "checkers/linearizable/operation.h"

namespace faultline::linearizable::fast {

/// False if the value is no integer.
inline bool integer_of(const Operations& operations, ValueId value, std::int64_t& number) {
  if (value == no_value) return false;
  const ValueHandle h = operations.values[value];
  if (h.is_small_integer())
    number = h.small_integer();
  else if (h.kind() == ValueHandle::Kind::big_integer)
    number = operations.pool->as_integer(h);
  else
    return false;
  return true;
}

/// How often `step` (not 0) fits between `from` and `to`; false if it does not, or is too far.
inline bool steps_between(std::int64_t from, std::int64_t to, std::int64_t step,
                          std::int64_t& count) {
  std::int64_t distance = 0;
  if (__builtin_sub_overflow(to, from, &distance) || distance == INT64_MIN) return false;
  count = distance / step;
  return distance % step == 0;
}

}  // namespace faultline::linearizable::fast
