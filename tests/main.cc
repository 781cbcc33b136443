#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "harness/os/world.h"
#include "harness/run/client_program.h"
#include "targets/targets.h"

// Clusters execute /proc/self/exe, which is this program where a test makes one, and client
// machines do.
int main(int argc, char** argv) {
  if (faultline::is_hidden_subcommand(argc, argv))
    return faultline::run_hidden_subcommand(argc, argv);
  if (faultline::is_client_program(argc, argv))
    return faultline::run_client_program(faultline::targets());
  return doctest::Context(argc, argv).run();
}
