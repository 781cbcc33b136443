// Clients as processes of their own: stalled, cut off, killed, and gone with their controller.
#include <set>

#include "harness/core/levers.h"
#include "harness/io/load.h"
#include "harness/run/client_machines.h"
#include "nemesis/nemeses.h"
#include "tests/system/stage.h"

namespace faultline::system_test {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

/// What clients_config says.
constexpr std::size_t nodes_asked = 3, machines_asked = 2, workers_asked = 6;

std::string clients_config(const std::string& faults, const std::string& time = "3s") {
  return "name: clients\n"
         "target: { name: refkv, nodes: 3, mode: quorum }\n"
         "workload: { name: register, keys: 4, concurrency: 6, rate: 300/s, timeout: 500ms }\n"
         "clients: { separate: 2 }\n" +
         (faults.empty() ? "" : "faults:\n" + faults) + "time: " + time +
         "\n"
         "startup: { within: 120s }\n"
         "recovery: { within: 120s }\n"
         "seed: 5\n";
}

/// The lines of a run's faults.jsonl.
List faults_of(const fs::path& run) {
  auto lines = read_json_lines(run / "faults.jsonl");
  REQUIRE_MESSAGE(lines, (lines ? "" : lines.error().what));
  return {lines->begin(), lines->end()};
}

/// Two nodes and two client machines, which sleep.
struct Sleepers {
  explicit Sleepers(LinksLever links) {
    require_world();
    ClusterOptions options;
    options.nodes = 2;
    options.links = links;
    options.directory = folder.path();
    options.launch = [](const Node&, std::span<const Node>) -> Result<Launch> {
      return Launch{{"/bin/sleep", "1000"}, {}};
    };
    const auto answers = [](std::chrono::milliseconds) -> Result<bool> { return true; };
    for (int i = 0; i < 2; ++i)
      options.clients.push_back({{{"/bin/sleep", "1000"}, {}}, -1, answers});
    auto made = make_cluster(options);
    if (!made) FAIL(made.error().what);
    cluster = std::move(*made);
    for (std::size_t i = 0; i < 4; ++i) require_ok(cluster->start(i));
  }
  bool passes(std::size_t from, std::size_t to, std::chrono::milliseconds timeout) {
    const auto arrived = cluster->probe({from, to}, timeout);
    if (!arrived) FAIL(arrived.error().what);
    return *arrived;
  }
  Folder folder;
  std::unique_ptr<Cluster> cluster;
};

TEST_CASE("a client machine is a machine: an address, a name, files of its own, and no node") {
  Sleepers sleepers(LinksLever::bridge);
  Cluster& cluster = *sleepers.cluster;
  CHECK(cluster.nodes().size() == 2);
  REQUIRE(cluster.clients().size() == 2);
  const Node& c1 = cluster.clients()[0];
  CHECK(c1.index == 2);
  CHECK(c1.name == "c1");
  CHECK(c1.address == "10.88.0.3");
  CHECK(fs::exists(sleepers.folder.path() / "clients/c1/log/stdout.log"));
  CHECK_FALSE(fs::exists(sleepers.folder.path() / "nodes/c1"));
  CHECK(cluster.processes(2)->size() == 1);
  require_ok(cluster.signal(2, SIGSTOP));
  CHECK(eventually([&] { return cluster.processes(2)->at(0).state == 'T'; }));
  CHECK(cluster.processes(3)->at(0).state != 'T');
  require_ok(cluster.signal(2, SIGCONT));
  CHECK(eventually([&] { return cluster.processes(2)->at(0).state != 'T'; }));
}

TEST_CASE("a partition cuts client machines by name, or all of them with the controller") {
  Sleepers sleepers(each_lever());
  Cluster& cluster = *sleepers.cluster;
  Levers levers(cluster);
  const auto partition = [&](const std::string& kind, const std::vector<std::string>& groups) {
    ConfigNode node;
    node.members.push_back({"kind", {}, ConfigNode::of(kind)});
    ConfigNode lists;
    lists.kind = ConfigNode::Kind::sequence;
    for (const std::string& name : groups) {
      ConfigNode& list = lists.items.emplace_back();
      list.kind = ConfigNode::Kind::sequence;
      list.items.push_back(ConfigNode::of(name));
    }
    if (!groups.empty()) node.members.push_back({"groups", {}, lists});
    node.members.push_back({"attest_within", {}, ConfigNode::of("60s")});
    Params params(node, "fault partition");
    return *make_partition(params);
  };
  const std::vector<std::size_t> victims = {0};
  const auto named = partition("groups", {"n1", "c1"});
  require_ok(named->available(cluster));
  auto cut = named->inject(levers, 1, victims, {}, Rng(1));
  REQUIRE(cut);
  *cut = complete(*std::move(cut));
  CHECK_MESSAGE(cut->effective, to_text(Value(cut->evidence)));
  CHECK_FALSE(sleepers.passes(2, 0, 50ms));
  CHECK_FALSE(sleepers.passes(0, 2, 50ms));
  for (const auto& [from, to] :
       {std::pair<std::size_t, std::size_t>{2, 1}, {3, 0}, {clients_end, 0}}) {
    CHECK(sleepers.passes(from, to, 60s));
    CHECK(sleepers.passes(to, from, 60s));
  }
  CHECK(complete(*named->heal(levers, 1)).effective);
  CHECK(sleepers.passes(2, 0, 60s));

  const auto all = partition("clients", {});
  auto cut_all = all->inject(levers, 2, victims, {}, Rng(1));
  REQUIRE(cut_all);
  *cut_all = complete(*std::move(cut_all));
  CHECK_MESSAGE(cut_all->effective, to_text(Value(cut_all->evidence)));
  CHECK(to_text(*member_of(Value(cut_all->evidence), "links")) == "6");
  for (const std::size_t client : {std::size_t{2}, std::size_t{3}, clients_end}) {
    CHECK_FALSE(sleepers.passes(client, 0, 50ms));
    CHECK_FALSE(sleepers.passes(0, client, 50ms));
    CHECK(sleepers.passes(client, 1, 60s));
  }
  CHECK(complete(*all->heal(levers, 2)).effective);
}

TEST_CASE("a stalled client's operations stay open, and end when it goes on; others go on") {
  Stage stage;
  const ChildResult result = stage.run(clients_config(
      "  - { fault: client-stall, victims: c1, at: 500ms, for: 4s, attest_within: 60s }\n", "6s"));
  INFO(stage.errors());
  INFO(result.output);
  REQUIRE(result.exit_code == 0);
  const fs::path run = stage.latest("clients");
  const List lines = faults_of(run);
  REQUIRE(lines.size() == 1);
  CHECK(to_text(*member_of(lines[0], "victims")) == "[\"c1\"]");
  CHECK(*member_of(lines[0], "effective") == Value(true));
  CHECK(*member_of(*member_of(lines[0], "healing"), "effective") == Value(true));

  // Seconds after it was planned, and before its heal can have begun.
  constexpr auto from = std::int64_t{3'500'000'000}, to = std::int64_t{4'450'000'000};
  const auto loaded = load_history(run);
  REQUIRE(loaded);
  const History& history = loaded->history;
  std::set<std::size_t> open;
  std::size_t others = 0, stalled = 0;
  for (OperationId id = 0; id < history.size(); ++id) {
    const std::size_t worker = history.process()[id] % workers_asked;
    const bool on_c1 = client_machine_of(worker, machines_asked, nodes_asked) == 0;
    const std::int64_t begin = history.begin_time()[id], end = history.end_time()[id];
    const bool ends_inside = end >= from && end <= to;
    if (!on_c1) others += ends_inside ? 1 : 0;
    if (on_c1) stalled += ends_inside ? 1 : 0;
    if (on_c1 && begin < from && end > to) open.insert(worker);
  }
  CHECK(stalled == 0);
  CHECK(others > 0);
  CHECK(open.size() == workers_asked / machines_asked);
}

TEST_CASE("a fault of client machines is refused where clients are threads of the controller") {
  const Stage stage;
  const ChildResult result =
      stage.run(clients_config("  - { fault: client-stall, at: 500ms, for: 1s }\n"),
                {"--set", "clients=in-process"});
  CHECK(result.exit_code == 64);
  CHECK(stage.errors().find("say clients: separate") != std::string::npos);
}

/// The processes of client machines of the runs below `folder`, by the mark that they carry.
std::vector<int> client_programs(const fs::path& folder) {
  std::vector<int> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    const int pid = std::atoi(entry.path().filename().c_str());
    if (pid > 0 && read_file(entry.path() / "cmdline").find("__client") != std::string::npos &&
        read_file(entry.path() / "environ").find(folder.string()) != std::string::npos)
      found.push_back(pid);
  }
  return found;
}

