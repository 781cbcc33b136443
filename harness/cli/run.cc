// faultline run CONFIG: one test, from the configuration to the verdict.
#include "harness/cli/run.h"

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>

#include <CLI/CLI.hpp>
#include <sys/utsname.h>
#include <unistd.h>

#include "harness/campaign/report.h"
#include "harness/campaign/summary.h"
#include "harness/cli/commands.h"
#include "harness/cli/console.h"
#include "harness/cli/progress_printer.h"
#include "harness/cli/report_options.h"
#include "harness/cli/version.h"
#include "harness/core/text.h"
#include "harness/io/json.h"
#include "harness/io/run_dir.h"
#include "harness/os/world.h"
#include "harness/run/outline.h"
#include "harness/run/yaml.h"

namespace faultline {
namespace {

struct RunArguments {
  std::string config;
  std::optional<std::uint64_t> seed;
  std::string time;
  std::vector<std::string> settings;
  std::vector<std::string> report;
  std::string report_dir;
  bool keep_data = false, fail_fast = false, dry_run = false;
  RunOutput output;
};

std::atomic<int> interrupts{0};
static_assert(std::atomic<int>::is_always_lock_free, "the signal handler needs it");

/// The third leaves at once; the nodes die with this process.
void on_signal(int) {
  if (interrupts.fetch_add(1) >= 2) std::_Exit(static_cast<int>(ExitCode::interrupted));
}

/// What to type to repeat the run: the same command, with the seed said.
std::string command_text(const std::vector<std::string>& argv, const RunArguments& options,
                         std::uint64_t seed) {
  std::string text = shell_text(argv);
  if (!options.seed) text += " --seed " + std::to_string(seed);
  return text;
}

Result<Plan> plan_of(const RunArguments& options, const Catalogues& catalogues) {
  Result<ConfigNode> root = load_config(options.config);
  if (!root) return root.error();
  std::vector<std::string> settings = options.settings;
  if (options.seed) settings.push_back("seed=" + std::to_string(*options.seed));
  if (!options.time.empty()) settings.push_back("time=" + options.time);
  if (options.keep_data) settings.push_back("keep-data=true");
  for (const std::string& setting : settings)
    if (const Status set = set_config(*root, setting); !set) return set.error();
  // 31 bits: enough to differ, and short enough to be typed.
  return make_plan(
      *root, catalogues,
      {std::filesystem::path(options.config).stem().string(), std::random_device()() >> 1});
}

/// What a report says of the run.
struct Ending {
  std::string name;
  CampaignRun run;
};

/// There is no verdict, and this is why; the exit code.
int broken(const Error& error, CampaignRun& run) {
  run.error = error.what;
  run.exit_code = exit_code_of(error);
  return complain(error);
}

/// Says what would be done, and whether the store is here to do it to.
int show_plan(const RunArguments& options, const Invocation& invocation) {
  Result<Plan> plan = plan_of(options, invocation.catalogues);
  if (!plan) return complain(plan.error());
  const auto strikes = outline(*plan);
  if (!strikes) return complain(strikes.error());
  const Status available = plan->target->available();
  if (!available)
    say(Level::warning, "unavailable", "it could not run here: " + available.error().what);
  const std::string text = options.output.json
                               ? to_json(Value(outline_document(*plan, *strikes))) + "\n"
                               : outline_text(*plan, *strikes);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return static_cast<int>(ExitCode::valid);
}

int perform(const RunArguments& options, const Invocation& invocation, Ending& outcome) {
  Result<Plan> plan = plan_of(options, invocation.catalogues);
  if (!plan) return broken(plan.error(), outcome.run);
  outcome.name = plan->name;
  plan->fail_fast = options.fail_fast;
  const std::string command = command_text(invocation.argv, options, plan->seed);
  say(Level::info, "seed", "seed " + std::to_string(plan->seed) + "; to repeat: " + command,
      {{"seed", plan->seed}, {"command", command}});
  const int code = run_plan(*plan, options.output, meta_of(command), &outcome.run);
  outcome.run.command = command;
  return code;
}

int run(const RunArguments& options, const Invocation& invocation) {
  if (options.dry_run) return show_plan(options, invocation);
  if (const Status known = Reports::check(options.report); !known) return complain(known.error());
  Ending outcome;
  outcome.name = std::filesystem::path(options.config).stem().string();
  Result<Reports> reports = Reports();
  if (!options.report_dir.empty()) {
    reports = Reports::open(options.report, options.report_dir);
    if (!reports) return complain(reports.error());
    // Now, so that no older report can be taken for this run's, however it ends.
    const Status begun = reports->write(campaign_of(outcome.name, options.config, std::nullopt));
    if (!begun) return complain(begun.error());
  }
  const std::string began = time_text_now();
  const auto clock = std::chrono::steady_clock::now();
  const int code = perform(options, invocation, outcome);
  if (options.report.empty()) return code;

  outcome.run.seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - clock).count();
  const std::string& directory = outcome.run.directory;
  if (options.report_dir.empty() && !directory.empty())
    reports = Reports::open(options.report, directory);
  Status written = reports ? Status(Ok{}) : Status(reports.error());
  if (written) {
    CampaignResult result = campaign_of(outcome.name, options.config, outcome.run);
    result.began = began;
    written = reports->write(result);
  }
  if (written) return code;
  complain(written.error());
  return static_cast<int>(worse(static_cast<ExitCode>(code), ExitCode::internal));
}

}  // namespace

