// A campaign: many tests, each with one or several seeds, and one answer. Decides what is run in
// which order and what the results mean; how a test is run is its caller's business, so that
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
#include <string_view>
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
  /// Its identity: the label, and what `set:` changes, in brackets. Unique in its campaign,
  /// whatever the seeds, and wherever it stands in the list: dashboards keep its history under this
  /// name, and it decides the shard. (Equal entries are told apart by a number.)
  std::string name;
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
  std::string shard;  ///< "2/8"; empty: all of it.
  std::vector<CampaignTest> tests;
};

/// Paths in `root` are relative to `directory`. `name` is used if the configuration has none,
/// `seed` instead of the configuration's if it is given. Errors are of kind usage, with a place.
Result<Campaign> make_campaign(const ConfigNode& root, const std::filesystem::path& directory,
                               const std::string& name, std::optional<std::uint64_t> seed = {});

/// `name` as a file name: what is neither letter, digit nor one of "._=-" becomes '_'.
std::string file_name_of(std::string_view name);

/// What became of one run.
struct CampaignRun {
  std::uint64_t seed = 0;
  ExitCode exit_code = ExitCode::internal;
  std::string verdict;                ///< Of the checkers; empty if the run never came to one.
  std::string expected;               ///< Empty if its configuration expects nothing.
  std::string summary;                ///< The verdict in one sentence.
  std::string unknown_reason;         ///< Why the verdict is unknown: "vacuous", "steps" …
  std::string error;                  ///< Why there is no verdict: one line.
  std::vector<std::string> findings;  ///< A violation in words: its summary, then its table.
  std::string directory;              ///< The run's.
  std::string command;                ///< What to type to repeat it.
  double seconds = 0;

  /// The verdict is the expected one.
  bool matched() const { return exit_code == ExitCode::valid; }
  /// Says nothing about the store: the target never came up, a capability is missing, the run was
  /// misconfigured, crashed, or was interrupted.
  bool is_error() const;
  /// Came to its end; an interrupted one says nothing and is run again by a resume.
  bool is_finished() const { return exit_code != ExitCode::interrupted; }

  friend bool operator==(const CampaignRun&, const CampaignRun&) = default;
};

/// Why a campaign ended before everything was run.
enum class Stop { none, interrupted, failed_fast, out_of_time };

struct CampaignTestResult {
  CampaignTest test;
  std::vector<CampaignRun> runs;  ///< Those that were tried, in the order of the seeds.
  Stop stopped = Stop::none;      ///< Why seeds are left that would still have been tried.

  std::size_t matched() const;
  std::size_t errors() const;
  /// Seeds that are still to be tried.
  std::size_t pending() const;
  /// Whether the runs so far decide the test, whatever the pending ones would have said.
  bool decided() const;
  bool ok() const { return exit_code() == ExitCode::valid; }
  /// The worst of its runs; where enough of them matched, or it is still open whether they would
  /// have, of those that say nothing about the store. A test that was left undecided is never
  /// valid: 130 after an interrupt, otherwise 2.
  ExitCode exit_code() const;

 private:
  bool too_few_matched() const { return matched() + pending() < test.matches_needed; }
};

struct CampaignResult {
  Campaign campaign;
  std::vector<CampaignTestResult> tests;  ///< All of them, in the order of the file.
  Stop stopped = Stop::none;              ///< Why something was left undone.
  std::string began;                      ///< UTC, ISO 8601.
  std::filesystem::path directory;        ///< The campaign's.
  double seconds = 0;                     ///< Of this session: not of what a resume found done.

  /// The worst of its tests; at least 130 if it was interrupted.
  ExitCode exit_code() const;
};

/// One run: indices into Campaign::tests and its seeds.
struct CampaignTask {
  std::size_t test = 0, seed = 0;

  friend auto operator<=>(const CampaignTask&, const CampaignTask&) = default;
};

/// What is still to be run of a campaign, and what became of the rest. Pure.
class CampaignQueue {
 public:
  explicit CampaignQueue(Campaign campaign);

  const CampaignTest& test(const CampaignTask& task) const { return tests_[task.test].test; }
  std::uint64_t seed(const CampaignTask& task) const { return test(task).seeds[task.seed]; }
  const Campaign& campaign() const { return campaign_; }

  /// The next run to begin, in the order of the file; nothing if none may begin now. Of a test that
  /// stops at its first match, one at a time.
  std::optional<CampaignTask> next();
  /// What became of one that next() gave, or of one that an earlier session finished.
  void finish(const CampaignTask& task, CampaignRun run);
  std::size_t running() const { return running_; }

  /// Nothing begins any more. An interrupt outweighs other reasons.
  void stop(Stop why);
  /// Whether none of the test's seeds is still to be tried.
  bool has_ended(std::size_t test) const;
  /// What there is now: copies.
  CampaignResult result() const;
  CampaignTestResult result_of(std::size_t test) const;

 private:
  struct Entry {
    CampaignTest test;
    std::vector<std::optional<CampaignRun>> runs;  ///< By seed.
    std::vector<bool> begun;                       ///< By seed.
    std::size_t running = 0, matched = 0, finished = 0;
  };

  Campaign campaign_;
  std::vector<Entry> tests_;
  std::size_t running_ = 0;
  Stop stopped_ = Stop::none;
};

/// How runs are run: as processes in earnest, in memory in tests.
class CampaignRunner {
 public:
  virtual ~CampaignRunner() = default;
  /// Begins a run. What keeps it from beginning comes out of wait() as its result.
  virtual void start(const CampaignTask& task, const CampaignTest& test) = 0;
  /// Waits for one of those that were begun.
  virtual std::pair<CampaignTask, CampaignRun> wait() = 0;
  /// Whether the user has asked to stop.
  virtual bool interrupted() = 0;
};

struct CampaignOptions {
  std::size_t jobs = 1;    ///< Runs side by side.
  bool fail_fast = false;  ///< Begin nothing more once a test has failed.
  /// Begin nothing more after this; what runs is finished.
  std::optional<std::chrono::nanoseconds> max_time;
};

/// Called after every run, in the order in which they end.
using RunFinished = std::function<void(const CampaignTask&, const CampaignRun&)>;

/// Runs what `queue` has left. After an interrupt, a run that says so, or one of the reasons in
/// `options`, nothing more begins, and what runs is waited for.
void run_campaign(CampaignQueue& queue, const CampaignOptions& options, CampaignRunner& runner,
                  const RunFinished& finished);

}  // namespace faultline
