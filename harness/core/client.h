// A client is one connection from one process to one node. It is opened by Target::connect and
// closed by its destructor; neither changes the store's state. Used by a single thread.
#pragma once

#include <chrono>
#include <string>
#include <utility>

#include "harness/core/history.h"
#include "harness/core/transaction.h"

namespace faultline {

using Deadline = std::chrono::steady_clock::time_point;

/// What a process is asked to do.
struct Request {
  Function function = Function::read;
  std::string key;  ///< Empty where the workload has no keys.
  Value value;      ///< The argument, as ARCHITECTURE's table of functions has it; nil for a read.
  /// A compare-and-set that expects what its process saw last under `key`: its value is [nil, new]
  /// until the runner fills in the expectation when it is sent, so that the requests stay a
  /// function of the seed.
  bool expects_last_seen = false;
};

/// What invoke() learned. The constructors are the whole vocabulary, so a client cannot report a
/// fate that it has no evidence for by leaving a field unset.
class Outcome {
 public:
  /// The node acknowledged it, and answered `output`.
  static Outcome ok(Value output) { return {Fate::ok, std::move(output), {}}; }
  /// The request provably had no effect: refused before sending, or rejected.
  static Outcome fail(std::string why) { return {Fate::fail, {}, std::move(why)}; }
  /// Timeout, reset, 5xx, garbage: it may have happened, or may still.
  static Outcome info(std::string why) { return {Fate::info, {}, std::move(why)}; }
  /// A compare-and-set whose expectation the store said was wrong: no effect, and an observation.
  static Outcome mismatch() { return {Fate::mismatch, {}, "mismatch"}; }
  /// What an exchange without a definite answer means for `request`: a read has no side effects, so
  /// that losing its answer is a plain fail, and so has a transaction of reads; anything else may
  /// have happened.
  static Outcome lost(const Request& request, std::string why) {
    const bool is_harmless = request.function == Function::read ||
                             (request.function == Function::txn && only_reads(request.value));
    return is_harmless ? fail(std::move(why)) : info(std::move(why));
  }

  Fate fate() const { return fate_; }
  const Value& output() const { return output_; }
  const std::string& why() const { return why_; }

 private:
  Outcome(Fate fate, Value output, std::string why)
      : fate_(fate), output_(std::move(output)), why_(std::move(why)) {}
  Fate fate_;
  Value output_;
  std::string why_;
};

class Client {
 public:
  virtual ~Client() = default;
  /// Returns by `deadline`. Never retries: a retry hides a double write. After a timeout or a
  /// broken connection it opens a new one for the next request, and never reuses the old. A thrown
  /// exception is recorded as info, so when in doubt, let it throw.
  virtual Outcome invoke(const Request& request, Deadline deadline) = 0;
};

}  // namespace faultline
