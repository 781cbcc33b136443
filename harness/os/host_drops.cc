#include "harness/os/host_drops.h"

#include <fstream>
#include <sstream>
#include <string>

namespace faultline {

std::optional<HostDrops> read_host_drops(const std::filesystem::path& file) {
  std::ifstream lines(file);
  HostDrops drops;
  bool any = false;
  // A line each processor: hexadecimal numbers, packets that came before these two.
  for (std::string line; std::getline(lines, line); any = true) {
    std::istringstream numbers(line);
    std::uint64_t processed = 0, dropped = 0, squeezed = 0;
    if (!(numbers >> std::hex >> processed >> dropped >> squeezed)) return std::nullopt;
    drops.dropped += dropped;
    drops.squeezed += squeezed;
  }
  return any ? std::optional(drops) : std::nullopt;
}

}  // namespace faultline
