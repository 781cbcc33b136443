// A number that every change raises, and that answers tell only now and then: revisions, fencing
// tokens.
#pragma once

#include <cstdint>
#include <optional>

#include "checkers/linearizable/model.h"

namespace faultline::linearizable {

/// The number is `least` if `exact`, else some number that is not smaller.
struct RisingNumber {
  std::int64_t least = INT64_MIN;
  bool exact = true;

  static constexpr std::size_t words = 3;
  static RisingNumber from(StateView state) {
    return {static_cast<std::int64_t>(std::uint64_t{state[0]} << 32 | state[1]), state[2] != 0};
  }
  void append_to(State& state) const {
    const auto bits = static_cast<std::uint64_t>(least);
    state.push_back(static_cast<std::uint32_t>(bits >> 32));
    state.push_back(static_cast<std::uint32_t>(bits));
    state.push_back(exact);
  }

  /// A change that gave it the number `told`, or did not tell. False: impossible.
  bool raise(std::optional<std::int64_t> told) {
    if (!told) {
      if (least == INT64_MAX) return false;
      ++least;
      exact = false;
      return true;
    }
    if (*told <= least) return false;
    *this = {*told, true};
    return true;
  }
  /// An answer that tells the number. False: impossible.
  bool tell(std::optional<std::int64_t> told) {
    if (!told) return true;
    if (exact ? *told != least : *told < least) return false;
    *this = {*told, true};
    return true;
  }
};

}  // namespace faultline::linearizable
