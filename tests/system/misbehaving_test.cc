// Stores that misbehave: each must end in the right exit code, and leave nothing.
#include <csignal>

#include <sys/utsname.h>

#include "harness/os/init.h"
#include "harness/os/node_setup.h"
#include "tests/system/stage.h"

namespace faultline::system_test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

const std::string bad_config =
    "name: bad\n"
    "target: { name: refkv, nodes: 3, mode: quorum }\n"
    "workload: { name: register, keys: 3, concurrency: 3, rate: 200/s }\n"
    "time: 1s\n"
    "recovery: { within: 20s }\n"
    "seed: 5\n";

TEST_CASE("a store that ends as soon as it starts never came up") {
  const Adopter adopter;
  Stage stage;
  stage.replace_store(
      "[ \"$2\" = n2 ] && { echo no licence >&2; exit 3; }\nexec \"$REFKV\" \"$@\"");
  const ChildResult result = stage.run(bad_config);
  INFO(stage.errors());
  CHECK(result.exit_code == 5);
  CHECK(stage.errors().find("n2 ended while it started: exit status 3\n  stderr.log: no licence") !=
        std::string::npos);
  CHECK(eventually(Adopter::alone, vanish_limit));
}

TEST_CASE("a store that never serves never came up, and is ended whatever it ignores") {
  const Adopter adopter;
  Stage stage;
  stage.replace_store(
      "trap '' TERM INT HUP QUIT USR1 PIPE\n"
      "(setsid setsid sleep 1000 &)\n"
      "sleep 1000 &\n"
      "echo thinking\n"
      "while :; do wait; sleep 1000; done");
  const ChildResult result = stage.run(bad_config, {"--set", "startup.within=3s"});
  INFO(stage.errors());
  CHECK(result.exit_code == 5);
  CHECK(stage.errors().find("n1 did not serve within 3s") != std::string::npos);
  CHECK(stage.errors().find("stdout.log: thinking") != std::string::npos);
  CHECK(eventually(Adopter::alone, vanish_limit));
}

TEST_CASE("a store that dies under load is a finding, not a failure of the run") {
  const Adopter adopter;
  Stage stage;
  stage.replace_store(
      "[ \"$2\" = n2 ] || exec \"$REFKV\" \"$@\"\n"
      "\"$REFKV\" \"$@\" &\nstore=$!\n"
      "until [ -s \"$(dirname \"$0\")/../go\" ]; do sleep 0.05; done\n"
      "kill -9 $store\nexit 3");
  const int pid = stage.start(stage.command(bad_config, {"--time", "3s"}));
  const auto history = stage.runs / "bad/latest/history.jsonl";
  CHECK(eventually([&] { return fs::exists(history) && fs::file_size(history) > 0; }, 60s));
  std::ofstream(stage.folder.path() / "go") << "now\n";
  const auto code = wait_program(pid, 5min);
  INFO(stage.errors());
  REQUIRE(code);
  CHECK(*code == 1);
  const Value results = parsed(read_file(stage.latest("bad") / "results.json"));
  CHECK(text_in(results, "verdict") == "invalid");
  CHECK(text_in(results, "summary").find("crash-free: ") != std::string::npos);
  CHECK(text_in(results, "summary").find("exit status 3") != std::string::npos);
  CHECK(eventually(Adopter::alone, vanish_limit));
}

