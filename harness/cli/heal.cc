// faultline heal [RUN]: finds and removes what a dead run left. There should be nothing, for the
// kernel ends everything of a run with its controller; this is how to make sure.
//
// What is touched is ours beyond doubt: processes that carry the mark of a controller that is dead
// (harness/os/leftovers.h), and, in run directories that no controller holds locked, mounts and
// files that never got their name. Faultline makes no control groups and no firewall tables but
// inside namespaces that end with their last process, so none of these are looked for.
#include <algorithm>
#include <cstdio>
#include <filesystem>

#include <CLI/CLI.hpp>

#include "harness/cli/commands.h"
#include "harness/cli/console.h"
#include "harness/core/exit_code.h"
#include "harness/io/json.h"
#include "harness/io/run_dir.h"
#include "harness/os/leftovers.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::seconds end_limit{10};

struct HealArguments {
  std::string run;
  std::string runs_dir = "runs";
  bool dry_run = false;
  bool json = false;
};

/// One thing that a dead run left.
struct Leftover {
  const char* kind;  ///< "process", "mount", "file".
  std::string name;  ///< "123 (sleep)", or a path.
  fs::path run;
  bool removed = false;
  std::string why_not;
};

struct Findings {
  std::vector<Leftover> leftovers;
  std::vector<fs::path> running;    ///< Not touched.
  std::vector<fs::path> undecided;  ///< Nobody can tell; not touched.
};

bool is_below(const fs::path& path, const fs::path& directory) {
  return path == directory || path.string().starts_with(directory.string() + "/");
}

/// Processes of dead controllers; of runs at or below `scope` only, unless that is empty.
void heal_processes(const fs::path& scope, bool dry_run, Findings& findings) {
  std::vector<Orphan> orphans = find_orphans();
  if (!scope.empty())
    std::erase_if(orphans, [&](const Orphan& each) { return !is_below(each.directory, scope); });
  const std::vector<Orphan> left = dry_run ? orphans : end_orphans(orphans, end_limit);
  for (const Orphan& orphan : orphans) {
    const bool removed =
        std::ranges::none_of(left, [&](const Orphan& each) { return each.pid == orphan.pid; });
    findings.leftovers.push_back(
        {"process", std::to_string(orphan.pid) + " (" + orphan.command + ")", orphan.directory,
         removed, removed || dry_run ? "" : "it does not end, or is not ours to end"});
  }
}

void heal_mounts(const fs::path& run, bool dry_run, Findings& findings) {
  for (const fs::path& mount : mounts_below(run)) {
    const Status done = dry_run ? Status(Error{}) : remove_mount(mount);
    findings.leftovers.push_back(
        {"mount", mount.string(), run, static_cast<bool>(done), done ? "" : done.error().what});
  }
}

void heal_files(const fs::path& run, bool dry_run, Findings& findings) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(run, ignored)) {
    const bool is_ours = is_half_written(entry.path().filename().string()) &&
                         (entry.is_symlink(ignored) || entry.is_regular_file(ignored));
    if (!is_ours) continue;
    std::error_code failed;
    const bool removed = !dry_run && fs::remove(entry.path(), failed);
    findings.leftovers.push_back(
        {"file", entry.path().string(), run, removed, failed ? failed.message() : ""});
  }
}

/// The run is held while it is healed, so that no controller can begin in it.
void heal_run(const fs::path& path, bool dry_run, Findings& findings) {
  auto run = RunDir::open(path);
  const RunDir::Lock lock = run ? run->lock() : RunDir::Lock::impossible;
  if (lock == RunDir::Lock::running) {
    findings.running.push_back(path);
  } else if (lock == RunDir::Lock::impossible) {
    findings.undecided.push_back(path);
  } else {
    heal_mounts(path, dry_run, findings);
    heal_files(path, dry_run, findings);
  }
}

ExitCode exit_code_of(const Findings& findings, bool dry_run) {
  const auto left =
      std::ranges::count_if(findings.leftovers, [](const Leftover& each) { return !each.removed; });
  if (left == 0) return findings.undecided.empty() ? ExitCode::valid : ExitCode::unknown;
  return dry_run ? ExitCode::violation : ExitCode::internal;
}

