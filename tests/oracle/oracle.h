// A deliberately simple judge of linearizability: it tries the calls in every order that keeps
// precedence. Shares nothing with the engines but the shape of a call. Exponential; for tests.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "checkers/linearizable/call.h"

namespace faultline::oracle {

/// Does some order of the calls explain them? Infos (end = never) may be left out. At most 16
/// calls.
class Oracle {
 public:
  bool linearizable(std::span<const linearizable::Call> calls) {
    calls_ = calls;
    mandatory_ = 0;
    for (std::size_t i = 0; i < calls.size(); ++i) {
      before_[i] = 0;
      for (std::size_t j = 0; j < calls.size(); ++j)
        if (calls[j].end < calls[i].begin) before_[i] |= 1u << j;
      if (calls[i].end != never) mandatory_ |= 1u << i;
    }
    seen_.clear();
    return explore(0, linearizable::initial_value);
  }

 private:
  /// `happened` is a set of calls, in some order that led to `state`.
  bool explore(std::uint32_t happened, linearizable::ValueId state) {
    if ((mandatory_ & ~happened) == 0) return true;
    const std::uint64_t here = (std::uint64_t{state} << 32) | happened;
    for (const std::uint64_t earlier : seen_)
      if (earlier == here) return false;
    seen_.push_back(here);
    for (std::size_t i = 0; i < calls_.size(); ++i) {
      if ((happened >> i & 1) != 0 || (before_[i] & mandatory_ & ~happened) != 0) continue;
      const linearizable::Call& call = calls_[i];
      linearizable::ValueId next = state;
      switch (call.kind) {
        case linearizable::Kind::read:
          if (call.end != never && call.value != state) continue;
          break;
        case linearizable::Kind::write:
          next = call.value;
          break;
        case linearizable::Kind::cas:
          if (call.expected != state) continue;
          next = call.value;
          break;
        case linearizable::Kind::mismatch:
          if (call.expected == state) continue;
          break;
      }
      if (explore(happened | 1u << i, next)) return true;
    }
    return false;
  }

  std::span<const linearizable::Call> calls_;
  std::uint32_t mandatory_ = 0;
  std::uint32_t before_[16] = {};
  std::vector<std::uint64_t> seen_;
};

}  // namespace faultline::oracle
