// The start of all stores, until each has served.
#pragma once

#include <functional>
#include <span>

#include "harness/core/target.h"
#include "harness/run/node_journal.h"
#include "harness/run/schedule.h"

namespace faultline {

struct StartStores {
  const Target& target;
  NodeJournal& journal;
  std::span<const Node> nodes;
  Nanoseconds within;
  /// Called between any two questions; true ends the wait, which is then no failure.
  std::function<bool()> stop;
};

/// An error of kind target, with the last lines of the node's logs: a store could not be started,
/// ended by itself meanwhile, or did not serve in time.
Status start_stores(const StartStores& start);

}  // namespace faultline
