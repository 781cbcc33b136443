// partition: cuts links between nodes, all in one step. Clients still reach every node unless the
// configuration says on which side they stand (`clients`, `kind: clients`, or in `groups`).
// "Clients" are the controller and all client machines; `groups` may name machines of them by
// themselves.
//
// Attested by packets, never by the rules' text: one datagram is sent over every link that was cut,
// whose own drop counter must rise, and one inside every component, which must arrive. The counters
// at the time of heal tell how much of the store's own traffic met the cut.
#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "harness/core/check.h"
#include "nemesis/attest.h"
#include "nemesis/by_hand.h"
#include "nemesis/cut_links.h"
#include "nemesis/grudge.h"
#include "nemesis/nemeses.h"

namespace faultline {
namespace {

constexpr std::array<std::string_view, 3> directions = {"random", "minority-unheard",
                                                        "majority-unheard"};

constexpr std::string_view clients_word = "clients";

struct Settings {
  PartitionKind kind = PartitionKind::halves;
  std::string_view direction = directions[0];
  ClientsSide clients = ClientsSide::everywhere;
  ClientsLoss loss = ClientsLoss::both;
  std::vector<std::vector<std::string>> groups;
  std::chrono::nanoseconds within{};
};

/// The word of an enumeration's value.
template <typename Enum>
std::string_view name_of(std::span<const std::string_view> names, Enum value) {
  return names[static_cast<std::size_t>(value)];
}

/// A choice of words that are in the order of their enumeration.
template <typename Enum>
Enum choose(Params& params, std::string_view key, std::span<const std::string_view> names) {
  const std::string word = params.choice(key, names[0], names);
  return static_cast<Enum>(std::ranges::find(names, word) - names.begin());
}

using Groups = std::vector<std::vector<std::string>>;

List groups_value(const Groups& groups) {
  List lists;
  for (const auto& group : groups) lists.emplace_back(List(group.begin(), group.end()));
  return lists;
}

/// `groups: [[n1, clients], [n2, n3]]`; whether the nodes exist is known later.
Groups read_groups(Params& params) {
  const ConfigNode* node = params.node("groups");
  constexpr const char* expected =
      "expected two or more lists of nodes, as in [[n1, n2, clients], [n3]]; a node, a client "
      "machine or \"clients\" stands in one of them at most";
  Groups groups;
  std::set<std::string> seen;
  bool good = node != nullptr && node->kind == ConfigNode::Kind::sequence && node->items.size() > 1;
  for (const ConfigNode& item : good ? node->items : std::vector<ConfigNode>{}) {
    std::vector<std::string>& group = groups.emplace_back();
    good &= item.kind == ConfigNode::Kind::sequence && !item.items.empty();
    for (const ConfigNode& name : item.items) {
      good &= name.kind == ConfigNode::Kind::scalar && seen.insert(name.scalar).second;
      group.push_back(name.scalar);
    }
  }
  if (!good) params.fail("groups", expected);
  params.set_resolved("groups", groups_value(groups));
  return groups;
}

/// By index; "clients" is clients_end.
Result<std::vector<std::vector<std::size_t>>> resolve_groups(const Groups& groups,
                                                             const Cluster& cluster) {
  std::vector<std::vector<std::size_t>> resolved;
  for (const auto& group : groups) {
    auto& members = resolved.emplace_back();
    for (const std::string& name : group) {
      std::size_t index = 0;
      while (index < machine_count(cluster) && machine_of(cluster, index).name != name) ++index;
      if (index == machine_count(cluster) && name != clients_word) {
        std::string expected = "n1 to " + cluster.nodes().back().name + ", ";
        if (!cluster.clients().empty()) expected += "c1 to " + cluster.clients().back().name + ", ";
        return Error{"partition groups: there is no machine " + name + "; expected " + expected +
                         "or clients" +
                         (cluster.clients().empty()
                              ? " (with clients: separate, machines of them are c1, c2 …)"
                              : ""),
                     ErrorKind::usage};
      }
      members.push_back(name == clients_word ? clients_end : index);
    }
  }
  return resolved;
}

bool is_client(const Cluster& cluster, std::size_t end) { return end >= cluster.nodes().size(); }

/// What stands for the clients stands for every client machine that the groups do not name. Clients
/// do not speak to each other, so that nothing need be cut between them.
Grudge with_client_machines(const Grudge& grudge, const Groups& groups, const Cluster& cluster) {
  std::vector<std::size_t> meant = {clients_end};
  for (const Node& client : cluster.clients())
    if (std::ranges::none_of(groups, [&](const auto& group) {
          return std::ranges::find(group, client.name) != group.end();
        }))
      meant.push_back(client.index);
  const auto ends = [&](std::size_t end) {
    return end == clients_end ? meant : std::vector<std::size_t>{end};
  };
  Grudge all;
  for (const Edge& edge : grudge) {
    if (is_client(cluster, edge.from) && is_client(cluster, edge.to)) continue;
    for (const std::size_t from : ends(edge.from))
      for (const std::size_t to : ends(edge.to)) all.insert({from, to});
  }
  return all;
}

class Partition : public Nemesis {
 public:
  explicit Partition(Settings settings) : settings_(std::move(settings)) {}

