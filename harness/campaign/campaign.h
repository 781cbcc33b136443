// A campaign: many tests, each with one or several seeds, and one answer. This room decides what is
// run in which order and what the results mean; how a test is run is its caller's business, so that
// nothing here touches the world.
//
//   name: canaries
//   seed: 1                       # seeds that are only counted derive from it
//   timeout: 10m                  # of one run
//   tests:
//     - { config: refkv-quorum.yaml, seeds: [1, 2, 3] }               # all must match
//     - { config: refkv-local-reads.yaml, count: 3, find: any }       # tried until one matches
//     - { config: refkv-sloppy.yaml, count: 10, find: 9 }             # at least 9 of 10
//     - { config: big.yaml, seeds: [7], set: { time: 10s, target.nodes: 7 } }
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "harness/core/exit_code.h"
#include "harness/core/params.h"
#include "harness/core/result.h"

namespace faultline {

/// One entry of `tests:`.
struct CampaignTest {
  std::filesystem::path config;
  std::string label;  ///< For people: the file's stem.
  std::vector<std::uint64_t> seeds;
  /// How many seeds must give the verdict that the test's configuration expects.
  std::size_t matches_needed = 1;
  /// `find: any`: later seeds are not tried once one matched.
  bool stops_at_match = false;
  std::vector<std::string> settings;  ///< "time=10s", for --set.
};

struct Campaign {
  std::string name;
  std::uint64_t seed = 1;
  std::chrono::nanoseconds timeout{};
  std::vector<CampaignTest> tests;
};

/// Paths in `root` are relative to `directory`. `name` is used if the configuration has none,
/// `seed` instead of the configuration's if it is given. Errors are of kind usage, with a place.
Result<Campaign> make_campaign(const ConfigNode& root, const std::filesystem::path& directory,
                               const std::string& name, std::optional<std::uint64_t> seed = {});

/// What became of one run.
struct CampaignRun {
  std::uint64_t seed = 0;
  ExitCode exit_code = ExitCode::internal;
  std::string verdict;                ///< Of the checkers; empty if the run never came to one.
  std::string expected;               ///< Empty if its configuration expects nothing.
  std::string error;                  ///< Why there is no verdict: one line.
  std::vector<std::string> findings;  ///< A violation in words: its summary, then its table.
  std::string directory;              ///< The run's.
  double seconds = 0;

  /// The verdict is the expected one.
  bool matched() const { return exit_code == ExitCode::valid; }
  /// Says nothing about the store: the target never came up, a capability is missing, the run was
  /// misconfigured, crashed, or was interrupted.
  bool is_error() const;
};

struct CampaignTestResult {
  CampaignTest test;
  std::vector<CampaignRun> runs;  ///< Those that were tried.

  std::size_t matched() const;
  std::size_t errors() const;
  bool ok() const { return exit_code() == ExitCode::valid; }
  /// The worst of its runs; where enough of them matched, or an interruption left it open whether
  /// they would have, of those that say nothing about the store.
  ExitCode exit_code() const;
};

struct CampaignResult {
  Campaign campaign;
  std::vector<CampaignTestResult> tests;  ///< Those that were begun.
  bool interrupted = false;
  double seconds = 0;

  ExitCode exit_code() const;  ///< The worst of its tests; 130 if it was interrupted.
};

using RunTest = std::function<CampaignRun(const CampaignTest&, std::uint64_t seed)>;
using RunFinished = std::function<void(const CampaignTest&, const CampaignRun&)>;

/// Runs the tests in order. Ends early after a run that was interrupted.
CampaignResult run_campaign(Campaign campaign, const RunTest& run_test,
                            const RunFinished& finished);

}  // namespace faultline