TEST_CASE("a client machine's process that dies is a failure of ours, not of the store") {
  const Stage stage;
  const Adopter adopter;
  const int pid = stage.start(stage.command(clients_config("", "60s")));
  REQUIRE(eventually(
      [&] {
        return fs::exists(stage.runs / "clients/latest/history.jsonl") &&
               client_programs(stage.runs).size() == machines_asked;
      },
      120s));
  REQUIRE(::kill(client_programs(stage.runs).front(), SIGKILL) == 0);
  int status = 0;
  REQUIRE(::waitpid(pid, &status, 0) == pid);
  CHECK(WEXITSTATUS(status) == 70);
  const Value results = parsed(read_file(stage.latest("clients") / "results.json"));
  const std::string whole = to_text(results);
  INFO(whole);
  CHECK(whole.find("client machine c") != std::string::npos);
  for (const Value& check : *member_of(results, "checks")->list())
    CHECK(text_in(check, "verdict") != "invalid");
  CHECK(eventually(Adopter::alone));
}

TEST_CASE("a controller that is killed takes stopped client machines with it") {
  const Stage stage;
  const Adopter adopter;
  const int pid = stage.start(stage.command(
      clients_config("  - { fault: client-stall, victims: all, at: 100ms, for: 50s }\n", "60s")));
  // Stopped: by the letter in /proc/PID/stat.
  const bool stopped = eventually(
      [&] {
        const std::vector<int> programs = client_programs(stage.runs);
        std::size_t count = 0;
        for (const int program : programs)
          count += read_file("/proc/" + std::to_string(program) + "/stat").find(") T ") !=
                   std::string::npos;
        return count == machines_asked;
      },
      120s);
  CHECK_MESSAGE(stopped, stage.errors());
  REQUIRE(::kill(pid, SIGKILL) == 0);
  REQUIRE(::waitpid(pid, nullptr, 0) == pid);
  CHECK(eventually(Adopter::alone, 60s));
  CHECK(client_programs(stage.runs).empty());
}

}  // namespace
}  // namespace faultline::system_test
