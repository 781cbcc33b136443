// faultline campaign CONFIG: many tests, a child process `faultline run` each, one table and one
// exit code.
#include "harness/campaign/campaign.h"

#include <cstdio>
#include <memory>
#include <optional>

#include <CLI/CLI.hpp>
#include <unistd.h>

#include "harness/campaign/summary.h"
#include "harness/cli/child_run.h"
#include "harness/cli/commands.h"
#include "harness/io/json.h"
#include "harness/io/run_dir.h"
#include "harness/os/child.h"
#include "harness/run/yaml.h"

namespace faultline {
namespace {

struct Options {
  std::string config;
  std::string runs_dir = "runs";
  std::optional<std::uint64_t> seed;
  bool json = false;
  bool quiet = false;
};

int complain(const Error& error) {
  std::fprintf(stderr, "faultline: %s\n", error.what.c_str());
  return static_cast<int>(exit_code_of(error));
}

void print(FILE* to, const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), to);
  std::fflush(to);
}

/// Runs tests as children of this process, one at a time.
class Children {
 public:
  Children(std::filesystem::path program, std::filesystem::path directory, const Campaign& campaign)
      : program_(std::move(program)), directory_(std::move(directory)) {
    timeout_ = campaign.timeout;
    for (const CampaignTest& test : campaign.tests) planned_ += test.seeds.size();
  }

  CampaignRun run(const CampaignTest& test, std::uint64_t seed) {
    announce(test, seed);
    ChildRun child;
    child.argv = {program_.string(),    "run",        test.config.string(), "--seed",
                  std::to_string(seed), "--runs-dir", directory_.string(),  "--json"};
    for (const std::string& setting : test.settings) {
      child.argv.push_back("--set");
      child.argv.push_back(setting);
    }
    child.seed = seed;
    child.log = directory_ / (test.label + "-s" + std::to_string(seed) + ".log");
    child.timeout = timeout_;
    return run_as_child(child, signals_);
  }

 private:
  void announce(const CampaignTest& test, std::uint64_t seed) {
    ++begun_;
    if (isatty(STDERR_FILENO) == 0) return;
    std::fprintf(stderr, "\r\033[K%zu of up to %zu: %s, seed %llu\r", begun_, planned_,
                 test.label.c_str(), static_cast<unsigned long long>(seed));
  }

  Signals signals_;
  std::filesystem::path program_, directory_;
  std::chrono::nanoseconds timeout_{};
  std::size_t planned_ = 0, begun_ = 0;
};

int run(const Options& options) {
  const std::filesystem::path path = options.config;
  const auto root = load_config(path);
  if (!root) return complain(root.error());
  auto campaign = make_campaign(*root, path.parent_path(), path.stem().string(), options.seed);
  if (!campaign) return complain(campaign.error());
  // A misspelt test is said now, not in an hour.
  for (const CampaignTest& test : campaign->tests)
    if (const auto config = load_config(test.config); !config) return complain(config.error());
  const auto program = own_program();
  if (!program) return complain(program.error());
  const auto directory = RunDir::create(options.runs_dir, campaign->name, campaign->seed);
  if (!directory) return complain(directory.error());

  FILE* const lines = options.json ? stderr : stdout;
  Children children(*program, directory->path(), *campaign);
  const CampaignResult result = run_campaign(
      *std::move(campaign),
      [&](const CampaignTest& test, std::uint64_t seed) { return children.run(test, seed); },
      [&](const CampaignTest& test, const CampaignRun& finished) {
        if (isatty(STDERR_FILENO) != 0) print(stderr, "\r\033[K");
        if (!options.quiet || !finished.matched()) print(lines, run_line(test, finished));
      });

  const Value document = campaign_value(result);
  print(lines, "\n" + campaign_table(result));
  print(lines, "in " + directory->path().string() + "\n");
  if (options.json) print(stdout, to_json(document) + "\n");
  const Status written = directory->write("campaign.json", to_json_pretty(document));
  ExitCode code = result.exit_code();
  if (!written) {
    complain(written.error());
    code = worse(code, ExitCode::internal);
  }
  return static_cast<int>(code);
}

}  // namespace

void add_campaign(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("campaign", std::string(command_doc("campaign")));
  command->add_option("config", options->config, "the list of tests, YAML")->required();
  command->add_option("--runs-dir", options->runs_dir, "where run directories are made")
      ->capture_default_str();
  command->add_option("--seed", options->seed, "of the campaign: counted seeds derive from it");
  command->add_flag("--json", options->json, "one JSON document on stdout, lines on stderr");
  command->add_flag("--quiet", options->quiet, "no line for a run that went as expected");
  command->callback(
      [options, &invocation] { invocation.action = [options] { return run(*options); }; });
}

}  // namespace faultline
