#include "nemesis/grudge.h"

#include <algorithm>
#include <map>
#include <numeric>

#include <doctest/doctest.h>

namespace faultline {
namespace {

using Nodes = std::vector<std::size_t>;

Nodes numbers(std::size_t count) {
  Nodes nodes(count);
  std::iota(nodes.begin(), nodes.end(), std::size_t{0});
  return nodes;
}

Grudge chosen(PartitionKind kind, std::size_t nodes, std::uint64_t seed, Nodes victims = {},
              Nodes leaders = {}, std::optional<bool> unheard = {}) {
  Rng rng(seed);
  if (victims.empty()) victims = numbers(nodes);
  const auto grudge = choose_grudge({kind, nodes, victims, leaders, unheard}, rng);
  REQUIRE(grudge);
  return *grudge;
}

/// Nodes whose frames `node` gets, itself included.
std::set<std::size_t> heard_by(std::size_t node, std::size_t nodes, const Grudge& cut) {
  std::set<std::size_t> heard;
  for (std::size_t other = 0; other < nodes; ++other)
    if (!cut.contains({other, node})) heard.insert(other);
  return heard;
}

bool symmetric(const Grudge& cut) {
  return std::ranges::all_of(cut, [&](const Edge& e) { return cut.contains({e.to, e.from}); });
}

std::vector<std::size_t> sizes(std::size_t nodes, const Grudge& cut) {
  std::vector<std::size_t> result;
  for (const Nodes& component : components(nodes, cut)) result.push_back(component.size());
  std::ranges::sort(result);
  return result;
}

/// Calls `test(n, seed)` for clusters of all sizes that matter.
template <typename Test>
void for_clusters(std::size_t nodes_from, Test test) {
  for (std::size_t n = nodes_from; n <= 13; ++n)
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      CAPTURE(n);
      CAPTURE(seed);
      test(n, seed);
    }
}

TEST_CASE("grudge: clients hear and are heard as a node of their side is") {
  for (const PartitionKind kind :
       {PartitionKind::halves, PartitionKind::majority_minority, PartitionKind::isolate_one,
        PartitionKind::isolate_leader, PartitionKind::bridge, PartitionKind::one_way})
    for_clusters(3, [&](std::size_t n, std::uint64_t seed) {
      REQUIRE(has_sides(kind));
      const auto with = [&](ClientsSide side) {
        Rng rng(seed);
        const Nodes victims = numbers(n), leaders = {1};
        GrudgeChoice choice{kind, n, victims, leaders, {}};
        choice.clients_side = side;
        return *choose_grudge(choice, rng);
      };
      const Grudge nodes_only = with(ClientsSide::everywhere);
      std::vector<std::size_t> reached;
      for (const ClientsSide side : {ClientsSide::majority, ClientsSide::minority}) {
        const Grudge cut = with(side);
        CHECK(std::ranges::includes(cut, nodes_only));  // The nodes' own links are the same.
        // Some node is cut exactly as the clients are.
        std::size_t twins = 0;
        std::size_t unheard = 0;
        for (std::size_t node = 0; node < n; ++node) {
          bool same = true;
          for (std::size_t other = 0; other < n; ++other)
            same &= cut.contains({other, node}) == cut.contains({other, clients_end}) &&
                    cut.contains({node, other}) == cut.contains({clients_end, other});
          twins += same;
          unheard += cut.contains({node, clients_end}) || cut.contains({clients_end, node});
        }
        CHECK(twins > 0);
        CHECK(unheard > 0);
        CHECK(unheard < n);
        reached.push_back(n - unheard);
      }
      CHECK(reached[0] >= reached[1]);  // A majority is not smaller than a minority.
    });
}

TEST_CASE("grudge: kind clients cuts the victims from the clients, and no node from another") {
  const Nodes victims = {1, 2};
  const auto cut = [&](ClientsLoss loss) {
    Rng rng(1);
    GrudgeChoice choice{PartitionKind::clients, 4, victims, {}, {}};
    choice.clients_loss = loss;
    return *choose_grudge(choice, rng);
  };
  CHECK(cut(ClientsLoss::requests) == Grudge{{clients_end, 1}, {clients_end, 2}});
  CHECK(cut(ClientsLoss::answers) == Grudge{{1, clients_end}, {2, clients_end}});
  CHECK(cut(ClientsLoss::both).size() == 4);
}

TEST_CASE("grudge: halves are two components, as equal as can be, cut both ways") {
  for_clusters(2, [](std::size_t n, std::uint64_t seed) {
    const Grudge cut = chosen(PartitionKind::halves, n, seed);
    CHECK(symmetric(cut));
    CHECK(sizes(n, cut) == Nodes{n / 2, n - n / 2});
    CHECK(cut.size() == 2 * (n / 2) * (n - n / 2));
  });
}

TEST_CASE("grudge: majority-minority leaves a strict majority, and every seed its own") {
  std::set<Grudge> different;
  for_clusters(3, [&](std::size_t n, std::uint64_t seed) {
    const Grudge cut = chosen(PartitionKind::majority_minority, n, seed);
    CHECK(symmetric(cut));
    const Nodes found = sizes(n, cut);
    REQUIRE(found.size() == 2);
    CHECK(2 * found[1] > n);
    CHECK(found[0] == std::max<std::size_t>(1, (n - 1) / 2));
    if (n == 5) different.insert(cut);
  });
  CHECK(different.size() > 5);
}

TEST_CASE("grudge: majority-minority takes given victims as one side") {
  CHECK(chosen(PartitionKind::majority_minority, 5, 1, {1, 3}) ==
        cut_between(std::vector<Nodes>{{1, 3}, {0, 2, 4}}));
  CHECK(chosen(PartitionKind::majority_minority, 5, 1, {0, 1, 2}) ==
        cut_between(std::vector<Nodes>{{3, 4}, {0, 1, 2}}));
  Rng rng(1);
  const Nodes half = {0, 1};
  const auto refused = choose_grudge({PartitionKind::majority_minority, 4, half, {}, {}}, rng);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::usage);
}

