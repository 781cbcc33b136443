// The faults on a real cluster: what they attest is so, as /proc and the network say.
#include <algorithm>
#include <numeric>

#include "nemesis/nemeses.h"
#include "tests/system/network.h"

namespace faultline::system_test {
namespace {

using Nodes = std::vector<std::size_t>;

std::unique_ptr<Nemesis> make(std::string_view name, std::string_view kind = {},
                              std::string_view clients = {}) {
  ConfigNode node;
  if (!kind.empty()) node.members.push_back({"kind", {}, ConfigNode::of(std::string(kind))});
  if (!clients.empty())
    node.members.push_back({"clients", {}, ConfigNode::of(std::string(clients))});
  Params params(node, "fault");
  const auto entry = find_entry(nemeses(), "fault", name);
  REQUIRE(entry);
  auto made = (*entry)->make(params);
  REQUIRE(made);
  require_ok(params.finish());
  return *std::move(made);
}

Nodes all(std::size_t count) {
  Nodes nodes(count);
  std::iota(nodes.begin(), nodes.end(), std::size_t{0});
  return nodes;
}

Attestation done(Result<Attestation> attestation) {
  if (!attestation) FAIL(attestation.error().what);
  return complete(*std::move(attestation));
}

void start_all(Cluster& cluster) {
  for (const Node& node : cluster.nodes()) require_ok(cluster.start(node.index));
}

bool all_in(Cluster& cluster, std::size_t node, std::string_view states) {
  const auto processes = cluster.processes(node);
  REQUIRE(processes);
  return !processes->empty() && std::ranges::all_of(*processes, [&](const ProcessInfo& p) {
    return states.find(p.state) != std::string_view::npos;
  });
}

/// Something arrives over it; that nothing does is known after a moment.
bool open(Cluster& cluster, std::size_t from, std::size_t to, milliseconds limit = patient) {
  const auto arrived = cluster.probe({from, to}, limit);
  REQUIRE(arrived);
  return *arrived;
}
bool is_cut(Cluster& cluster, std::size_t from, std::size_t to) {
  return !open(cluster, from, to, milliseconds(200));
}

TEST_CASE("kill and pause overlap on a real node, and every heal is attested") {
  Shells shells(3, "sleep 1001 & exec sleep 1002");
  Cluster& cluster = *shells.cluster;
  start_all(cluster);
  Levers levers(cluster);
  const auto kill = make("kill");
  const auto pause = make("pause");

  CHECK(done(pause->inject(levers, 1, Nodes{0, 1}, {}, Rng(1))).effective);
  CHECK(all_in(cluster, 0, "T"));
  CHECK(all_in(cluster, 2, "SRD"));
  CHECK(done(kill->inject(levers, 2, Nodes{0}, {}, Rng(1))).effective);
  CHECK(cluster.processes(0)->empty());
  CHECK_FALSE(done(kill->inject(levers, 3, Nodes{0}, {}, Rng(1))).effective);

  CHECK(done(kill->heal(levers, 2)).effective);
  CHECK(cluster.processes(0)->empty());  // Another fault holds it down.
  CHECK(done(kill->heal(levers, 3)).effective);
  CHECK(eventually([&] { return all_in(cluster, 0, "T"); }));  // Back, and paused.
  CHECK(done(pause->heal(levers, 1)).effective);
  CHECK(all_in(cluster, 0, "SRD"));
  CHECK(all_in(cluster, 1, "SRD"));
  CHECK(cluster.take_deaths().empty());
}

TEST_CASE("kill is attested as not healed when the store ends at once after its restart") {
  Shells shells(2);
  Cluster& cluster = *shells.cluster;
  start_all(cluster);
  Levers levers(cluster);
  const auto kill = make("kill");
  CHECK(done(kill->inject(levers, 1, Nodes{1}, {}, Rng(1))).effective);
  shells.argv = {"/bin/false"};
  // Whether heal looks before or after its end is a race; the end itself is always reported.
  done(kill->heal(levers, 1));
  CHECK(eventually([&] { return !cluster.take_deaths().empty(); }));
  CHECK_FALSE(done(kill->inject(levers, 2, Nodes{1}, {}, Rng(1))).effective);
}

TEST_CASE("every kind of partition is attested on real links, and nothing stays cut") {
  const LinksLever lever = each_lever();
  for (const std::size_t size : {std::size_t{4}, std::size_t{5}}) {
    Shells shells(size, lever);
    Cluster& cluster = *shells.cluster;
    Levers levers(cluster);
    for (const char* kind : {"halves", "majority-minority", "isolate-one", "isolate-leader",
                             "bridge", "majority-ring", "one-way", "clients"}) {
      CAPTURE(kind);
      const auto partition = make("partition", kind);
      require_ok(partition->available(cluster));
      const Attestation cut = done(partition->inject(levers, 1, all(size), Nodes{2}, Rng(size)));
      CHECK_MESSAGE(cut.effective, to_text(Value(cut.evidence)));
      for (std::size_t from = 0; from < size; ++from)
        for (std::size_t to = 0; to < size; ++to)
          if (from != to && !levers.is_cut({from, to})) CHECK(open(cluster, from, to));
      const Attestation healed = done(partition->heal(levers, 1));
      CHECK_MESSAGE(healed.effective, to_text(Value(healed.evidence)));
      CHECK(levers.cut_edges().empty());
    }
  }
}

TEST_CASE("clients stand on one side of a partition, and reach that side alone") {
  Shells shells(5, each_lever());
  Cluster& cluster = *shells.cluster;
  Levers levers(cluster);
  const auto partition = make("partition", "isolate-leader", "minority");
  const Attestation cut = done(partition->inject(levers, 1, all(5), Nodes{2}, Rng(1)));
  CHECK_MESSAGE(cut.effective, to_text(Value(cut.evidence)));
  for (std::size_t node = 0; node < 5; ++node) {
    CHECK((node == 2 ? open(cluster, clients_end, node) : is_cut(cluster, clients_end, node)));
    CHECK((node == 2 ? open(cluster, node, clients_end) : is_cut(cluster, node, clients_end)));
  }
  CHECK(open(cluster, 0, 4));
  CHECK(is_cut(cluster, 2, 4));
  CHECK(done(partition->heal(levers, 1)).effective);
  for (std::size_t node = 0; node < 5; ++node) CHECK(open(cluster, clients_end, node));
}

TEST_CASE("partitions overlap on real links, over nodes that are killed and paused") {
  Shells shells(5, each_lever());
  Cluster& cluster = *shells.cluster;
  start_all(cluster);
  Levers levers(cluster);
  const auto kill = make("kill"), pause = make("pause");
  const auto ring = make("partition", "majority-ring"), one = make("partition", "isolate-one");
  CHECK(done(kill->inject(levers, 1, Nodes{0}, {}, Rng(1))).effective);
  CHECK(done(pause->inject(levers, 2, Nodes{1}, {}, Rng(1))).effective);
  CHECK(done(ring->inject(levers, 3, all(5), {}, Rng(1))).effective);
  CHECK(done(one->inject(levers, 4, Nodes{0}, {}, Rng(1))).effective);
  CHECK(done(ring->heal(levers, 3)).effective);
  CHECK(levers.cut_edges().size() == 8);
  CHECK(is_cut(cluster, 0, 4));
  CHECK(open(cluster, 1, 4));
  CHECK(done(one->heal(levers, 4)).effective);
  CHECK(open(cluster, 0, 4));
  require_ok(levers.release_all());
  CHECK(all_in(cluster, 0, "SRD"));
  CHECK(all_in(cluster, 1, "SRD"));
}

TEST_CASE("a paused process still answers through its kernel, a paused machine does not") {
  Shells shells(3, each_lever());
  Cluster& cluster = *shells.cluster;
  start_all(cluster);
  Levers levers(cluster);
  const std::string address = cluster.nodes()[1].address;
  const auto process = make("pause", "process"), machine = make("pause", "machine");
  CHECK(done(process->inject(levers, 1, Nodes{1}, {}, Rng(1))).effective);
  CHECK(controller_reaches(address));
  const Attestation frozen = done(machine->inject(levers, 2, Nodes{1}, {}, Rng(1)));
  CHECK_MESSAGE(frozen.effective, to_text(Value(frozen.evidence)));
  CHECK_FALSE(controller_reaches(address, brief));
  CHECK(is_cut(cluster, 0, 1));
  CHECK(is_cut(cluster, 1, 2));
  CHECK(open(cluster, 0, 2));
  CHECK(done(machine->heal(levers, 2)).effective);
  CHECK(controller_reaches(address));
  CHECK(all_in(cluster, 1, "T"));  // The other still holds it.
  CHECK(done(process->heal(levers, 1)).effective);
  CHECK(all_in(cluster, 1, "SRD"));
}

TEST_CASE("peers of a killed node are told at once; those of a crashed one only after its return") {
  Shells shells(2, each_lever());
  Cluster& cluster = *shells.cluster;
  Levers levers(cluster);
  const auto kill = make("kill"), crash = make("crash");
  require_ok(crash->available(cluster));
  for (const std::string& address : {cluster.nodes()[1].address, cluster.nodes()[1].address6}) {
    if (address.empty()) continue;
    CAPTURE(address);
    {
      Talk talk(shells, address);
      CHECK(talk.progresses(patient));
      CHECK(done(kill->inject(levers, 1, Nodes{1}, {}, Rng(1))).effective);
      CHECK(eventually([&] { return cluster.processes(0)->empty(); }));
      (void)cluster.take_deaths();
    }
    shells.argv.clear();
    CHECK(done(kill->heal(levers, 1)).effective);
    require_ok(cluster.signal(1, SIGKILL));

    Talk talk(shells, address);
    CHECK(talk.progresses(patient));
    const Attestation crashed = done(crash->inject(levers, 2, Nodes{1}, {}, Rng(1)));
    CHECK_MESSAGE(crashed.effective, to_text(Value(crashed.evidence)));
    CHECK_FALSE(talk.progresses(milliseconds(300)));
    CHECK_FALSE(cluster.processes(0)->empty());  // It waits: nobody said a word.
    CHECK_FALSE(talk.was_reset());
    shells.argv.clear();  // What is restarted knows nothing of the connection.
    const Attestation healed = done(crash->heal(levers, 2));
    CHECK_MESSAGE(healed.effective, to_text(Value(healed.evidence)));
    CHECK(eventually([&] { return talk.was_reset(); }));
    (void)eventually([&] { return cluster.processes(0)->empty(); });
    (void)cluster.take_deaths();
  }
}

TEST_CASE("every fault at once on one node, healed in any order") {
  for (const std::size_t first : {0, 1, 2, 3}) {
    CAPTURE(first);
    Shells shells(3, LinksLever::iptables);
    Cluster& cluster = *shells.cluster;
    start_all(cluster);
    Levers levers(cluster);
    const std::vector<std::unique_ptr<Nemesis>> faults = [] {
      std::vector<std::unique_ptr<Nemesis>> made;
      made.push_back(make("pause", "machine"));
      made.push_back(make("crash"));
      made.push_back(make("partition", "isolate-one", "minority"));
      made.push_back(make("kill"));
      return made;
    }();
    for (std::size_t i = 0; i < faults.size(); ++i)
      done(faults[i]->inject(levers, static_cast<FaultId>(i + 1), Nodes{1}, {}, Rng(1)));
    CHECK(cluster.processes(1)->empty());
    for (std::size_t i = 0; i < faults.size(); ++i) {
      const std::size_t next = (first + i) % faults.size();
      const Attestation healed = done(faults[next]->heal(levers, static_cast<FaultId>(next + 1)));
      CHECK_MESSAGE(healed.effective, to_text(Value(healed.evidence)));
    }
    CHECK(levers.cut_edges().empty());
    for (std::size_t from = 0; from < 3; ++from) {
      CHECK(open(cluster, from, clients_end));
      CHECK(open(cluster, clients_end, from));
      CHECK(eventually([&] { return all_in(cluster, from, "SRD"); }));
    }
  }
}

// Distant machines, whose links are slow beside.
TEST_CASE(
    "partition, pause, slow packets and a clock overlap far away: heals let go at once, and are "
    "attested") {
  Shells shells(3, LinksLever::packet_switch);
  Cluster& cluster = *shells.cluster;
  start_all(cluster);
  LinkPolicies far;
  for (std::size_t from = 0; from < 3; ++from)
    for (std::size_t to = 0; to < 3; ++to)
      if (from != to) far.emplace(Edge{from, to}, LinkPolicy{.delay = milliseconds(250)});
  require_ok(cluster.packets()->set_nature(far));
  Levers levers(cluster);
  std::vector<std::unique_ptr<Nemesis>> faults;
  faults.push_back(make("packets", "slow"));
  faults.push_back(make("partition", "isolate-one"));
  faults.push_back(make("pause", "machine"));
  const bool has_clock = static_cast<bool>(cluster.clocks().usable());
  if (has_clock) faults.push_back(make("clock"));
  std::vector<Attestation> struck;
  for (std::size_t i = 0; i < faults.size(); ++i) {
    auto attestation = faults[i]->inject(levers, static_cast<FaultId>(i + 1), Nodes{1}, {}, Rng(1));
    REQUIRE_MESSAGE(attestation, (attestation ? "" : attestation.error().what));
    struck.push_back(complete(*std::move(attestation)));
    CHECK_MESSAGE(struck.back().effective, to_text(Value(struck.back().evidence)));
  }
  // All of them let go before the first is attested: no link passes a packet in so short a time.
  std::vector<Attestation> healing;
  for (std::size_t i = 0; i < faults.size(); ++i) {
    auto attestation = faults[i]->heal(levers, static_cast<FaultId>(i + 1));
    REQUIRE_MESSAGE(attestation, (attestation ? "" : attestation.error().what));
    healing.push_back(*std::move(attestation));
  }
  CHECK(levers.cut_edges().empty());
  CHECK(levers.policies().empty());
  CHECK(all_in(cluster, 1, "SRD"));
  for (Attestation& each : healing) {
    const Attestation healed = complete(std::move(each));
    CHECK_MESSAGE(healed.effective, to_text(Value(healed.evidence)));
  }
}

// The table of learned neighbours is shared by the whole machine and too small for fifty nodes.
TEST_CASE("every node knows its neighbours' hardware addresses for good") {
  Shells shells(3);
  CHECK(shells.output(1,
                      "while read -r ip type flags mac rest; do echo $ip $flags $mac; done "
                      "</proc/net/arp | tail -n +2 | sort") ==
        "10.88.0.1 0x6 02:58:00:00:00:01\n10.88.0.3 0x6 02:58:00:00:00:03\n");
}

TEST_CASE("fifty nodes are partitioned, attested and healed") {
  Shells shells(50);
  Levers levers(*shells.cluster);
  const auto partition = make("partition", "majority-ring");
  const auto began = std::chrono::steady_clock::now();
  const Attestation cut = done(partition->inject(levers, 1, all(50), {}, Rng(1)));
  CHECK_MESSAGE(cut.effective, to_text(Value(cut.evidence)));
  CHECK(done(partition->heal(levers, 1)).effective);
  const auto took = std::chrono::steady_clock::now() - began;
  MESSAGE("50 nodes: ", std::chrono::duration_cast<std::chrono::milliseconds>(took).count(), " ms");
}

}  // namespace
}  // namespace faultline::system_test
