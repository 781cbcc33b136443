// faultline repro RUN -n N: replays a recorded run, a child process each, and says how often its
// verdict comes back.
#include "harness/campaign/repro.h"

#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "harness/cli/child_run.h"
#include "harness/cli/console.h"
#include "harness/cli/run.h"
#include "harness/io/json.h"
#include "harness/io/run_dir.h"
#include "harness/run/replay.h"
#include "harness/run/run_meta.h"

namespace faultline {
namespace {

struct ReproArguments {
  std::string run;
  std::size_t replays = 20;
  std::optional<std::size_t> at_least, at_most;
  bool as_planned = false;
  std::vector<std::string> settings;
  std::string runs_dir = "runs";
  bool json = false;
};

std::string without_newline(std::string line) {
  if (line.ends_with('\n')) line.pop_back();
  return line;
}

/// What the recorded run found.
Result<RunFindings> recorded_findings(const std::filesystem::path& run) {
  const std::filesystem::path file = run / "results.json";
  if (!std::filesystem::exists(file))
    return Error{run.string() +
                     ": it has no results.json, and so no verdict that could come back; it can "
                     "still be replayed (faultline replay) and judged (faultline check)",
                 ErrorKind::usage};
  const auto text = read_file(file);
  if (!text) return text.error();
  const auto results = parse_json(*text);
  if (!results) return Error{file.string() + ": " + results.error().what, ErrorKind::usage};
  auto findings = read_findings(*results);
  if (!findings) return Error{file.string() + ": " + findings.error().what, ErrorKind::usage};
  return findings;
}

/// Longer than any replay takes that still comes to an end.
std::chrono::nanoseconds timeout_of(const Plan& plan) {
  constexpr std::chrono::minutes rest(3);  // final requests, reading, writing
  return plan.startup_within + plan.time + plan.recovery_within +
         plan.budget_time * static_cast<std::int64_t>(plan.checks.size()) + rest;
}

Status check_bounds(const ReproArguments& options) {
  const auto usage = [](const std::string& text) { return Error{text, ErrorKind::usage}; };
  if (options.at_least.value_or(0) > options.replays)
    return usage("--at-least " + std::to_string(*options.at_least) + " is more than the " +
                 std::to_string(options.replays) + " replays of -n");
  if (options.at_most && options.at_least.value_or(0) > *options.at_most)
    return usage("--at-least is more than --at-most");
  return Ok{};
}

ChildRun child_of(const ReproArguments& options, const std::filesystem::path& program,
                  const Replay& replay, const std::filesystem::path& directory) {
  ChildRun child;
  child.argv = {program.string(), "replay",           replay.of.string(),
                "--runs-dir",     directory.string(), "--json"};
  if (options.as_planned) child.argv.emplace_back("--as-planned");
  for (const std::string& setting : options.settings) {
    child.argv.emplace_back("--set");
    child.argv.push_back(setting);
  }
  child.seed = replay.plan.seed;
  child.timeout = timeout_of(replay.plan);
  return child;
}

int repro(const ReproArguments& options, const Invocation& invocation) {
  if (const Status bounds = check_bounds(options); !bounds) return complain(bounds.error());
  // Everything that a replay would refuse is said now, once.
  const auto replay =
      plan_replay(options.run, {options.as_planned, options.settings}, invocation.catalogues);
  if (!replay) return complain(replay.error());
  if (const Status available = replay->plan.target->available(); !available)
    return complain(available.error());
  Repro repro;
  const auto recorded = recorded_findings(replay->of);
  if (!recorded) return complain(recorded.error());
  repro.run = replay->of;
  repro.recorded = *recorded;
  repro.as_planned = options.as_planned;
  repro.settings = options.settings;
  repro.planned = options.replays;
  repro.at_least = options.at_least.value_or(options.at_most ? 0 : 1);
  repro.at_most = options.at_most;
  warn(replay->notes);
  Map now = meta_of("");
  now.emplace_back("store", describe_store(*replay->plan.target));
  warn(version_differences(replay->of, Value(std::move(now))));

  const auto program = own_program();
  if (!program) return complain(program.error());
  const auto directory =
      RunDir::create(options.runs_dir, replay->plan.name + "-repro", replay->plan.seed);
  if (!directory) return complain(directory.error());
  ChildRun child = child_of(options, *program, *replay, directory->path());
  Signals signals;
  run_repro(
      repro,
      [&] {
        const std::string number = std::to_string(repro.runs.size());
        if (rewrites_progress() && !console().quiet)
          show_progress(number + " of " + std::to_string(repro.planned));
        child.log = directory->path() / (number + ".log");
        return run_as_child(child, signals);
      },
      [&](const ReproRun&) {
        if (!console().quiet)
          tell(options.json, "replay-ended", without_newline(repro_line(repro)),
               {{"replay", std::uint64_t{repro.runs.size()}}});
      });

  const Value document = repro_value(repro);
  tell(options.json, "repro-ended", repro_text(repro) + "in " + directory->path().string(),
       {{"exit_code", static_cast<std::int64_t>(repro.exit_code())},
        {"directory", directory->path().string()}});
  if (options.json) std::printf("%s\n", to_json(document).c_str());
  const Status written = directory->write("repro.json", to_json_pretty(document));
  if (written) return static_cast<int>(repro.exit_code());
  complain(written.error());
  return static_cast<int>(worse(repro.exit_code(), ExitCode::internal));
}

}  // namespace

void add_repro(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<ReproArguments>();
  CLI::App* command = app.add_subcommand("repro", std::string(command_doc("repro")));
  command->add_option("run", options->run, "a run directory, or runs/NAME/latest")
      ->type_name("RUN")
      ->required();
  command->add_option("-n,--replays", options->replays, "how many")
      ->type_name("N")
      ->check(CLI::Range(1, 10'000))
      ->capture_default_str();
  command
      ->add_option("--at-least", options->at_least,
                   "exit 0 if the recorded verdict comes back so often (default 1)")
      ->type_name("N");
  command
      ->add_option("--at-most", options->at_most,
                   "exit 0 if it comes back no more often: 0 to see that a bug is gone")
      ->type_name("N");
  command->add_flag("--as-planned", options->as_planned,
                    "find out again who leads, instead of striking the recorded nodes");
  command
      ->add_option("--set", options->settings,
                   "overrides its configuration: target.mode=quorum, expect=valid")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_option("--runs-dir", options->runs_dir, "where run directories are made")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_flag("--json", options->json, "one JSON document on stdout, lines on stderr");
  command->footer(
      "Exit codes: 0 it came back as often as asked, 1 it did not, 130 interrupted; where replays "
      "that could not tell leave it open, theirs.");
  command->callback([options, &invocation] {
    invocation.action = [options, &invocation] { return repro(*options, invocation); };
  });
}

}  // namespace faultline
