#include "harness/os/usage.h"

#include <sys/resource.h>

#include "harness/os/proc_list.h"

namespace faultline {

Usage own_usage() {
  Usage usage;
  rusage used{};
  if (::getrusage(RUSAGE_SELF, &used) == 0)
    usage.resident_bytes_max = static_cast<std::uint64_t>(used.ru_maxrss) * 1024;
  const std::size_t open = numbers_in("/proc/self/fd").size();
  usage.descriptors = open > 0 ? open - 1 : 0;  // One was open for the listing.
  usage.threads = numbers_in("/proc/self/task").size();
  return usage;
}

}  // namespace faultline
