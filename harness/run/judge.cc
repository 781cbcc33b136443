#include "harness/run/judge.h"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <string>
#include <thread>

namespace faultline {
namespace {

using Clock = std::chrono::steady_clock;

constexpr auto patience_interval = std::chrono::milliseconds(50);

/// Raises a flag when the time is over or its caller's own flag is up, unless it is destroyed
/// before.
class Watchdog {
 public:
  Watchdog(std::chrono::nanoseconds time, const std::atomic<bool>* stop)
      : stop_(stop),
        deadline_(Clock::now() +
                  std::min<std::chrono::nanoseconds>(time, std::chrono::hours(24 * 365))),
        thread_([this] { watch(); }) {}
  ~Watchdog() {
    {
      const std::lock_guard lock(mutex_);
      dismissed_ = true;
    }
    changed_.notify_one();
    thread_.join();
  }
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  const std::atomic<bool>& flag() const { return flag_; }

 private:
  void watch() {
    std::unique_lock lock(mutex_);
    const auto dismissed = [this] { return dismissed_; };
    while (Clock::now() < deadline_ && !(stop_ != nullptr && stop_->load())) {
      const auto until = std::min(deadline_, Clock::now() + patience_interval);
      if (changed_.wait_until(lock, until, dismissed)) return;
    }
    flag_.store(true);
  }

  const std::atomic<bool>* stop_;
  const Clock::time_point deadline_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool dismissed_ = false;
  std::atomic<bool> flag_{false};
  std::thread thread_;  ///< The last member: it uses all the others.
};

Verdict broken_off(const std::string& reason, const std::string& why) {
  Verdict verdict;
  verdict.reason = reason;
  verdict.summary = "the check broke off: " + why;
  return verdict;
}

Verdict check_safely(const Checker& checker, const History& history, const Budget& budget) {
  try {
    return checker.check(history, budget);
  } catch (const std::bad_alloc&) {
    return broken_off("memory", "out of memory");
  } catch (const std::exception& error) {
    return broken_off("exception", error.what());
  } catch (...) {
    return broken_off("exception", "it threw something that is no std::exception");
  }
}

}  // namespace

Judgement judge(const Checker& checker, const History& history, const Allowance& allowance) {
  const auto begin = Clock::now();
  const Watchdog watchdog(allowance.time, allowance.stop);
  Budget budget;
  budget.bytes_max = allowance.bytes;
  budget.stop = &watchdog.flag();
  budget.threads =
      allowance.threads > 0 ? allowance.threads : std::max(1u, std::thread::hardware_concurrency());
  Judgement judgement{check_safely(checker, history, budget), 0};
  judgement.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  if (judgement.verdict.name.empty()) judgement.verdict.name = checker.name();
  return judgement;
}

Result<std::unique_ptr<Checker>> make_checker(std::span<const CheckerEntry> catalogue,
                                              std::string_view name, const ConfigNode& params) {
  const auto entry = find_entry(catalogue, "checker", name);
  if (!entry) return entry.error();
  Params view(params, "checker " + std::string(name));
  auto checker = (*entry)->make(view);
  if (!checker) return checker.error();
  if (const Status known = view.finish(); !known) return known.error();
  return checker;
}

ExitCode exit_code_of(Validity validity, std::string_view reason) {
  switch (validity) {
    case Validity::valid:
      return ExitCode::valid;
    case Validity::invalid:
      return ExitCode::violation;
    case Validity::unknown:
      break;
  }
  return reason == "vacuous" ? ExitCode::vacuous : ExitCode::unknown;
}

}  // namespace faultline
