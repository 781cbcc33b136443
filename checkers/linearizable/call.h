// What the engines of `linearizable` work on: the calls of one object (key), with values as small
// dense numbers, and the meter of what they may spend.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "harness/core/checker.h"
#include "harness/core/history.h"

namespace faultline::linearizable {

/// A value of one object; dense from 0.
using ValueId = std::uint32_t;
inline constexpr ValueId initial_value = 0;
inline constexpr ValueId no_value = 0xffffffffu;

enum class Kind : std::uint8_t {
  read,      ///< Returned `value`.
  write,     ///< Sets `value`.
  cas,       ///< Found `expected` and set `value`.
  mismatch,  ///< A refused compare-and-set: the state was not `expected` at some instant.
};

/// An operation as far as the register's specification is concerned. Plain fails and reads without
/// an answer are no calls. Time is position; `end` is `never` for an info, which is optional.
struct Call {
  Position begin = 0;
  Position end = never;
  ValueId expected = no_value;  ///< cas, mismatch.
  ValueId value = no_value;     ///< read, write, cas.
  OperationId id = 0;           ///< Row of the history.
  Kind kind = Kind::read;
};

/// a was over before b began. Intervals are closed, so equal positions are concurrent.
constexpr bool precedes(const Call& a, const Call& b) { return a.end < b.begin; }

constexpr bool sets(const Call& call) { return call.kind == Kind::write || call.kind == Kind::cas; }
/// An ok answer that says something about the state.
constexpr bool observes(const Call& call) { return call.kind != Kind::write && call.end != never; }

/// The calls of one key, ordered by `begin`.
struct Object {
  std::span<const Call> calls;
  ValueId value_count = 1;  ///< Values are in [0, value_count).
};

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
    if (since_poll_ < poll_every) return !exhausted_;
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

}  // namespace faultline::linearizable
