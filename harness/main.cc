// The table of contents: what there is, and which subcommand was meant. The only file that may
// include every catalogue.
#include <cstdio>
#include <exception>

#include <CLI/CLI.hpp>

#include "checkers/checkers.h"
#include "harness/cli/commands.h"
#include "harness/core/exit_code.h"
#include "harness/os/world.h"
#include "nemesis/nemeses.h"
#include "targets/targets.h"
#include "workloads/workloads.h"

namespace faultline {
namespace {

/// CLI11 would only say that a subcommand is missing.
bool is_unknown_command(std::string_view word) {
  if (word.starts_with("-")) return false;
  std::vector<std::string_view> names;
  for (const Command& command : commands()) names.push_back(command.name);
  if (std::find(names.begin(), names.end(), word) != names.end()) return false;
  std::fprintf(stderr, "faultline: %s\n", unknown_component("command", word, names).what.c_str());
  return true;
}

int parse_and_run(int argc, char** argv) {
  if (argc > 1 && is_unknown_command(argv[1])) return static_cast<int>(ExitCode::usage);
  const Catalogues catalogues{checkers(), nemeses(), workloads(), targets()};
  Invocation invocation{catalogues, {argv, argv + argc}, {}};

  CLI::App app(
      "Faultline breaks a distributed store on purpose, and proves from what its clients saw "
      "whether it kept its promises.",
      "faultline");
  app.set_version_flag("--version", "faultline " FAULTLINE_VERSION);
  app.require_subcommand(1);
  for (const Command& command : commands()) command.add(app, invocation);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error, std::cout, std::cerr);
    return code == 0 ? 0 : static_cast<int>(ExitCode::usage);
  }
  return invocation.action();
}

}  // namespace
}  // namespace faultline

int main(int argc, char** argv) {
  if (faultline::is_hidden_subcommand(argc, argv))
    return faultline::run_hidden_subcommand(argc, argv);
  try {
    return faultline::parse_and_run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "faultline: internal error: %s\n", error.what());
    return static_cast<int>(faultline::ExitCode::internal);
  }
}
