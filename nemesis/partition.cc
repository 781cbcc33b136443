// partition: cuts links between nodes, all in one atomic step. Clients still reach every node.
//
// Attested by packets, never by the rules' text: one datagram is sent over every link that was cut,
// whose own drop counter must rise, and one inside every component, which must arrive. The counters
// at the time of heal tell how much of the store's own traffic met the cut.
#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "harness/core/check.h"
#include "nemesis/attest.h"
#include "nemesis/grudge.h"
#include "nemesis/nemeses.h"

namespace faultline {
namespace {

constexpr std::array<std::string_view, 3> directions = {"random", "minority-unheard",
                                                        "majority-unheard"};

constexpr std::chrono::milliseconds resend_after{100};

struct Settings {
  PartitionKind kind = PartitionKind::halves;
  std::string_view direction = directions[0];
  std::chrono::nanoseconds within{};
};

std::string link_name(Levers& levers, const Edge& edge) {
  return node_name(levers, edge.from) + ">" + node_name(levers, edge.to);
}

/// {"n1>n3": 41, …}, at most evidence_items_max of them.
Map named_counters(Levers& levers, std::span<const Edge> edges,
                   std::span<const std::uint64_t> counters) {
  Map named;
  for (std::size_t i = 0; i < std::min(edges.size(), evidence_items_max); ++i)
    named.emplace_back(link_name(levers, edges[i]), counters[i]);
  return named;
}

/// [["n1", "n3"], …]: what was done, not evidence of it, and therefore never shortened.
List all_links(Levers& levers, std::span<const Edge> edges) {
  List names;
  for (const Edge& edge : edges)
    names.emplace_back(List{node_name(levers, edge.from), node_name(levers, edge.to)});
  return names;
}
List named_links(Levers& levers, std::span<const Edge> edges) {
  return all_links(levers, edges.first(std::min(edges.size(), evidence_items_max)));
}

/// The links of all_links(), in the evidence's "cut"; nothing if there is no "cut".
Result<std::optional<Grudge>> read_grudge(const Map& evidence, std::span<const std::string> nodes) {
  const auto cut = std::ranges::find(evidence, "cut", &Map::value_type::first);
  if (cut == evidence.end()) return std::optional<Grudge>();
  const Error malformed{"cut: expected the links that were cut, like [[\"n1\", \"n2\"]]",
                        ErrorKind::usage};
  if (cut->second.list() == nullptr) return malformed;
  const auto index_of = [&](const Value& name) {
    const auto at =
        std::ranges::find_if(nodes, [&](const std::string& node) { return name == Value(node); });
    return static_cast<std::size_t>(at - nodes.begin());
  };
  Grudge grudge;
  for (const Value& link : *cut->second.list()) {
    if (link.list() == nullptr || link.list()->size() != 2) return malformed;
    const Edge edge{index_of(link.list()->front()), index_of(link.list()->back())};
    if (edge.from >= nodes.size() || edge.to >= nodes.size() || edge.from == edge.to)
      return malformed;
    grudge.insert(edge);
  }
  const auto links = std::ranges::find(evidence, "links", &Map::value_type::first);
  if (links == evidence.end() || !(links->second == Value(grudge.size()))) return malformed;
  return std::optional(std::move(grudge));
}

class Partition : public Nemesis {
 public:
  explicit Partition(Settings settings) : settings_(settings) {}

  std::string_view name() const override { return "partition"; }
  std::string_view default_victims() const override { return "all"; }
  bool needs_leader() const override { return settings_.kind == PartitionKind::isolate_leader; }
  Map parameters() const override {
    Map parameters = {{"kind", std::string(kind_name())}};
    if (settings_.kind == PartitionKind::one_way)
      parameters.emplace_back("direction", std::string(settings_.direction));
    return parameters;
  }

  Status available(const Cluster& cluster) const override {
    const std::size_t needed = nodes_min(settings_.kind), have = cluster.nodes().size();
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
                                              : draw(levers, victims, leaders, rng);
    if (!grudge) {
      if (grudge.error().kind == ErrorKind::usage) return grudge.error();
      return Attestation{false, {{"reason", grudge.error().what}}};
    }
    std::vector<Edge>& cut = cuts_[id];
    cut.assign(grudge->begin(), grudge->end());
    if (const Status held = levers.hold_cut(id, cut); !held) return held.error();

    Attestation attestation{true, {{"links", cut.size()}, {"cut", all_links(levers, cut)}}};
    if (const Status blocked = attest_blocked(levers, cut, attestation); !blocked)
      return blocked.error();
    if (const Status open = attest_open_inside(levers, attestation); !open) return open.error();
    return attestation;
  }

  Status recall(FaultId id, const Map& evidence, std::span<const std::string> nodes) override {
    const auto grudge = read_grudge(evidence, nodes);
    if (!grudge) return grudge.error();
    // Without one it cut nothing, as when nobody led: then it is drawn as it was.
    if (*grudge) recalled_[id] = **grudge;
    return Ok{};
  }

