// Nodes: processes, signals, deaths, hosts.
#include <algorithm>
#include <set>

#include <signal.h>
#include <sys/wait.h>

#include "tests/system/fixture.h"

namespace faultline::system_test {
namespace {

std::multiset<std::string> commands(const std::vector<ProcessInfo>& processes) {
  std::multiset<std::string> names;
  for (const ProcessInfo& process : processes) names.insert(process.command);
  return names;
}

std::size_t count(Cluster& cluster, std::size_t node) {
  const auto processes = cluster.processes(node);
  REQUIRE_MESSAGE(processes, (processes ? "" : processes.error().what));
  return processes->size();
}

/// A daemon (forked twice, in a session of its own) and a child beside the main process.
constexpr const char* family =
    "(setsid sh -c 'sleep 1001 & sleep 1002' >/dev/null 2>&1 &)\n sleep 1003 & exec sleep 1004";

/// Whether the family is complete in the node: the daemon's sh and its two sleeps, the child, the
/// main process. (A mere count of five may be that of shells that are still busy.)
bool family_up(Cluster& cluster, std::size_t node) {
  const auto processes = cluster.processes(node);
  return processes && commands(*processes) ==
                          std::multiset<std::string>{"sh", "sleep", "sleep", "sleep", "sleep"};
}

TEST_CASE("a node runs the store's process and says which processes there are") {
  Shells shells(3, family);
  Cluster& cluster = *shells.cluster;
  CHECK(cluster.nodes().size() == 3);
  CHECK(cluster.nodes()[2].name == "n3");
  CHECK(count(cluster, 0) == 0);
  require_ok(cluster.start(0));
  CHECK(eventually([&] { return family_up(cluster, 0); }));
  CHECK(count(cluster, 1) == 0);
  const auto processes = cluster.processes(0);
  REQUIRE(processes);
  for (const ProcessInfo& process : *processes) {
    // The pid is the controller's: that process exists here and is called so.
    CHECK(read_file("/proc/" + std::to_string(process.pid) + "/comm") == process.command + "\n");
  }
  const Status again = cluster.start(0);
  REQUIRE_FALSE(again);
  CHECK(again.error().what == "start n1: it runs already");
}

TEST_CASE("SIGKILL reaches every process of one node and returns when they are gone") {
  Shells shells(2, family);
  Cluster& cluster = *shells.cluster;
  for (int round = 0; round < 20; ++round) {
    require_ok(cluster.start(0));
    if (round == 0) require_ok(cluster.start(1));
    if (round % 2 == 0) CHECK(eventually([&] { return family_up(cluster, 0); }));
    require_ok(cluster.signal(0, SIGKILL));
    CHECK(count(cluster, 0) == 0);
    CHECK(cluster.take_deaths().empty());
  }
  CHECK(eventually([&] { return family_up(cluster, 1); }));
}

TEST_CASE("SIGSTOP stops and SIGCONT continues every process of a node") {
  Shells shells(2, family);
  Cluster& cluster = *shells.cluster;
  require_ok(cluster.start(0));
  require_ok(cluster.start(1));
  CHECK(eventually([&] { return family_up(cluster, 0) && family_up(cluster, 1); }));
  const auto all_are = [&](std::size_t node, char state) {
    const auto processes = cluster.processes(node);
    return processes && processes->size() == 5 &&
           std::all_of(processes->begin(), processes->end(),
                       [&](const ProcessInfo& p) { return p.state == state; });
  };
  require_ok(cluster.signal(0, SIGSTOP));
  CHECK(eventually([&] { return all_are(0, 'T'); }));
  CHECK(eventually([&] { return all_are(1, 'S'); }));
  require_ok(cluster.signal(0, SIGCONT));
  CHECK(eventually([&] { return all_are(0, 'S'); }));
  // Stopped processes can be killed.
  require_ok(cluster.signal(0, SIGSTOP));
  require_ok(cluster.signal(0, SIGKILL));
  CHECK(count(cluster, 0) == 0);
  CHECK(cluster.take_deaths().empty());
}

TEST_CASE("a store that ends by itself is a death, with how and when") {
  Shells shells(3);
  Cluster& cluster = *shells.cluster;
  std::vector<Cluster::Death> deaths;
  const auto next_death = [&] {
    return eventually([&] {
      deaths = cluster.take_deaths();
      return !deaths.empty();
    });
  };
  const auto now = [] {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
  };
  const std::int64_t before = now();
  shells.script = "exit 3";
  require_ok(cluster.start(1));
  REQUIRE(next_death());
  CHECK(deaths.size() == 1);
  CHECK(deaths[0].node == 1);
  CHECK(deaths[0].how == "exit status 3");
  CHECK(deaths[0].steady_ns >= before);
  CHECK(deaths[0].steady_ns <= now());

  shells.script = "kill -ABRT $$";
  require_ok(cluster.start(2));
  REQUIRE(next_death());
  CHECK(deaths[0].how == "signal 6 (Aborted)");

  // Killed, but not by us: say, for lack of memory.
  shells.script = "kill -KILL $$";
  require_ok(cluster.start(0));
  REQUIRE(next_death());
  CHECK(deaths[0].how == "signal 9 (Killed)");

  // It had ended before the signal came.
  shells.script = "exit 4";
  require_ok(cluster.start(0));
  CHECK(eventually([&] { return count(cluster, 0) == 0; }));
  require_ok(cluster.signal(0, SIGKILL));
  deaths = cluster.take_deaths();
  REQUIRE(deaths.size() == 1);
  CHECK(deaths[0].how == "exit status 4");

  // Asked to end, and does so in its own way.
  shells.script = "trap 'exit 7' TERM; echo ready; while :; do sleep 0.01; done";
  require_ok(cluster.start(0));
  CHECK(eventually([&] {
    return read_file(cluster.nodes()[0].log_dir / "stdout.log").find("ready") != std::string::npos;
  }));
  require_ok(cluster.signal(0, SIGTERM));
  CHECK(eventually([&] { return count(cluster, 0) == 0; }));
  CHECK(cluster.take_deaths().empty());
}

TEST_CASE("a program that cannot be executed is an error that names it") {
  Shells shells(1);
  shells.argv = {"/nowhere/store", "--flag"};
  const Status started = shells.cluster->start(0);
  REQUIRE_FALSE(started);
  CHECK(started.error().what == "start n1: execute /nowhere/store: No such file or directory");
  CHECK(shells.cluster->take_deaths().empty());
  shells.argv.clear();
  require_ok(shells.cluster->start(0));
}

TEST_CASE("a node is a host of its own") {
  Shells shells(3);
  CHECK(shells.output(1, "hostname; echo $NODE; cat /etc/hostname") == "n2\nn2\nn2\n");
  CHECK(shells.output(0, "getent ahostsv4 n3 | head -1 | cut -d' ' -f1") == "10.88.0.3\n");
  CHECK(shells.output(0, "cat /proc/1/comm; ls -A /dev/shm") == "fl-init\n");
  CHECK(shells.output(2, "pwd") == shells.cluster->nodes()[2].data_dir.string() + "\n");
  // No descriptor of the controller or the init leaks into the store.
  CHECK(shells.output(0, "ls /proc/self/fd | tr '\\n' ' '") == "0 1 2 3 ");
  // The host's own names are untouched.
  CHECK(read_file("/etc/hostname").find("n2") == std::string::npos);
}

TEST_CASE("output of all starts is kept, separately") {
  Shells shells(1, "echo out; echo err >&2; exec sleep 1000");
  Cluster& cluster = *shells.cluster;
  for (int i = 0; i < 2; ++i) {
    require_ok(cluster.start(0));
    CHECK(eventually([&] {
      const std::string err = read_file(cluster.nodes()[0].log_dir / "stderr.log");
      return std::count(err.begin(), err.end(), '\n') == i + 1;
    }));
    require_ok(cluster.signal(0, SIGKILL));
  }
  CHECK(read_file(cluster.nodes()[0].log_dir / "stdout.log") == "out\nout\n");
  CHECK(read_file(cluster.nodes()[0].log_dir / "stderr.log") == "err\nerr\n");
}

TEST_CASE("clusters follow each other, and one leaves no process") {
  std::vector<int> pids;
  for (int round = 0; round < 3; ++round) {
    Shells shells(4, family);
    for (std::size_t node = 0; node < 4; ++node) {
      require_ok(shells.cluster->start(node));
      CHECK(eventually([&] { return family_up(*shells.cluster, node); }));
      const auto processes = shells.cluster->processes(node);
      REQUIRE(processes);
      for (const ProcessInfo& process : *processes) pids.push_back(process.pid);
    }
    CHECK(pids.size() == 20);
    shells.cluster.reset();
    for (const int pid : pids) CHECK((::kill(pid, 0) != 0 && errno == ESRCH));
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);  // The controller has no child left.
    pids.clear();
  }
}

}  // namespace
}  // namespace faultline::system_test
