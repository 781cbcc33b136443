#include <string_view>

#include <benchmark/benchmark.h>

#include "bench/compare.h"
#include "harness/os/world.h"

// Clusters execute /proc/self/exe, which is this program where a benchmark makes one.
int main(int argc, char** argv) {
  if (faultline::is_hidden_subcommand(argc, argv))
    return faultline::run_hidden_subcommand(argc, argv);
  if (argc == 4 && std::string_view(argv[1]) == "--compare") return compare(argv[2], argv[3]);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
