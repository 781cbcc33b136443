// The begins and ends of operations as times that are all different, so that a sweep over an array
// takes the place of sorting. Where positions are dense and different already, which is usual, they
// are the times. Otherwise every event gets its rank: begins before ends where positions are equal,
// as equal positions are concurrent, and thus no precedence is won or lost.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "checkers/linearizable/operation.h"

namespace faultline::linearizable::fast {

using Time = std::uint32_t;

class Timeline {
 public:
  /// Keeps no reference to the operations.
  void build(const Operations& operations) {
    const auto list = operations.list;
    begin_.resize(list.size());
    end_.resize(list.size());
    const std::uint64_t base = list.empty() ? 0 : list.front().begin;
    if (operations.events > base && operations.events - base <= 3 * std::uint64_t{list.size()} + 64)
      if (take(list, static_cast<Position>(base), static_cast<Time>(operations.events - base)))
        return;
    rank(list);
  }

  Time begin(std::size_t i) const { return begin_[i]; }
  Time end(std::size_t i) const { return end_[i]; }  ///< `never` for an info.
  Time size() const { return size_; }                ///< Every time is below it.

  std::uint64_t bytes() const {
    return (begin_.capacity() + end_.capacity()) * sizeof(Time) +
           (used_.capacity() + order_.capacity()) * sizeof(std::uint64_t);
  }
  /// What `operations` operations need at most.
  static std::uint64_t bytes_for(std::uint64_t operations) { return 17 * operations + 64; }

 private:
  bool take(std::span<const Operation> list, Position base, Time size) {
    used_.assign(size / 64 + 1, 0);
    std::uint64_t clashes = 0;
    const auto use = [&](Time t) {
      std::uint64_t& word = used_[t / 64];
      clashes |= word >> t % 64 & 1;
      word |= std::uint64_t{1} << t % 64;
    };
    for (std::size_t i = 0; i < list.size(); ++i) {
      begin_[i] = list[i].begin - base;
      use(begin_[i]);
      end_[i] = list[i].end;
      if (list[i].end == never) continue;
      end_[i] -= base;
      use(end_[i]);
    }
    size_ = size;
    return clashes == 0;
  }

  void rank(std::span<const Operation> list) {
    order_.clear();
    for (std::size_t i = 0; i < list.size(); ++i)
      if (list[i].end != never) order_.push_back(std::uint64_t{list[i].end} << 32 | i);
    std::sort(order_.begin(), order_.end());
    Time time = 0;
    std::size_t next = 0;  // of the list, which is ordered by begin
    for (const std::uint64_t end : order_) {
      for (; next < list.size() && list[next].begin <= end >> 32; ++next) begin_[next] = time++;
      end_[end & 0xffffffffu] = time++;
    }
    for (; next < list.size(); ++next) begin_[next] = time++;
    for (std::size_t i = 0; i < list.size(); ++i)
      if (list[i].end == never) end_[i] = never;
    size_ = time;
  }

  std::vector<Time> begin_, end_;
  std::vector<std::uint64_t> used_, order_;
  Time size_ = 0;
};

}  // namespace faultline::linearizable::fast