  Result<Attestation> heal(Levers& levers, FaultId id) override {
    Attestation attestation{true, {}};
    std::vector<Edge>& cut = cuts_[id];
    // A heal that a failed injection asks for has perhaps nothing to count: not an error of heal.
    if (const auto drops = levers.cluster().drops(cut); drops && !cut.empty()) {
      std::uint64_t total = 0;
      for (const std::uint64_t count : *drops) total += count;
      attestation.evidence.emplace_back("drops", named_counters(levers, cut, *drops));
      attestation.evidence.emplace_back("dropped", total);
    }
    if (const Status released = levers.release(id); !released) return released.error();

    List unreached;
    std::size_t probed = 0, held = 0;
    const auto deadline = std::chrono::steady_clock::now() + settings_.within;
    for (const Edge& edge : cut) {
      if (levers.is_cut(edge)) {
        ++held;
        continue;
      }
      if (probed == evidence_items_max) continue;
      ++probed;
      const auto arrived = levers.cluster().probe(edge, left_until(deadline));
      if (!arrived) return arrived.error();
      if (!*arrived) unreached.emplace_back(link_name(levers, edge));
    }
    attestation.evidence.emplace_back("probed", probed);
    if (held > 0) attestation.evidence.emplace_back("held_by_others", held);
    attestation.evidence.emplace_back("probe", unreached.empty() ? "passed" : "lost");
    if (!unreached.empty()) {
      attestation.effective = false;
      attestation.evidence.emplace_back("unreached", std::move(unreached));
    }
    cut.clear();
    return attestation;
  }

 private:
  std::string_view kind_name() const {
    return partition_kind_names()[static_cast<std::size_t>(settings_.kind)];
  }
  Result<Grudge> draw(Levers& levers, std::span<const std::size_t> victims,
                      std::span<const std::size_t> leaders, Rng& rng) const {
    GrudgeChoice choice{settings_.kind, levers.cluster().nodes().size(), victims, leaders, {}};
    if (settings_.direction != directions[0])
      choice.minority_unheard = settings_.direction == directions[1];
    return choose_grudge(choice, rng);
  }

  /// For probes that share one limit: forty links that pass nothing must not take forty times as
  /// long, for the next fault and the next heal wait meanwhile.
  static std::chrono::milliseconds left_until(std::chrono::steady_clock::time_point deadline) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
    return std::max(left, std::chrono::milliseconds(1));
  }

  /// A datagram over every cut link, after the cut: its own counter must rise.
  Status attest_blocked(Levers& levers, std::span<const Edge> cut, Attestation& attestation) {
    Cluster& cluster = levers.cluster();
    const auto before = cluster.drops(cut);
    if (!before) return before.error();
    std::vector<std::uint64_t> after = *before;
    auto next_sending = std::chrono::steady_clock::now();
    const auto rose = await(settings_.within, [&]() -> Result<bool> {
      // Once each, and again where a datagram was lost on its way to the link, as while a crowded
      // neighbour table is looked up.
      if (std::chrono::steady_clock::now() >= next_sending) {
        for (std::size_t i = 0; i < cut.size(); ++i)
          if (after[i] <= (*before)[i])
            if (const Status sent = cluster.send_probe(cut[i]); !sent)
              return Error{"probe " + link_name(levers, cut[i]) + ": " + sent.error().what};
        next_sending = std::chrono::steady_clock::now() + resend_after;
      }
      auto now = cluster.drops(cut);
      if (!now) return now.error();
      after = *std::move(now);
      return std::ranges::equal(after, *before, std::ranges::greater{});
    });
    if (!rose) return rose.error();
    for (std::size_t i = 0; i < cut.size(); ++i) after[i] -= std::min(after[i], (*before)[i]);

    attestation.evidence.emplace_back("drops", named_counters(levers, cut, after));
    attestation.evidence.emplace_back("probe", *rose ? "blocked" : "unproven");
    if (*rose) return Ok{};
    attestation.effective = false;
    std::vector<Edge> silent;
    for (std::size_t i = 0; i < cut.size(); ++i)
      if (after[i] == 0) silent.push_back(cut[i]);
    attestation.evidence.emplace_back("not_dropped", named_links(levers, silent));
    return Ok{};
  }

  /// Inside every component of what is cut now, by this fault and others, one datagram arrives.
  Status attest_open_inside(Levers& levers, Attestation& attestation) {
    const Grudge cut = levers.cut_edges();
    std::size_t probed = 0;
    List lost;
    const auto deadline = std::chrono::steady_clock::now() + settings_.within;
    for (const auto& component : components(levers.cluster().nodes().size(), cut)) {
      if (component.size() < 2) continue;
      const Edge edge = open_edge(component, cut);
      ++probed;
      const auto arrived = levers.cluster().probe(edge, left_until(deadline));
      if (!arrived) return Error{"probe " + link_name(levers, edge) + ": " + arrived.error().what};
      if (!*arrived) lost.emplace_back(link_name(levers, edge));
    }
    attestation.evidence.emplace_back("open", Map{{"probed", probed}, {"lost", lost}});
    if (!lost.empty()) attestation.effective = false;
    return Ok{};
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
  const std::string kind = params.choice("kind", partition_kind_names()[0], partition_kind_names());
  const auto found = std::ranges::find(partition_kind_names(), kind);
  settings.kind = static_cast<PartitionKind>(found - partition_kind_names().begin());
  if (settings.kind == PartitionKind::one_way) {
    const std::string direction = params.choice("direction", directions[0], directions);
    settings.direction = *std::ranges::find(directions, direction);
  }
  settings.within = attest_within(params);
  return std::unique_ptr<Nemesis>(std::make_unique<Partition>(settings));
}

}  // namespace faultline
