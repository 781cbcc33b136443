// What a checker has left of its budget.
#pragma once

#include <atomic>
#include <cstdint>

#include "harness/core/checker.h"

namespace faultline {

/// What is left of a budget. Not thread-safe; one per check.
class Meter {
 public:
  explicit Meter(const Budget& budget) : Meter(budget.steps_max, budget.bytes_max, budget.stop) {}
  /// `other_stop`: one more flag that ends the work when it is raised.
  Meter(std::uint64_t steps, std::uint64_t bytes, const std::atomic<bool>* stop,
        const std::atomic<bool>* other_stop = nullptr)
      : steps_left_(steps), bytes_max_(bytes), stop_(stop), other_stop_(other_stop) {}

  /// False when the budget is used up, or the caller asked to stop.
  bool spend(std::uint64_t steps) {
    since_poll_ += steps;
    if (since_poll_ < poll_every && since_poll_ < steps_left_) return !exhausted_;
    return poll();
  }
  bool poll() {
    if (since_poll_ >= steps_left_) {
      steps_left_ = 0;
      exhausted_ = true;
    } else {
      steps_left_ -= since_poll_;
    }
    since_poll_ = 0;
    for (const std::atomic<bool>* const stop : {stop_, other_stop_})
      if (stop != nullptr && stop->load(std::memory_order_relaxed)) stopped_ = exhausted_ = true;
    return !exhausted_;
  }

  bool exhausted() const { return exhausted_; }
  const char* reason() const { return stopped_ ? "stopped" : "steps"; }
  std::uint64_t bytes_max() const { return bytes_max_; }
  std::uint64_t steps_left() const {
    return steps_left_ > since_poll_ ? steps_left_ - since_poll_ : 0;
  }
  const std::atomic<bool>* stop() const { return stop_; }

 private:
  static constexpr std::uint64_t poll_every = 4096;
  std::uint64_t steps_left_;
  std::uint64_t bytes_max_;
  std::uint64_t since_poll_ = 0;
  const std::atomic<bool>* stop_;
  const std::atomic<bool>* other_stop_ = nullptr;
  bool exhausted_ = false;
  bool stopped_ = false;
};

}  // namespace faultline
