// Turns an engine's answer into a proof that a person can follow: a few operations that are not
// linearizable by themselves, a name for what went wrong, a sentence and a table.
#pragma once

#include <string>
#include <vector>

#include "checkers/linearizable/call.h"
#include "checkers/linearizable/problem.h"
#include "checkers/linearizable/search_rules.h"
#include "checkers/linearizable/zones.h"

namespace faultline::linearizable {

/// One key's violation.
struct Finding {
  std::string anomaly;   ///< "stale-read", …
  std::string sentence;  ///< "n2 read 7 at 3.20 s although 9 had been acknowledged at 3.05 s"
  /// In time order. Not linearizable by themselves. An aborted read has the failed write with it.
  std::vector<OperationId> witness;
  bool rules_out_sequential = false;  ///< No order whatever explains a value that nobody wrote.
  bool minimal = false;               ///< No call can be left out; else they are merely few.
};

/// `object` is one that was prepared from `problem`.
Finding explain_zones(const Problem& problem, const Object& object, const ZoneResult& result);
/// Spends at most a share of what `meter` has left on making the witness small.
Finding explain_search(const Problem& problem, const Object& object, const SearchResult& result,
                       const Meter& meter);

}  // namespace faultline::linearizable