std::string shell_text(const std::vector<std::string>& argv) {
  std::string text;
  for (const std::string& word : argv) text += (text.empty() ? "" : " ") + shell_quoted(word);
  return text;
}

Map meta_of(const std::string& command) {
  utsname system{};
  const bool known = ::uname(&system) == 0;
  return {{"schema", "faultline.meta/1"},
          {"version", std::string(build::version)},
          {"commit", std::string(build::commit)},
          {"command", command},
          {"kernel", known ? std::string(system.release) + " " + system.machine : std::string()},
          {"user", ::geteuid() == 0 ? "root" : "rootless"}};
}

int run_plan(Plan& plan, const RunOutput& output, const Map& meta, CampaignRun* became) {
  CampaignRun nobodys;
  CampaignRun& run = became != nullptr ? *became : nobodys;
  run.seed = plan.seed;
  if (const Status available = plan.target->available(); !available)
    return broken(available.error(), run);

  std::signal(SIGINT, on_signal);
  std::signal(SIGTERM, on_signal);
  const HostFingerprint host;  // before enter_world() hides the host
  if (const Status entered = enter_world(); !entered) return broken(entered.error(), run);
  const auto directory = RunDir::create(output.runs_dir, plan.name, plan.seed);
  if (!directory) return broken(directory.error(), run);
  run.directory = directory->path().string();

  ProgressPrinter printer;
  const RunEnvironment environment{make_cluster, interrupts,
                                   [&](const Progress& progress) { printer.show(progress); },
                                   [&] { return host.take(); }, meta};
  Result<RunReport> report = run_test(plan, *directory, environment);
  clear_progress();
  if (!report) {
    const int code = broken(report.error(), run);
    say(Level::info, "directory", "in " + directory->path().string(),
        {{"directory", directory->path().string()}});
    return code;
  }
  run = read_results(Value(report->results));
  run.directory = directory->path().string();
  const std::string text = report->text + "in " + directory->path().string();
  if (!output.json || !console().quiet)
    tell(output.json, "verdict", console().quiet ? report->brief : text,
         {{"exit_code", static_cast<std::int64_t>(report->exit_code)},
          {"directory", directory->path().string()}});
  if (output.json) {
    Map document = report->results;
    document.emplace_back("directory", directory->path().string());
    std::printf("%s\n", to_json(Value(std::move(document))).c_str());
  }
  return static_cast<int>(report->exit_code);
}

void add_run_output(CLI::App& command, RunOutput& output) {
  command.add_option("--runs-dir", output.runs_dir, "where run directories are made")
      ->type_name("DIR")
      ->capture_default_str();
  command.add_flag("--json", output.json, "results.json in one line on stdout");
}

void add_run(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<RunArguments>();
  CLI::App* command = app.add_subcommand("run", std::string(command_doc("run")));
  command->add_option("config", options->config, "what to test, YAML")
      ->type_name("CONFIG")
      ->required();
  command->add_option("--seed", options->seed, "of everything that is drawn")
      ->type_name("N")
      ->check(CLI::Range(std::uint64_t{0}, std::uint64_t{9223372036854775807u}));
  command->add_option("--time", options->time, "how long the load lasts, as 60s")
      ->type_name("DURATION");
  command->add_option("--set", options->settings, "overrides the configuration: target.nodes=3")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_flag("--keep-data", options->keep_data,
                    "keep the stores' data, also of a valid run");
  command->add_flag("--fail-fast", options->fail_fast,
                    "end the load as soon as a violation is proven");
  command->add_flag(
      "--dry-run", options->dry_run,
      "start nothing; print the configuration with every default, and the network, the "
      "clocks and each strike as commands that a person would type");
  add_report_options(*command, options->report, options->report_dir);
  add_run_output(*command, options->output);
  command->callback([options, &invocation] {
    invocation.action = [options, &invocation] { return run(*options, invocation); };
  });
}

}  // namespace faultline
