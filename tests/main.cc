#define DOCTEST_CONFIG_IMPLEMENT
#include <doctest/doctest.h>

#include "harness/os/world.h"

// Clusters execute /proc/self/exe, which is this program where a test makes one.
int main(int argc, char** argv) {
  if (faultline::is_hidden_subcommand(argc, argv))
    return faultline::run_hidden_subcommand(argc, argv);
  return doctest::Context(argc, argv).run();
}
