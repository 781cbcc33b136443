// SHA-256 (FIPS 180-4), to say in meta.json which binary was tested. Not for secrets.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

#include "harness/core/result.h"

namespace faultline {

class Sha256 {
 public:
  void update(std::string_view bytes);
  std::string hex();  ///< 64 lower-case digits. Ends it: no update() afterwards.

 private:
  void block(const unsigned char* bytes);

  std::array<std::uint32_t, 8> state_ = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                         0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<unsigned char, 64> pending_{};
  std::size_t pending_size_ = 0;
  std::uint64_t bytes_ = 0;
};

Result<std::string> sha256_of_file(const std::filesystem::path& path);

}  // namespace faultline
