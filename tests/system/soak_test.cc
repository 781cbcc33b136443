// Run after run in one process, and a long one: the controller's memory stays flat, and no
// descriptor, thread or process is lost. FAULTLINE_SOAK sets how many (8).
#include <atomic>

#include "checkers/checkers.h"
#include "harness/os/usage.h"
#include "harness/run/runner.h"
#include "harness/run/yaml.h"
#include "nemesis/nemeses.h"
#include "targets/targets.h"
#include "tests/system/stage.h"
#include "workloads/workloads.h"

namespace faultline::system_test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

constexpr int warm_up = 3;  ///< Runs until the allocator and libraries have what they keep.

/// refkv is looked for beside the running program, which is the test here.
void name_refkv() { ::setenv("FAULTLINE_REFKV", (built / "refkv").c_str(), 0); }

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t all = 0, resident = 0;
  file >> all >> resident;
  REQUIRE(resident > 0);
  return resident * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void run_once(const fs::path& runs) {
  const auto root = parse_config(
      "name: soak\n"
      "target: { name: refkv, nodes: 3, mode: quorum }\n"
      "workload: { name: register, keys: 3, concurrency: 4, rate: 400/s }\n"
      "faults:\n"
      "  - { fault: partition, kind: isolate-one, at: 50ms, for: 100ms }\n"
      "  - { fault: kill, victims: one, at: 200ms, for: 50ms }\n"
      "time: 350ms\n",
      "soak.yaml");
  REQUIRE(root);
  auto plan = make_plan(*root, {checkers(), nemeses(), workloads(), targets()}, {"soak", 1});
  REQUIRE_MESSAGE(plan, plan.error().what);
  const auto directory = RunDir::create(runs, plan->name, plan->seed);
  REQUIRE(directory);
  const std::atomic<int> interrupts{0};
  const RunEnvironment environment{
      make_cluster, interrupts, [](const Progress&) {}, [] { return Map{}; }, {}};
  const auto report = run_test(*plan, *directory, environment);
  REQUIRE_MESSAGE(report, report.error().what);
  // On a starved machine a fault may have had no time to take effect.
  CHECK_MESSAGE((report->exit_code == ExitCode::valid || report->exit_code == ExitCode::vacuous),
                report->text);
}

TEST_CASE("child: many runs in one process" * doctest::skip()) {
  name_refkv();
  require_world();
  const Adopter adopter;
  const Folder folder;
  const int runs = std::max(amount("FAULTLINE_SOAK", 8), warm_up + 1);
  Usage warm;
  std::uint64_t resident = 0;
  for (int run = 0; run < runs; ++run) {
    CAPTURE(run);
    run_once(folder.path() / "runs");
    fs::remove_all(folder.path() / "runs");
    CHECK(eventually(Adopter::alone, 60s));
    const Usage now = own_usage();
    if (run < warm_up) {
      warm = now;
      resident = resident_bytes();
      continue;
    }
    CHECK(now.descriptors == warm.descriptors);
    CHECK(now.threads == warm.threads);
  }
  const std::uint64_t grown = resident_bytes() - std::min(resident_bytes(), resident);
  std::printf("grown by %llu KiB in %d runs\n", static_cast<unsigned long long>(grown >> 10),
              runs - warm_up);
  // A run holds some ten MiB while it lasts; the allocator's whims are a fraction of that.
  CHECK(grown < (std::uint64_t{8} << 20) + static_cast<std::uint64_t>(runs) * (32 << 10));
}

TEST_CASE("run after run in one process, nothing grows") {
  run_case_in_child("child: many runs in one process", 60min);
}

std::uint64_t controllers_memory(const Stage& stage) {
  const Value meta = parsed(read_file(stage.latest("long") / "meta.json"));
  return static_cast<std::uint64_t>(
      *member_of(*member_of(meta, "controller"), "resident_bytes_max")->integer());
}

TEST_CASE("a run's memory grows with the operations it recorded, and with nothing else") {
  const std::string config =
      "name: long\n"
      "target: { name: refkv, nodes: 1, mode: quorum }\n"
      "workload: { name: register, keys: 3, concurrency: 2, rate: 100/s }\n"
      "time: 1s\n";
  const Stage stage;
  CHECK(stage.run(config).exit_code == 0);
  const std::uint64_t base = controllers_memory(stage);
  CHECK(base > (std::uint64_t{1} << 20));
  const ChildResult result = stage.run(config, {"--time", "5s", "--set", "workload.rate=1000/s"});
  INFO(stage.errors());
  CHECK(result.exit_code == 0);
  const auto operations =
      static_cast<std::uint64_t>(*member_of(parsed(result.output), "operations")->integer());
  const std::uint64_t more = controllers_memory(stage);
  INFO(base, " ", more, " ", operations);
  CHECK(more < base + (std::uint64_t{6} << 20) + operations * 1024);
}

}  // namespace
}  // namespace faultline::system_test
