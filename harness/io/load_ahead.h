// Work that threads do ahead of whoever takes it in order. Internal to this room.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace faultline {

/// Makes items first, first + 1, …, end - 1 on several threads and hands them out in this order.
/// Threads run at most a few items ahead, so that what waits stays small.
template <typename Item>
class Ahead {
 public:
  /// Makes item n in the storage of a used one. One for each thread.
  using Worker = std::function<void(std::uint64_t n, Item& into)>;

  /// `make_worker` is called on each thread.
  Ahead(std::uint64_t first, std::uint64_t end, unsigned threads,
        const std::function<Worker()>& make_worker)
      : end_(end), ahead_max_(2 * threads + 2), begun_(first), taken_(first) {
    threads_.reserve(threads);
    const auto start_one = [&] {
      try {
        threads_.emplace_back([this, make_worker] { work(make_worker); });
        return true;
      } catch (const std::system_error&) {  // no more threads to be had: fewer will do
        if (threads_.empty()) throw;
        return false;
      }
    };
    for (unsigned i = 0; i < threads && start_one();) ++i;
  }
  ~Ahead() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  Ahead(const Ahead&) = delete;
  Ahead& operator=(const Ahead&) = delete;

  /// The next item; at most end - first times. Rethrows what a worker threw.
  Item next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_.contains(taken_) || failure_; });
    if (failure_) std::rethrow_exception(failure_);
    Item item = std::move(done_.extract(taken_).mapped());
    ++taken_;
    changed_.notify_all();
    return item;
  }

  /// Memory that was written before is cheaper than new memory, which the kernel clears.
  void give_back(Item item) {
    const std::lock_guard lock(mutex_);
    spare_.push_back(std::move(item));
  }

 private:
  void work(const std::function<Worker()>& make_worker) {
    try {
      const Worker worker = make_worker();
      for (;;) {
        std::unique_lock lock(mutex_);
        changed_.wait(
            lock, [this] { return stopping_ || begun_ == end_ || begun_ < taken_ + ahead_max_; });
        if (stopping_ || begun_ == end_) return;
        const std::uint64_t n = begun_++;
        Item item;
        if (!spare_.empty()) {
          item = std::move(spare_.back());
          spare_.pop_back();
        }
        lock.unlock();
        worker(n, item);
        lock.lock();
        done_.emplace(n, std::move(item));
        changed_.notify_all();
      }
    } catch (...) {  // out of memory
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
      changed_.notify_all();
    }
  }

  const std::uint64_t end_, ahead_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t begun_, taken_;
  std::map<std::uint64_t, Item> done_;
  std::vector<Item> spare_;
  std::exception_ptr failure_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace faultline
