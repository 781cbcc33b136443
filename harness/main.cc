// The only file that may include every catalogue.
#include <cstdio>
#include <exception>

#include "checkers/checkers.h"
#include "harness/cli/command_line.h"
#include "harness/cli/version.h"
#include "harness/core/exit_code.h"
#include "harness/os/world.h"
#include "harness/run/client_program.h"
#include "nemesis/nemeses.h"
#include "targets/targets.h"
#include "workloads/workloads.h"

int main(int argc, char** argv) {
  using namespace faultline;
  if (is_hidden_subcommand(argc, argv)) return run_hidden_subcommand(argc, argv);
  if (is_client_program(argc, argv)) return run_client_program(targets());
  try {
    const Catalogues catalogues{checkers(), nemeses(), workloads(), targets()};
    Invocation invocation{catalogues, {argv, argv + argc}, {}};
    invocation.version = build::program;
    return run_command_line(invocation);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "faultline: internal error: %s\n", error.what());
    return static_cast<int>(ExitCode::internal);
  }
}