TEST_CASE("a store that prints without end fills its log, and not the disk") {
  const Adopter adopter;
  Stage stage;
  // More than fits before it serves, however busy the machine is, and on while it does.
  stage.replace_store(
      "if [ \"$2\" = n1 ]; then\n"
      "  head -c 80000000 /dev/zero\n"
      "  head -c 300000000 /dev/zero &\n"
      "fi\n"
      "exec \"$REFKV\" \"$@\"");
  const ChildResult result = stage.run(bad_config);
  INFO(stage.errors());
  CHECK(result.exit_code == 0);
  const fs::path log = stage.latest("bad") / "nodes/n1/log/stdout.log";
  const std::string notice = "\nfaultline: the log is full, the rest is dropped\n";
  // The store's own first lines are in it as well.
  CHECK(fs::file_size(log) == static_cast<std::uintmax_t>(log_bytes_max) + notice.size());
  std::ifstream file(log);
  file.seekg(-static_cast<std::streamoff>(notice.size()), std::ios::end);
  CHECK(std::string(std::istreambuf_iterator<char>(file), {}) == notice);
  CHECK(eventually(Adopter::alone, vanish_limit));
}

/// Whether this machine can bound a store's processes: see limit_processes().
bool forks_are_bounded() {
  utsname system{};
  int major = 0, minor = 0;
  REQUIRE(::uname(&system) == 0);
  REQUIRE(std::sscanf(system.release, "%d.%d", &major, &minor) == 2);
  return major > 6 || (major == 6 && minor >= 14) || ::geteuid() != 0;
}

TEST_CASE("a store that forks without end never came up, and all of it is ended") {
  const Adopter adopter;
  bool is_full = false;
  // A crowded machine may not have forked to the bound in the first time.
  for (const std::string within : {"8s", "1m"}) {
    if (is_full) break;
    Stage stage;
    // The first shell ends when it cannot fork any more; then the node is full, and sleeps.
    stage.replace_store(
        "[ \"$2\" = n1 ] || exec \"$REFKV\" \"$@\"\n"
        "sh -c 'i=0; while [ $i -lt 5000 ]; do sleep 1000 & i=$((i+1)); done'\nexec sleep 1000");
    const ChildResult result = stage.run(bad_config, {"--set", "startup.within=" + within});
    INFO(stage.errors());
    CHECK(result.exit_code == 5);
    CHECK(stage.errors().find("n1 did not serve within " + within) != std::string::npos);
    is_full = !forks_are_bounded() ||
              read_file(stage.latest("bad") / "nodes/n1/log/stderr.log").find("Cannot fork") !=
                  std::string::npos;
    CHECK(eventually(Adopter::alone, vanish_limit));
  }
  CHECK(is_full);
}

TEST_CASE("the processes of a node are bounded, and full, it can still be killed and started") {
  if (!forks_are_bounded()) return;  // As root before Linux 6.14: docs/survival.md says so.
  Shells shells(2, "sh -c 'while :; do sleep 1000 & done'\necho full\nexec sleep 1000");
  std::ifstream file("/proc/sys/kernel/pid_max");
  long machine = 0;
  file >> machine;
  REQUIRE(machine > 0);
  require_ok(shells.cluster->start(0));
  const auto log = shells.cluster->nodes()[0].log_dir / "stdout.log";
  CHECK(eventually([&] { return read_file(log) == "full\n"; }, 120s));
  const auto processes = shells.cluster->processes(0);
  REQUIRE(processes);
  const auto limit = static_cast<std::size_t>(processes_max(machine, 2));
  CHECK(processes->size() <= 2 * limit);  // Of both nodes together, where a user's are counted.
  CHECK(processes->size() > limit / 4);
  // The other has its own.
  CHECK(shells.output(1, "sleep 0 && echo forked") == "forked\n");
  require_ok(shells.cluster->signal(0, SIGKILL));
  const auto left = shells.cluster->processes(0);
  REQUIRE(left);
  CHECK(left->empty());
  CHECK(shells.output(0, "sleep 0 && echo again").ends_with("again\n"));
}

TEST_CASE("processes_max() leaves most of the machine's numbers to others") {
  CHECK(processes_max(4'194'304, 5) == 2048);
  CHECK(processes_max(32'768, 5) == 1638);
  CHECK(processes_max(32'768, 250) == 512);
  CHECK(processes_max(32'768, 1) == 2048);
}

}  // namespace
}  // namespace faultline::system_test
