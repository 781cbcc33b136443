// One `faultline run` (or replay) as a child process, and what became of it: what a campaign and
// `faultline repro` are made of.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "harness/campaign/campaign.h"
#include "harness/os/child.h"

namespace faultline {

struct ChildRun {
  std::vector<std::string> argv;  ///< The program first; it must ask for --json.
  std::uint64_t seed = 0;         ///< For the answer.
  std::filesystem::path log;      ///< Its standard error is appended.
  std::chrono::nanoseconds timeout{};
};

/// In two halves, for several side by side: what Children::start() takes, and what became of it.
ChildOptions options_of(const ChildRun& child);
CampaignRun result_of(const ChildRun& child, const ChildResult& ended);

/// Runs it to its end. A child that got a signal passed on, however it went, was interrupted, and
/// so is one that would begin after a signal. Never an error: what kept it from running is in the
/// answer.
CampaignRun run_as_child(const ChildRun& child, Signals& signals);

}  // namespace faultline
