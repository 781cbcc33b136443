// A set of small numbers that finds the next one at or after a place: a bit for each number, and
// above every 64 words a word that says which of them are not empty. 64-fold levels, so that a
// million numbers are four of them and 130 KB. It stands in for heaps (the earliest deadline among
// what is pending is the first member) and for union-find (the next gap that nothing covers).
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace faultline::linearizable::fast {

class IndexSet {
 public:
  static constexpr std::uint32_t none = 0xffffffffu;

  /// Empty, for numbers below `size`. Keeps its memory.
  void reset(std::uint32_t size) { shape(size, 0); }
  /// All numbers below `size`.
  void fill(std::uint32_t size) {
    shape(size, ~std::uint64_t{0});
    for (std::size_t k = 0; k < depth_; ++k) {
      const std::uint64_t bits = sizes_[k];
      words_[starts_[k] + bits / 64] = bits % 64 == 0 ? 0 : ~std::uint64_t{0} >> (64 - bits % 64);
    }
  }

  void insert(std::uint32_t number) {
    for (std::size_t k = 0; k < depth_; ++k) {
      std::uint64_t& word = words_[starts_[k] + number / 64];
      const bool was_empty = word == 0;
      word |= std::uint64_t{1} << number % 64;
      if (!was_empty) return;
      number /= 64;
    }
  }
  void erase(std::uint32_t number) {
    for (std::size_t k = 0; k < depth_; ++k) {
      std::uint64_t& word = words_[starts_[k] + number / 64];
      word &= ~(std::uint64_t{1} << number % 64);
      if (word != 0) return;
      number /= 64;
    }
  }
  /// All members in [from, to): time linear in the words that they are in.
  void erase(std::uint32_t from, std::uint32_t to) {
    for (std::uint32_t at = next(from); at < to; at = next(at)) {
      const std::uint32_t word = at / 64;
      std::uint64_t gone = ~std::uint64_t{0} << at % 64;
      if (to / 64 == word) gone &= (std::uint64_t{1} << to % 64) - 1;
      words_[word] &= ~gone;
      if (words_[word] != 0) continue;
      std::uint32_t number = word;
      for (std::size_t k = 1; k < depth_; ++k) {
        std::uint64_t& above = words_[starts_[k] + number / 64];
        above &= ~(std::uint64_t{1} << number % 64);
        if (above != 0) break;
        number /= 64;
      }
    }
  }
  bool contains(std::uint32_t number) const {
    return (words_[number / 64] >> number % 64 & 1) != 0;
  }

  /// The least member that is not below `number`, or none.
  std::uint32_t next(std::uint32_t number) const {
    for (std::size_t k = 0; k < depth_; ++k) {
      if (number >= sizes_[k]) return none;
      const std::uint64_t rest = words_[starts_[k] + number / 64] >> number % 64;
      if (rest != 0) {
        number += static_cast<std::uint32_t>(std::countr_zero(rest));
        while (k-- > 0)
          number = number * 64 +
                   static_cast<std::uint32_t>(std::countr_zero(words_[starts_[k] + number]));
        return number;
      }
      number = number / 64 + 1;
    }
    return none;
  }

  std::uint64_t bytes() const { return words_.capacity() * sizeof(std::uint64_t); }
  static std::uint64_t bytes_for(std::uint64_t size) { return size / 7 + 64; }

 private:
  static constexpr std::size_t depth_max = 6;

  /// A word more than needed on every level, so that the end needs no case of its own.
  void shape(std::uint32_t size, std::uint64_t word) {
    depth_ = 0;
    std::size_t total = 0;
    for (std::uint64_t level = size;;) {
      starts_[depth_] = total;
      sizes_[depth_++] = level;
      total += static_cast<std::size_t>(level / 64) + 1;
      if (level <= 64) break;
      level = (level + 63) / 64;
    }
    words_.assign(total, word);
  }

  std::vector<std::uint64_t> words_;
  std::size_t starts_[depth_max] = {};
  std::uint64_t sizes_[depth_max] = {};
  std::size_t depth_ = 0;
};

}  // namespace faultline::linearizable::fast
