// What `faultline run` does with a plan, for the subcommands that make their plan otherwise.
#pragma once

#include <string>
#include <vector>

#include "harness/campaign/campaign.h"
#include "harness/cli/commands.h"
#include "harness/core/value.h"
#include "harness/run/runner.h"

namespace faultline {

/// Where a run goes and how it talks.
struct RunOutput {
  std::string runs_dir = "runs";
  bool json = false;
};
/// Adds --runs-dir and --json.
void add_run_output(CLI::App& command, RunOutput& output);

/// A command line as a shell reads it.
std::string shell_text(const std::vector<std::string>& argv);

/// meta.json's beginning: what this program and this machine are. `command` repeats the run.
Map meta_of(const std::string& command);

/// Enters the world, carries `plan` out in a run directory of its own and prints the answer; the
/// exit code. Once per process: the world is not left again, and signals are the run's from now on.
/// What became of it goes to `became`, if given, for a report.
int run_plan(Plan& plan, const RunOutput& output, const Map& meta, CampaignRun* became = nullptr);

}  // namespace faultline
