// A set of at most 64 W slots.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace faultline::linearizable {

/// Set of slots.
template <int W>
struct Mask {
  std::array<std::uint64_t, W> words{};

  bool test(std::uint32_t i) const { return (words[i / 64] >> (i % 64) & 1) != 0; }
  void set(std::uint32_t i) { words[i / 64] |= std::uint64_t{1} << (i % 64); }
  void reset(std::uint32_t i) { words[i / 64] &= ~(std::uint64_t{1} << (i % 64)); }
  bool none() const { return !any(); }
  bool any() const {
    for (const std::uint64_t word : words)
      if (word != 0) return true;
    return false;
  }
  /// Is every member of this one in `other`?
  bool within(const Mask& other) const {
    for (int k = 0; k < W; ++k)
      if ((words[k] & ~other.words[k]) != 0) return false;
    return true;
  }
  std::uint32_t first_absent() const {
    for (int k = 0; k < W; ++k)
      if (~words[k] != 0) return static_cast<std::uint32_t>(64 * k + std::countr_one(words[k]));
    return 64 * W;
  }
  int count() const {
    int sum = 0;
    for (const std::uint64_t word : words) sum += std::popcount(word);
    return sum;
  }
  template <typename Visit>
  void each(Visit visit) const {
    for (int k = 0; k < W; ++k)
      for (std::uint64_t word = words[k]; word != 0; word &= word - 1)
        visit(static_cast<std::uint32_t>(64 * k + std::countr_zero(word)));
  }
  friend Mask operator&(Mask a, const Mask& b) {
    for (int k = 0; k < W; ++k) a.words[k] &= b.words[k];
    return a;
  }
  friend Mask operator|(Mask a, const Mask& b) {
    for (int k = 0; k < W; ++k) a.words[k] |= b.words[k];
    return a;
  }
  friend Mask operator^(Mask a, const Mask& b) {
    for (int k = 0; k < W; ++k) a.words[k] ^= b.words[k];
    return a;
  }
  friend Mask minus(Mask a, const Mask& b) {
    for (int k = 0; k < W; ++k) a.words[k] &= ~b.words[k];
    return a;
  }
  /// Not the default, which calls memcmp for a word or two.
  friend bool operator==(const Mask& a, const Mask& b) { return (a ^ b).none(); }
};

}  // namespace faultline::linearizable
