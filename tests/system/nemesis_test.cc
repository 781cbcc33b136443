// The faults on a real cluster: what they attest is so, as /proc and the network say.
#include <algorithm>
#include <numeric>

#include "nemesis/nemeses.h"
#include "tests/system/fixture.h"

namespace faultline::system_test {
namespace {

using Nodes = std::vector<std::size_t>;

std::unique_ptr<Nemesis> make(std::string_view name, std::string_view kind = {}) {
  ConfigNode node;
  if (!kind.empty()) node.members.push_back({"kind", {}, ConfigNode::of(std::string(kind))});
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
  return *std::move(attestation);
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

bool open(Cluster& cluster, std::size_t from, std::size_t to) {
  const auto arrived = cluster.probe({from, to}, std::chrono::milliseconds(200));
  REQUIRE(arrived);
  return *arrived;
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
  for (const std::size_t size : {std::size_t{4}, std::size_t{5}}) {
    Shells shells(size);
    Cluster& cluster = *shells.cluster;
    Levers levers(cluster);
    for (const char* kind : {"halves", "majority-minority", "isolate-one", "isolate-leader",
                             "bridge", "majority-ring", "one-way"}) {
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

TEST_CASE("partitions overlap on real links, over nodes that are killed and paused") {
  Shells shells(5);
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
  CHECK_FALSE(open(cluster, 0, 4));
  CHECK(open(cluster, 1, 4));
  CHECK(done(one->heal(levers, 4)).effective);
  CHECK(open(cluster, 0, 4));
  require_ok(levers.release_all());
  CHECK(all_in(cluster, 0, "SRD"));
  CHECK(all_in(cluster, 1, "SRD"));
}

// The table of learned neighbours is shared by the whole machine and too small for fifty nodes.
TEST_CASE("every node knows its neighbours' hardware addresses for good") {
  Shells shells(3);
  CHECK(shells.output(1,
                      "while read -r ip type flags mac rest; do echo $ip $flags $mac; done "
                      "</proc/net/arp | tail -n +2 | sort") ==
        "10.88.0.1 0x6 02:58:00:00:00:01\n10.88.0.3 0x6 02:58:00:00:00:03\n");
}

TEST_CASE("fifty nodes are partitioned, attested and healed within a second") {
  Shells shells(50);
  Levers levers(*shells.cluster);
  const auto partition = make("partition", "majority-ring");
  const auto began = std::chrono::steady_clock::now();
  const Attestation cut = done(partition->inject(levers, 1, all(50), {}, Rng(1)));
  CHECK_MESSAGE(cut.effective, to_text(Value(cut.evidence)));
  CHECK(done(partition->heal(levers, 1)).effective);
  const auto took = std::chrono::steady_clock::now() - began;
  MESSAGE("50 nodes: ", std::chrono::duration_cast<std::chrono::milliseconds>(took).count(), " ms");
  CHECK(took < std::chrono::seconds(1));
}

}  // namespace
}  // namespace faultline::system_test
