// What this process has used, for a run's own record: a harness that leaks would not survive a
// soak.
#pragma once

#include <cstddef>
#include <cstdint>

namespace faultline {

struct Usage {
  std::uint64_t resident_bytes_max = 0;  ///< The most memory it ever held at once.
  std::size_t descriptors = 0;           ///< Open now.
  std::size_t threads = 0;               ///< Alive now.
};
Usage own_usage();

}  // namespace faultline
