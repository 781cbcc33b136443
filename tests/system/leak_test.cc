// A controller that is killed leaves nothing: no process, no network, no mount.
#include <random>
#include <set>

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/os/fd.h"
#include "harness/os/program.h"
#include "tests/system/fixture.h"

namespace faultline::system_test {
namespace {

using namespace std::chrono_literals;

/// Every process of this machine whose command line or environment holds `marker`, and what else
/// shares a network with one of those: pids and network namespaces.
struct Traces {
  std::set<int> pids;
  std::set<std::string> networks;
};

Traces traces_of(const std::string& marker) {
  Traces traces;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string text =
        read_file(entry.path() / "cmdline") + read_file(entry.path() / "environ");
    if (text.find(marker) == std::string::npos) continue;
    traces.pids.insert(std::stoi(name));
    std::error_code gone;
    const auto network = std::filesystem::read_symlink(entry.path() / "ns/net", gone);
    if (!gone) traces.networks.insert(network);
  }
  return traces;
}

std::set<std::string> networks_in_use() {
  std::set<std::string> networks;
  std::error_code gone;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    const auto network = std::filesystem::read_symlink(entry.path() / "ns/net", gone);
    if (!gone) networks.insert(network);
  }
  return networks;
}

TEST_CASE("child: a cluster of daemons" * doctest::skip()) {
  const char* marker = std::getenv("LEAK_MARKER");
  REQUIRE(marker != nullptr);
  require_world();
  for (;;) {  // Until it is killed, building and taking down by turns.
    ClusterOptions options;
    options.nodes = 3;
    options.directory = std::getenv("LEAK_FOLDER");
    options.launch = [&](const Node&, std::span<const Node>) -> Result<Launch> {
      return Launch{{"/bin/sh", "-c",
                     "(setsid sh -c 'trap \"\" TERM HUP INT; sleep 1000 & sleep 1000' &)\n"
                     "(setsid setsid sleep 1000 &)\nexec sleep 1000"},
                    {{"LEAK_MARKER", marker}}};
    };
    auto cluster = make_cluster(options);
    REQUIRE(cluster);
    for (std::size_t node = 0; node < 3; ++node) require_ok((*cluster)->start(node));
    require_ok((*cluster)->cut(std::vector<Edge>{{0, 1}}));
    for (int turn = 0; turn < 20; ++turn)
      require_ok((*cluster)->signal(1, turn % 2 ? SIGCONT : SIGSTOP));
  }
}

TEST_CASE("a controller killed at any moment leaves no process and no network") {
  std::mt19937 random(42);
  std::size_t seen_whole = 0;
  const Fd null(::open("/dev/null", O_RDWR | O_CLOEXEC));
  const std::set<std::string> before = networks_in_use();
  const Folder folder;  // Files of nodes do stay behind.
  for (int round = 0; round < 40; ++round) {
    CAPTURE(round);
    // In the environment, which everything that it starts inherits; the nursery and inits too.
    const std::string marker =
        "faultline-leak-" + std::to_string(::getpid()) + "-" + std::to_string(round) + "-marker";
    ::setenv("LEAK_MARKER", marker.c_str(), 1);
    ::setenv("LEAK_FOLDER", folder.path().c_str(), 1);
    const auto pid =
        spawn_program({"/proc/self/exe", "--no-skip", "--test-case=child: a cluster of daemons"},
                      null.get(), null.get(), null.get());
    ::unsetenv("LEAK_MARKER");
    ::unsetenv("LEAK_FOLDER");
    REQUIRE(pid);
    // A random moment between its first instruction and well after all is up; on a machine that is
    // slow that might always be too early, so that some rounds wait until it is.
    Traces alive;
    if (round % 5 == 0) {
      CHECK(eventually([&] { return (alive = traces_of(marker)).networks.size() >= 4; }, 60s));
    } else {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 150'000));
      alive = traces_of(marker);
    }
    CHECK(alive.pids.contains(*pid));
    if (alive.networks.size() >= 4) ++seen_whole;  // Of the controller and each node.
    ::kill(*pid, SIGKILL);
    REQUIRE(::waitpid(*pid, nullptr, 0) == *pid);
    CHECK_MESSAGE(eventually([&] { return traces_of(marker).pids.empty(); }), marker);
    CHECK(eventually([&] {
      const std::set<std::string> now = networks_in_use();
      for (const std::string& network : alive.networks)
        if (!before.contains(network) && now.contains(network)) return false;
      return true;
    }));
  }
  // Else the moments were all too early, and nothing was tested.
  CHECK(seen_whole >= 5);
}

}  // namespace
}  // namespace faultline::system_test
