// What memory this process takes, and took at most.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

#include <malloc.h>

#include "harness/core/big_vector.h"

namespace faultline {

/// Of /proc/self/status, in bytes: VmRSS is now, VmHWM the peak since the last reset.
inline std::uint64_t own_memory(const std::string& name) {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == name + ":") {
      std::uint64_t kilobytes = 0;
      status >> kilobytes;
      return kilobytes * 1024;
    }
  return 0;
}

/// The most that is taken from now on, beyond what is now. What was kept for later is given back.
class PeakMemory {
 public:
  PeakMemory() {
    big_memory::drop_kept();
    malloc_trim(0);
    before_ = own_memory("VmRSS");
    std::ofstream("/proc/self/clear_refs") << "5";
  }
  std::uint64_t bytes() const { return own_memory("VmHWM") - before_; }

 private:
  std::uint64_t before_ = 0;
};

}  // namespace faultline
