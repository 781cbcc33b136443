// A workload is a question put to a target: which requests to send, and which checkers read the
// answers. It does not know whom it asks.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/client.h"
#include "harness/core/rng.h"
#include "harness/core/stepwise.h"

namespace faultline {

/// The requests of one worker, in order: a function of the seed and of nothing else. A worker whose
/// process was retired by an info goes on with the same generator under a new process id.
class Generator {
 public:
  virtual ~Generator() = default;
  virtual Request next() = 0;
};

class Workload {
 public:
  virtual ~Workload() = default;
  virtual std::string_view name() const = 0;
  /// What it will ask, given its parameters; must be within Target::functions().
  virtual std::vector<Function> functions() const = 0;
  /// Whether its transactions have accesses by predicates (predicate.h): then its target must have
  /// steps, by which its clients carry them out.
  virtual bool asks_by_predicate() const { return false; }
  /// Checkers that read its histories, when the configuration names none.
  virtual std::vector<std::string> checks() const = 0;
  /// The model that these are asked for then, as `model:` of each would say. Empty: their own
  /// default.
  virtual std::string model() const { return {}; }
  /// The generator of worker `worker` of `workers`. `rng` is that worker's own.
  virtual std::unique_ptr<Generator> generator(Rng rng, std::size_t worker,
                                               std::size_t workers) const = 0;
  /// Asked on every node after the last heal and recovery: a lost write is only lost if a healthy
  /// cluster, given time, still lacks it. `keys` are the keys that were asked for during the run.
  virtual std::vector<Request> final_requests(const std::vector<std::string>& keys) const = 0;
  /// Played one after the other, once, instead of what generators ask; then nobody asks for a
  /// generator. Its target must have steps.
  virtual std::vector<Script> scripts() const { return {}; }
};

}  // namespace faultline