TEST_CASE("grudge: isolate-one cuts one of the victims from all others, and nothing else") {
  for_clusters(2, [](std::size_t n, std::uint64_t seed) {
    const Nodes victims = {n - 2, n - 1};
    const Grudge cut = chosen(PartitionKind::isolate_one, n, seed, n > 2 ? victims : Nodes{});
    CHECK(symmetric(cut));
    CHECK(cut.size() == 2 * (n - 1));
    CHECK(sizes(n, cut) == Nodes{1, n - 1});
    const bool last_alone = heard_by(n - 1, n, cut).size() == 1;
    const bool one_before_alone = heard_by(n - 2, n, cut).size() == 1;
    CHECK((last_alone || one_before_alone));
  });
}

TEST_CASE("grudge: isolate-leader cuts the leader given; two leaders are each alone") {
  const Grudge one = chosen(PartitionKind::isolate_leader, 5, 1, {}, {3});
  CHECK(heard_by(3, 5, one) == std::set<std::size_t>{3});
  CHECK(heard_by(0, 5, one) == std::set<std::size_t>{0, 1, 2, 4});
  const Grudge two = chosen(PartitionKind::isolate_leader, 5, 1, {}, {0, 3});
  CHECK(sizes(5, two) == Nodes{1, 1, 3});
  Rng rng(1);
  const Nodes all = numbers(5);
  const auto none = choose_grudge({PartitionKind::isolate_leader, 5, all, {}, {}}, rng);
  REQUIRE_FALSE(none);
  CHECK(none.error().what == "no node said that it leads");
}

TEST_CASE("grudge: exactly one node reaches both halves of a bridge") {
  for_clusters(3, [](std::size_t n, std::uint64_t seed) {
    const Nodes victims = {n - 1};
    const Grudge cut = chosen(PartitionKind::bridge, n, seed, seed % 2 == 0 ? victims : Nodes{});
    CHECK(symmetric(cut));
    std::map<std::size_t, std::size_t> seen_by_size;
    std::size_t reach_all = 0;
    for (std::size_t node = 0; node < n; ++node) {
      const std::size_t heard = heard_by(node, n, cut).size();
      ++seen_by_size[heard];
      if (heard == n) {
        ++reach_all;
        if (seed % 2 == 0) CHECK(node == n - 1);
      }
    }
    CHECK(reach_all == 1);
    // The smaller half with the bridge, and what is left of the larger with it.
    const std::size_t small = n / 2, large = n - small - 1;
    std::map<std::size_t, std::size_t> expected;
    expected[n] += 1;
    expected[small + 1] += small;
    expected[large + 1] += large;
    CHECK(seen_by_size == expected);
  });
}

