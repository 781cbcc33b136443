// Threads of a test case. What fails on one of them, or on the test's own while they are at work,
// fails the case: an exception that left a std::thread, or a std::thread that nobody joined, would
// end the whole program.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

namespace faultline::system_test {

class TestThreads {
 public:
  TestThreads() = default;
  ~TestThreads() {
    over_ = true;
    join();
  }
  TestThreads(const TestThreads&) = delete;
  TestThreads& operator=(const TestThreads&) = delete;

  void start(std::function<void()> work) {
    threads_.emplace_back([this, work = std::move(work)] {
      try {
        work();
      } catch (const std::exception& error) {
        FAIL_CHECK("a thread of the test: ", std::string(error.what()));
        over_ = true;
      } catch (...) {  // Of a REQUIRE, which doctest has noted.
        over_ = true;
      }
    });
  }
  /// One of them failed, or the test is at its end: none need go on.
  bool over() const { return over_; }
  void join() {
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  std::atomic<bool> over_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace faultline::system_test