Value json_of(const Findings& findings, const HealArguments& options, ExitCode code) {
  const auto paths = [](const std::vector<fs::path>& all) {
    List list;
    for (const fs::path& path : all) list.emplace_back(path.string());
    return list;
  };
  List found;
  for (const Leftover& each : findings.leftovers) {
    Map item = {{"kind", each.kind},
                {"name", each.name},
                {"run", each.run.string()},
                {"removed", each.removed}};
    if (!each.why_not.empty()) item.emplace_back("error", each.why_not);
    found.emplace_back(std::move(item));
  }
  return Map{{"schema", "faultline.heal/1"},
             {"dry_run", options.dry_run},
             {"found", std::move(found)},
             {"running", paths(findings.running)},
             {"undecided", paths(findings.undecided)},
             {"exit_code", static_cast<std::int64_t>(code)}};
}

std::string plural(std::size_t count, const std::string& one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

std::string text_of(const Findings& findings, bool dry_run) {
  std::string text;
  std::size_t removed = 0;
  for (const Leftover& each : findings.leftovers) {
    removed += each.removed ? 1 : 0;
    text += (each.removed ? "removed "
             : dry_run    ? "found "
                          : "NOT removed ") +
            std::string(each.kind) + " " + each.name;
    if (std::string_view(each.kind) == "process") text += " of " + each.run.string();
    if (!each.why_not.empty() && !dry_run) text += ": " + each.why_not;
    text += "\n";
  }
  for (const fs::path& path : findings.running)
    text += "running, not touched: " + path.string() + "\n";
  for (const fs::path& path : findings.undecided)
    text +=
        "not touched, as this file system has no locks to tell whether it runs: " + path.string() +
        "\n";
  if (findings.leftovers.empty()) return text + "No dead run left anything.\n";
  return text + plural(findings.leftovers.size(), "thing") + " left by dead runs, " +
         std::to_string(removed) + " removed.\n";
}

int refuse(const std::string& why) { return complain(Error{"heal: " + why, ErrorKind::usage}); }

int run(const HealArguments& options) {
  std::vector<fs::path> runs;
  fs::path scope;
  if (!options.run.empty()) {
    std::error_code failed;
    scope = fs::canonical(options.run, failed);  // "latest" is a link.
    if (failed) return refuse(options.run + ": " + failed.message());
    runs = find_runs(scope);
    if (runs.empty())
      return refuse(options.run + ": expected a run directory, or one that has some below it");
    auto directory = RunDir::open(scope);
    if (is_run_name(scope.filename().string()) && directory &&
        directory->lock() == RunDir::Lock::running)
      return refuse(options.run + ": the run is not over; stop it first, nothing was touched");
  } else {
    runs = find_runs(options.runs_dir);
  }
  Findings findings;
  heal_processes(scope, options.dry_run, findings);  // First: they keep mounts busy.
  for (const fs::path& path : runs) heal_run(path, options.dry_run, findings);
  const ExitCode code = exit_code_of(findings, options.dry_run);
  const std::string text = options.json ? to_json(json_of(findings, options, code)) + "\n"
                                        : text_of(findings, options.dry_run);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return static_cast<int>(code);
}

}  // namespace

void add_heal(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<HealArguments>();
  CLI::App* command = app.add_subcommand("heal", std::string(command_doc("heal")));
  command
      ->add_option("run", options->run,
                   "a run directory, or one with runs below it; else every dead run's processes, "
                   "and every run below --runs-dir")
      ->type_name("RUN");
  command->add_option("--runs-dir", options->runs_dir, "where run directories are")
      ->type_name("DIR")
      ->capture_default_str();
  command->add_flag("--dry-run", options->dry_run, "say what there is, touch nothing");
  command->add_flag("--json", options->json, "one JSON document on stdout");
  command->footer(
      "Exit codes: 0 nothing is left; 1 --dry-run found something; 2 of some run nobody can tell "
      "whether it is over; 64 no such run, or it is not over; 70 something could not be removed.");
  command->callback(
      [options, &invocation] { invocation.action = [options] { return run(*options); }; });
}

}  // namespace faultline