  std::string_view name() const override { return "partition"; }
  std::string_view default_victims() const override {
    return settings_.kind == PartitionKind::clients ? "one" : "all";
  }
  bool needs_leader() const override { return settings_.kind == PartitionKind::isolate_leader; }
  Map parameters() const override {
    Map parameters = {{"kind", std::string(kind_name())}};
    if (settings_.kind == PartitionKind::one_way)
      parameters.emplace_back("direction", std::string(settings_.direction));
    if (settings_.kind == PartitionKind::clients)
      parameters.emplace_back("lost", std::string(name_of(clients_loss_names(), settings_.loss)));
    if (settings_.clients != ClientsSide::everywhere)
      parameters.emplace_back("clients",
                              std::string(name_of(clients_side_names(), settings_.clients)));
    if (!settings_.groups.empty())
      parameters.emplace_back("groups", groups_value(settings_.groups));
    return parameters;
  }

  Status available(const Cluster& cluster) const override {
    const std::size_t needed = nodes_min(settings_.kind), have = cluster.nodes().size();
    if (const auto groups = resolve_groups(settings_.groups, cluster); !groups)
      return groups.error();
    if (have >= needed) return cluster.can_cut();
    return Error{"partition " + std::string(kind_name()) + " needs at least " +
                     std::to_string(needed) + " nodes, the cluster has " + std::to_string(have) +
                     "; use more nodes, or kind: isolate-one",
                 ErrorKind::usage};
  }

  Result<Attestation> inject(Levers& levers, FaultId id, std::span<const std::size_t> victims,
                             std::span<const std::size_t> leaders, Rng rng) override {
    const auto recalled = recalled_.find(id);
    auto grudge = recalled != recalled_.end() ? Result<Grudge>(recalled->second)
                                              : draw(levers.cluster(), victims, leaders, rng);
    if (!grudge) {
      if (grudge.error().kind == ErrorKind::usage) return grudge.error();
      return Attestation{false, {{"reason", grudge.error().what}}};
    }
    std::vector<Edge>& cut = cuts_[id];
    cut.assign(grudge->begin(), grudge->end());
    if (const Status held = levers.hold_cut(id, cut); !held) return held.error();

    Attestation attestation{true, {{"links", cut.size()}, {"cut", all_links(levers, cut)}}};
    if (const Status blocked = attest_blocked(levers, cut, settings_.within, attestation); !blocked)
      return blocked.error();
    attest_open_inside(levers, attestation);
    return attestation;
  }

  Result<ByHand> by_hand(const Cluster& cluster, std::span<const std::size_t> victims,
                         std::span<const std::size_t> leaders, Rng rng) const override {
    const auto grudge = draw(cluster, victims, leaders, rng);
    if (!grudge) return grudge.error();
    return cut_by_hand(cluster, std::vector<Edge>(grudge->begin(), grudge->end()));
  }

  Status recall(FaultId id, const Map& evidence, std::span<const std::string> machines) override {
    const auto grudge = read_links(evidence, "cut", machines);
    if (!grudge) return grudge.error();
    // Without one it cut nothing, as when nobody led: then it is drawn as it was.
    if (*grudge) recalled_[id] = **grudge;
    return Ok{};
  }

