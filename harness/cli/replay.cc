// faultline replay RUN: a recorded run again, as an ordinary new run.
#include "harness/run/replay.h"

#include <memory>
#include <optional>

#include <CLI/CLI.hpp>

#include "harness/cli/console.h"
#include "harness/cli/run.h"
#include "harness/run/run_meta.h"

namespace faultline {
namespace {

struct ReplayArguments {
  std::string run;
  bool as_planned = false;
  std::vector<std::string> settings;
  bool keep_data = false;
  std::string refused;  ///< The value of an option that a replay takes from the recording.
  RunOutput output;
};

/// The command line, with the run's own name for a link such as latest.
std::string command_text(std::vector<std::string> argv, const ReplayArguments& options,
                         const std::filesystem::path& of) {
  for (std::string& word : argv)
    if (word == options.run) word = of.string();
  return shell_text(argv);
}

int replay(const ReplayArguments& options, const Invocation& invocation) {
  ReplayOptions replayed{options.as_planned, options.settings};
  if (options.keep_data) replayed.settings.emplace_back("keep-data=true");
  auto replay = plan_replay(options.run, replayed, invocation.catalogues);
  if (!replay) return complain(replay.error());
  Map meta = meta_of(command_text(invocation.argv, options, replay->of));
  Map now = meta;
  now.emplace_back("store", describe_store(*replay->plan.target));
  const auto differences = version_differences(replay->of, Value(std::move(now)));
  warn(replay->notes);
  warn(differences);
  Map of = {{"of", replay->of.string()},
            {"as_planned", options.as_planned},
            {"set", List(options.settings.begin(), options.settings.end())},
            {"differs", List(differences.begin(), differences.end())},
            {"notes", List(replay->notes.begin(), replay->notes.end())}};
  meta.emplace_back("replay", std::move(of));
  say(Level::info, "replay",
      "seed " + std::to_string(replay->plan.seed) + "; a replay of " + replay->of.string(),
      {{"seed", replay->plan.seed}, {"of", replay->of.string()}});
  return run_plan(replay->plan, options.output, meta);
}

}  // namespace

void add_replay(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<ReplayArguments>();
  CLI::App* command = app.add_subcommand("replay", std::string(command_doc("replay")));
  command->add_option("run", options->run, "a run directory, or runs/NAME/latest")
      ->type_name("RUN")
      ->required();
  command->add_flag("--as-planned", options->as_planned,
                    "find out again who leads, instead of striking the recorded nodes");
  command
      ->add_option("--set", options->settings,
                   "overrides its configuration: target.mode=quorum, expect=valid")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false);
  command->add_flag("--keep-data", options->keep_data,
                    "keep the stores' data, also of a valid run");
  add_run_output(*command, options->output);
  // Known here so that the answer is a reason, not "unexpected argument"; not in the help.
  for (const char* name : {"--seed", "--time"})
    command->add_option(name, options->refused)->group("");
  command->callback([options, command, &invocation] {
    invocation.action = [options, command, &invocation] {
      for (const std::string name : {"--seed", "--time"})
        if (command->count(name) > 0)
          return complain({name +
                               ": a replay takes it from the recorded run; for another test: "
                               "faultline run RUN/config.yaml " +
                               name + " …",
                           ErrorKind::usage});
      return replay(*options, invocation);
    };
  });
}

}  // namespace faultline