TEST_CASE("grudge: in a majority ring every node sees a majority, no two the same") {
  for_clusters(4, [](std::size_t n, std::uint64_t seed) {
    const Grudge cut = chosen(PartitionKind::majority_ring, n, seed);
    CHECK(symmetric(cut));
    const std::size_t majority = n / 2 + 1;
    // A smallest majority each, but where an odd number of nodes would need an odd number of links.
    const bool possible = n % 2 == 0 || (majority - 1) % 2 == 0;
    std::set<std::set<std::size_t>> seen;
    for (std::size_t node = 0; node < n; ++node) {
      const auto heard = heard_by(node, n, cut);
      CHECK(heard.size() == majority + (possible ? 0 : 1));
      CHECK(heard.size() < n);
      seen.insert(heard);
    }
    CHECK(seen.size() == n);
    CHECK(components(n, cut).size() == 1);
  });
}

TEST_CASE("grudge: the majority ring of five is Jepsen's") {
  const Grudge ring = majority_ring(Nodes{0, 1, 2, 3, 4});
  CHECK(heard_by(0, 5, ring) == std::set<std::size_t>{4, 0, 1});
  CHECK(heard_by(3, 5, ring) == std::set<std::size_t>{2, 3, 4});
}

TEST_CASE("grudge: one-way cuts one direction between a minority and a majority") {
  bool both[2] = {false, false};
  for_clusters(2, [&](std::size_t n, std::uint64_t seed) {
    const Grudge cut = chosen(PartitionKind::one_way, n, seed);
    const std::size_t small = std::max<std::size_t>(1, (n - 1) / 2);
    CHECK(cut.size() == small * (n - small));
    for (const Edge& edge : cut) CHECK_FALSE(cut.contains({edge.to, edge.from}));
    std::size_t deaf = 0;  // Nodes that miss somebody.
    for (std::size_t node = 0; node < n; ++node) deaf += heard_by(node, n, cut).size() < n ? 1 : 0;
    CHECK((deaf == small || deaf == n - small));
    if (n == 5) both[deaf == small ? 0 : 1] = true;
  });
  CHECK((both[0] && both[1]));
}

TEST_CASE("grudge: one-way takes its direction and its victims") {
  const Nodes minority = {4}, majority = {0, 1, 2, 3};
  CHECK(chosen(PartitionKind::one_way, 5, 1, {4}, {}, true) == cut_one_way(minority, majority));
  CHECK(chosen(PartitionKind::one_way, 5, 1, {4}, {}, false) == cut_one_way(majority, minority));
  CHECK(chosen(PartitionKind::one_way, 5, 1, {0, 1, 2, 3}, {}, true) ==
        cut_one_way(minority, majority));
}

TEST_CASE("grudge: same seed, same choice") {
  for (std::size_t kind = 0; kind < partition_kind_names().size(); ++kind)
    CHECK(chosen(static_cast<PartitionKind>(kind), 7, 5, {}, {2}) ==
          chosen(static_cast<PartitionKind>(kind), 7, 5, {}, {2}));
}

TEST_CASE("components: bidirectional reachability, through others as well") {
  CHECK(components(4, {}) == std::vector<Nodes>{{0, 1, 2, 3}});
  CHECK(components(3, {{0, 2}, {2, 0}}) == std::vector<Nodes>{{0, 1, 2}});
  // One direction is enough to part two nodes.
  CHECK(components(2, {{0, 1}}) == std::vector<Nodes>{{0}, {1}});
  CHECK(components(5, cut_between(std::vector<Nodes>{{0, 3}, {1, 4}, {2}})) ==
        std::vector<Nodes>{{0, 3}, {1, 4}, {2}});
}

}  // namespace
}  // namespace faultline
