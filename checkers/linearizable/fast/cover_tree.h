// The two trees that the stack's engine is made of: how often each gap is covered, with the
// leftmost gap that no longer is; and the leftmost of a range of values whose key is small enough.
// Both are arrays of 32-bit numbers, walked without recursion.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <vector>

namespace faultline::linearizable::fast {

/// Counts of places, lowered over ranges.
class CoverTree {
 public:
  static constexpr std::uint32_t none = 0xffffffffu;

  /// A place whose count is 0 at first is none that is looked for.
  void build(std::span<const std::int32_t> counts) {
    size_ = std::bit_ceil(std::max<std::size_t>(counts.size(), 2));
    nodes_.assign(2 * size_, Node{gone, 0});
    for (std::size_t i = 0; i < counts.size(); ++i)
      nodes_[size_ + i].least = counts[i] == 0 ? gone : counts[i];
    for (std::size_t i = size_ - 1; i > 0; --i)
      nodes_[i].least = std::min(nodes_[2 * i].least, nodes_[2 * i + 1].least);
  }

  /// One less from `from` to before `to`.
  void lower(std::uint32_t from, std::uint32_t to) {
    std::size_t left = from + size_, right = to + size_;  // [left, right) on each level
    std::size_t left_path = left, right_path = right - 1;
    while (left < right) {
      if ((left & 1) != 0) apply(left++);
      if ((right & 1) != 0) apply(--right);
      left /= 2;
      right /= 2;
      left_path /= 2;
      right_path /= 2;
      pull(left_path);
      if (right_path != left_path) pull(right_path);
    }
    // Above, nothing but what these two paths changed.
    bool left_changed = true, right_changed = right_path != left_path;
    while (left_path > 1 && (left_changed || right_changed)) {
      left_path /= 2;
      right_path /= 2;
      if (left_path == right_path) {
        left_changed = pull(left_path);
        right_changed = false;
        continue;
      }
      if (left_changed) left_changed = pull(left_path);
      if (right_changed) right_changed = pull(right_path);
    }
  }

  /// The leftmost place whose count has come down to 0, which is then forgotten; or none.
  std::uint32_t take_zero() {
    if (nodes_[1].least != 0) return none;
    std::size_t i = 1;
    for (std::int32_t above = 0; i < size_;) {
      above += nodes_[i].lowered;
      i *= 2;
      if (nodes_[i].least + above != 0) ++i;
    }
    nodes_[i].least = gone;
    const auto place = static_cast<std::uint32_t>(i - size_);
    while (i > 1 && pull(i / 2)) i /= 2;
    return place;
  }

  std::uint64_t bytes() const { return nodes_.capacity() * sizeof(Node); }
  static std::uint64_t bytes_for(std::uint64_t places) { return 4 * (places + 2) * sizeof(Node); }

 private:
  static constexpr std::int32_t gone = 0x3fffffff;

  struct Node {
    std::int32_t least;    ///< Of the places below, with what was lowered here, not above.
    std::int32_t lowered;  ///< For all of them; not positive.
  };

  void apply(std::size_t i) {
    --nodes_[i].least;
    --nodes_[i].lowered;
  }
  bool pull(std::size_t i) {
    const std::int32_t least =
        std::min(nodes_[2 * i].least, nodes_[2 * i + 1].least) + nodes_[i].lowered;
    if (least == nodes_[i].least) return false;
    nodes_[i].least = least;
    return true;
  }

  std::vector<Node> nodes_;
  std::size_t size_ = 2;
};

/// Keys of places; places can be taken out.
class KeyTree {
 public:
  static constexpr std::uint32_t none = 0xffffffffu;
  static constexpr std::uint32_t taken = 0xffffffffu;  ///< Is no key.

  void build(std::span<const std::uint32_t> keys) {
    size_ = std::bit_ceil(std::max<std::size_t>(keys.size(), 2));
    least_.assign(2 * size_, taken);
    std::copy(keys.begin(), keys.end(), least_.begin() + static_cast<std::ptrdiff_t>(size_));
    for (std::size_t i = size_ - 1; i > 0; --i)
      least_[i] = std::min(least_[2 * i], least_[2 * i + 1]);
  }

  /// Takes out the leftmost place in [from, to) whose key is at most `key`; or none.
  std::uint32_t take(std::uint32_t from, std::uint32_t to, std::uint32_t key) {
    std::size_t i = from + size_;
    for (;;) {
      while (i % 2 == 0) i /= 2;  // the largest block that begins here
      if (least_[i] <= key) break;
      ++i;
      const int depth = std::countl_zero(i) - std::countl_zero(size_);
      if (std::has_single_bit(i) || (i << depth) >= to + size_) return none;
    }
    while (i < size_) {
      i *= 2;
      if (least_[i] > key) ++i;
    }
    if (i >= to + size_) return none;
    const std::size_t place = i;
    least_[i] = taken;
    for (i /= 2; i > 0; i /= 2) {
      const std::uint32_t least = std::min(least_[2 * i], least_[2 * i + 1]);
      if (least == least_[i]) break;
      least_[i] = least;
    }
    return static_cast<std::uint32_t>(place - size_);
  }

  std::uint64_t bytes() const { return least_.capacity() * sizeof(std::uint32_t); }
  static std::uint64_t bytes_for(std::uint64_t places) {
    return 4 * (places + 2) * sizeof(std::uint32_t);
  }

 private:
  std::vector<std::uint32_t> least_;
  std::size_t size_ = 2;
};

}  // namespace faultline::linearizable::fast
