#define DOCTEST_CONFIG_IMPLEMENT
#include <cstdlib>

#include <doctest/doctest.h>

#include "harness/os/world.h"
#include "harness/run/client_program.h"
#include "targets/targets.h"

// Clusters execute /proc/self/exe, which is this program where a test makes one, and client
// machines do.
int main(int argc, char** argv) {
  // Instead of one whose main() does not know of that, whatever it was started as.
  if (const char* only = std::getenv("FAULTLINE_FORGETFUL")) {
    doctest::Context context;
    context.setOption("no-skip", true);
    context.addFilter("test-case", only);
    return context.run();
  }
  if (faultline::is_hidden_subcommand(argc, argv))
    return faultline::run_hidden_subcommand(argc, argv);
  if (faultline::is_client_program(argc, argv))
    return faultline::run_client_program(faultline::targets());
  return doctest::Context(argc, argv).run();
}
