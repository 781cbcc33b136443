// Randomness that a seed repeats on every machine (std's distributions differ between libraries).
#pragma once

#include <cstdint>
#include <string_view>

#include "harness/core/check.h"

namespace faultline {

/// SplitMix64 (Steele, Lea, Flood 2014). One seed per run; children are forked by name, so a new
/// consumer of randomness does not change what the others draw. A value type; not thread-safe.
class Rng {
 public:
  explicit Rng(std::uint64_t seed) : state_(seed) {}

  /// A generator of its own, a function of this one's state and `name` only.
  Rng fork(std::string_view name) const {
    std::uint64_t hash = 0xcbf29ce484222325ull ^ state_;  // FNV-1a
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
    return Rng(mix(hash));
  }
  Rng fork(std::string_view name, std::uint64_t index) const {
    return Rng(mix(fork(name).state_ + index * 0x9e3779b97f4a7c15ull));
  }

  std::uint64_t next() { return mix(state_ += 0x9e3779b97f4a7c15ull); }

  /// Uniform in [0, bound), without bias (Lemire 2019). Requires bound > 0.
  std::uint64_t below(std::uint64_t bound) {
    FAULTLINE_CHECK(bound > 0);
    for (;;) {
      const Wide product = static_cast<Wide>(next()) * bound;
      const auto low = static_cast<std::uint64_t>(product);
      if (low >= bound || low >= (0 - bound) % bound)
        return static_cast<std::uint64_t>(product >> 64);
    }
  }

  /// Uniform in [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }

 private:
  __extension__ using Wide = unsigned __int128;

  static std::uint64_t mix(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }

  std::uint64_t state_;
};

}  // namespace faultline
