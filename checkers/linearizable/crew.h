// Looks at the objects of one history on several threads: keys are independent (linearizability is
// local: Herlihy & Wing 1990), so only what may be spent is shared.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "checkers/linearizable/call.h"

namespace faultline::linearizable {

/// What is left of a budget, for several threads to spend: each takes a share and gives back what
/// it did not use. Thread-safe. As long as the steps suffice, the order in which threads come
/// changes nothing; where they do not, it may change which keys are decided, never how.
class Purse {
 public:
  explicit Purse(const Budget& budget) : steps_(budget.steps_max), stop_(budget.stop) {}

  /// So many will take a share each, in whatever order.
  void expect(std::size_t takers) {
    const std::lock_guard lock(mutex_);
    expected_ = takers;
  }
  /// What is left, shared equally among those who are expected and have not taken theirs.
  Meter take_share(std::uint64_t bytes, std::uint64_t steps_max = UINT64_MAX) {
    const std::lock_guard lock(mutex_);
    const std::uint64_t among = std::max<std::uint64_t>(1, expected_);
    expected_ = among - 1;
    return lend(std::min(steps_ / among, steps_max / among), bytes);
  }
  /// The `among`-th part of what is left.
  Meter take(std::uint64_t among, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    return lend(steps_ / std::max<std::uint64_t>(1, among), bytes);
  }
  /// `lent`: the steps that the meter had when it was taken.
  void give_back(const Meter& meter, std::uint64_t lent) {
    const std::lock_guard lock(mutex_);
    steps_ += std::min(meter.steps_left(), lent);
    lent_ -= lent;
  }

  /// Nothing is left, and nobody can give anything back; or the caller asked to stop.
  bool exhausted() const {
    const std::lock_guard lock(mutex_);
    return stopped() || (steps_ == 0 && lent_ == 0);
  }
  const char* reason() const { return stopped() ? "stopped" : "steps"; }
  const std::atomic<bool>* stop() const { return stop_; }

 private:
  Meter lend(std::uint64_t share, std::uint64_t bytes) {
    steps_ -= share;
    lent_ += share;
    return {share, bytes, stop_};
  }
  bool stopped() const { return stop_ != nullptr && stop_->load(std::memory_order_relaxed); }

  mutable std::mutex mutex_;
  std::uint64_t steps_, lent_ = 0, expected_ = 0;
  const std::atomic<bool>* stop_;
};

/// How many threads `count` objects are worth.
inline unsigned crew_of(const Budget& budget, std::size_t count) {
  return static_cast<unsigned>(
      std::clamp<std::size_t>(budget.threads, 1, std::max<std::size_t>(1, count)));
}

/// Calls look(i) once for every i in [0, count), lower ones first, on `threads` threads, the
/// caller's among them; each makes a `look` of its own by make(). The first exception ends the work
/// and is thrown on when all threads have ended.
template <typename Make>
void each_object(std::size_t count, unsigned threads, Make make) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr failed;
  const auto work = [&] {
    try {
      auto look = make();
      for (std::size_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < count;) look(i);
    } catch (...) {
      next = count;
      const std::lock_guard lock(mutex);
      if (!failed) failed = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    const auto start_one = [&] {
      try {
        others.emplace_back(work);
        return true;
      } catch (const std::system_error&) {  // no more threads to be had: fewer will do
        return false;
      }
    };
    for (unsigned t = 1; t < threads && start_one();) ++t;
    work();
  }
  if (failed) std::rethrow_exception(failed);
}

}  // namespace faultline::linearizable