  Result<Attestation> heal(Levers& levers, FaultId id) override {
    Attestation attestation{true, {}};
    std::vector<Edge>& cut = cuts_[id];
    tell_drops(levers, cut, attestation);
    if (const Status released = levers.release(id); !released) return released.error();
    attest_open(levers, cut, settings_.within, attestation);
    cut.clear();
    return attestation;
  }

 private:
  std::string_view kind_name() const { return name_of(partition_kind_names(), settings_.kind); }

  Result<Grudge> draw(const Cluster& cluster, std::span<const std::size_t> victims,
                      std::span<const std::size_t> leaders, Rng& rng) const {
    GrudgeChoice choice{settings_.kind, cluster.nodes().size(), victims, leaders, {}};
    if (settings_.direction != directions[0])
      choice.minority_unheard = settings_.direction == directions[1];
    choice.clients_side = settings_.clients;
    choice.clients_loss = settings_.loss;
    const auto groups = resolve_groups(settings_.groups, cluster);
    if (!groups) return groups.error();
    choice.groups = *groups;
    auto grudge = choose_grudge(choice, rng);
    if (grudge) *grudge = with_client_machines(*grudge, settings_.groups, cluster);
    return grudge;
  }

  /// Inside every component of what is cut now, by this fault and others, one datagram arrives.
  void attest_open_inside(Levers& levers, Attestation& attestation) const {
    const Grudge cut = levers.cut_edges();
    std::vector<Edge> links;
    for (const auto& component : components(levers.cluster().nodes().size(), cut))
      if (component.size() > 1) links.push_back(open_edge(component, cut));
    for (const Edge& edge : open_to_clients(levers.cluster(), cut)) links.push_back(edge);
    const auto trial = std::make_shared<LinkTrial>(levers, links, settings_.within);
    attestation.rest = [trial, &levers](Attestation& told) {
      if (!trial->step()) return false;
      List lost;
      for (const Edge& link : trial->unreached()) lost.emplace_back(link_name(levers, link));
      if (!lost.empty()) told.effective = false;
      told.evidence.emplace_back("open", Map{{"probed", trial->size()}, {"lost", std::move(lost)}});
      tell_failure(*trial, told);
      return true;
    };
    (void)is_complete(attestation);  // It sends the probes.
  }

  /// For each end of clients that is cut from some nodes, a link to one with which it speaks.
  static std::vector<Edge> open_to_clients(const Cluster& cluster, const Grudge& cut) {
    std::set<std::size_t> ends;
    for (const Edge& edge : cut)
      for (const std::size_t end : {edge.from, edge.to})
        if (is_client(cluster, end)) ends.insert(end);
    std::vector<Edge> open;
    for (const std::size_t end : ends)
      for (std::size_t node = 0; node < cluster.nodes().size(); ++node)
        if (!cut.contains({end, node}) && !cut.contains({node, end})) {
          open.push_back({end, node});
          break;
        }
    return open;
  }

  static Edge open_edge(std::span<const std::size_t> component, const Grudge& cut) {
    for (const std::size_t to : component.subspan(1))
      if (!cut.contains({component[0], to}) && !cut.contains({to, component[0]}))
        return {component[0], to};
    FAULTLINE_CHECK(false && "a component of two has an open link at each of its nodes");
  }

  Settings settings_;
  std::map<FaultId, std::vector<Edge>> cuts_;
  std::map<FaultId, Grudge> recalled_;
};

}  // namespace

Result<std::unique_ptr<Nemesis>> make_partition(Params& params) {
  Settings settings;
  settings.kind = choose<PartitionKind>(params, "kind", partition_kind_names());
  if (settings.kind == PartitionKind::one_way) {
    const std::string direction = params.choice("direction", directions[0], directions);
    settings.direction = *std::ranges::find(directions, direction);
  }
  if (settings.kind == PartitionKind::clients)
    settings.loss = choose<ClientsLoss>(params, "lost", clients_loss_names());
  if (settings.kind == PartitionKind::groups) settings.groups = read_groups(params);
  if (has_sides(settings.kind))
    settings.clients = choose<ClientsSide>(params, "clients", clients_side_names());
  settings.within = attest_within(params);
  return std::unique_ptr<Nemesis>(std::make_unique<Partition>(settings));
}

}  // namespace faultline
