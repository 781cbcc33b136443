// What reads tell of the lists of their keys, met one after the other: how long each was, which was
// the longest, and whether all of a key are prefixes of it. Looked at while the history is taken
// apart: so a list comes from memory once, and the longest of a key that is in use is still near.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "checkers/transactional/transactions.h"
#include "harness/core/big_vector.h"

namespace faultline::transactional {

/// Is told all micro-operations of a history in their order. Refers to its values.
class Prefixes {
 public:
  static constexpr std::uint32_t no_read = 0xffffffffu;

  struct Longest {
    std::span<const ValueHandle> items{};
    std::uint64_t micro = 0;           ///< Of the first read of it.
    Transaction transaction = nobody;  ///< Whose that was; nobody read the key.
    bool all_agree = true;             ///< Every list of the key that was read is a prefix of it.
  };

  void reserve(std::size_t micros) { sizes_.reserve(micros); }
  /// An append, or a read whose answer is not known.
  void skip() { sizes_.push_back(no_read); }
  void read(KeyIndex key, Transaction t, std::span<const ValueHandle> items) {
    if (key >= longest_.size()) longest_.resize(std::max<std::size_t>(key + 1, 2 * key));
    Longest& longest = longest_[key];
    // What is a prefix of the longest so far is one of a longer one, of which that is a prefix.
    const std::size_t common = std::min(items.size(), longest.items.size());
    if (common > 0 &&
        std::memcmp(items.data(), longest.items.data(), common * sizeof(ValueHandle)) != 0)
      longest.all_agree = false;
    if (longest.transaction == nobody || items.size() > longest.items.size())
      longest.items = items, longest.micro = sizes_.size(), longest.transaction = t;
    sizes_.push_back(static_cast<std::uint32_t>(items.size()));
  }

  /// By key; those of `keys` keys, read or not.
  std::vector<Longest> take_longest(std::size_t keys) {
    longest_.resize(keys);
    return std::move(longest_);
  }
  /// By micro-operation: how long the list was that it read; no_read.
  BigVector<std::uint32_t> take_sizes() { return std::move(sizes_); }
  std::uint64_t bytes() const {
    return longest_.capacity() * sizeof(Longest) + sizes_.capacity() * sizeof(std::uint32_t);
  }

 private:
  std::vector<Longest> longest_;
  BigVector<std::uint32_t> sizes_;
};

}  // namespace faultline::transactional
