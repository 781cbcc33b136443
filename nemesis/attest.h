// What every nemesis needs to prove what it did: waiting for evidence by probing, and evidence of a
// bounded size.
#pragma once

#include <chrono>
#include <cstddef>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "harness/core/levers.h"
#include "harness/core/params.h"
#include "harness/core/value.h"

namespace faultline {

/// Longest list in a line of faults.jsonl: a fault on fifty nodes cuts over a thousand links.
inline constexpr std::size_t evidence_items_max = 40;

/// The parameter `attest_within`: how long evidence may take to show. Signals and packets need
/// microseconds; a process in an uninterruptible wait, or a crowded machine, may need far longer.
inline std::chrono::nanoseconds attest_within(Params& params) {
  return params.duration("attest_within", std::chrono::seconds(2));
}

/// Polls `condition`, a callable that returns Result<bool>, until it is true, fails, or `limit` is
/// over. Asks at least once.
template <typename Condition>
Result<bool> await(std::chrono::nanoseconds limit, Condition condition) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    // Before the look: who was held up while looking looks once more.
    const bool is_last = std::chrono::steady_clock::now() >= deadline;
    Result<bool> met = condition();
    if (!met || *met || is_last) return met;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

inline const std::string& node_name(Levers& levers, std::size_t node) {
  return machine_of(levers.cluster(), node).name;
}

inline List node_names(Levers& levers, std::span<const std::size_t> nodes) {
  List names;
  for (const std::size_t node : nodes) names.emplace_back(node_name(levers, node));
  return names;
}

/// "CONTEXT NODE: WHY", of the same kind.
inline Error at_node(std::string_view context, Levers& levers, std::size_t node, const Error& why) {
  return {std::string(context) + " " + node_name(levers, node) + ": " + why.what, why.kind};
}

}  // namespace faultline
