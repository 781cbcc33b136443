// Monotonic clocks that are ahead of the machine's, from the start of a node on: as on a machine
// that has been up for longer. By a time namespace (time_namespaces(7)), so that the kernel's own
// waits go by the same clock. Private to harness/os.
#pragma once

#include <cstdint>

#include "harness/core/result.h"

namespace faultline {

/// Whatever the calling process, which has one thread, starts from now on has CLOCK_MONOTONIC,
/// CLOCK_MONOTONIC_RAW, CLOCK_MONOTONIC_COARSE and CLOCK_BOOTTIME ahead by so much; its own clocks
/// stay. A child is asked, and both clocks must be what they should be to the nanosecond. An error
/// of kind capability says "WHAT; REMEDY".
Status offset_monotonic(std::int64_t offset_ns);

/// Whether that can be done here: tried out by a child.
Status try_monotonic_offset();

}  // namespace faultline
