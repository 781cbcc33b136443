#include <string_view>

#include <benchmark/benchmark.h>

#include "bench/compare.h"
#include "bench/null_target.h"
#include "harness/os/world.h"
#include "harness/run/client_program.h"

// Clusters execute /proc/self/exe, which is this program where a benchmark makes one; so do client
// machines.
int main(int argc, char** argv) {
  if (faultline::is_hidden_subcommand(argc, argv))
    return faultline::run_hidden_subcommand(argc, argv);
  if (faultline::is_client_program(argc, argv))
    return faultline::run_client_program(faultline::bench_targets());
  if (argc == 4 && std::string_view(argv[1]) == "--compare") return compare(argv[2], argv[3]);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
