#include "nemesis/cut_links.h"

#include <algorithm>

#include "nemesis/attest.h"

namespace faultline {
namespace {

constexpr std::chrono::milliseconds resend_after{100};

/// {"n1>n3": 41, …}, at most evidence_items_max of them.
Map named_counters(Levers& levers, std::span<const Edge> edges,
                   std::span<const std::uint64_t> counters) {
  Map named;
  for (std::size_t i = 0; i < std::min(edges.size(), evidence_items_max); ++i)
    named.emplace_back(link_name(levers, edges[i]), counters[i]);
  return named;
}

}  // namespace

std::string link_name(Levers& levers, const Edge& edge) {
  const Cluster& cluster = levers.cluster();
  return std::string(end_name(cluster, edge.from)) + ">" + std::string(end_name(cluster, edge.to));
}

List all_links(Levers& levers, std::span<const Edge> edges) {
  const Cluster& cluster = levers.cluster();
  List names;
  for (const Edge& edge : edges)
    names.emplace_back(
        List{std::string(end_name(cluster, edge.from)), std::string(end_name(cluster, edge.to))});
  return names;
}

List named_links(Levers& levers, std::span<const Edge> edges) {
  return all_links(levers, edges.first(std::min(edges.size(), evidence_items_max)));
}

Result<std::optional<std::set<Edge>>> read_links(const Map& evidence, std::string_view key,
                                                 std::span<const std::string> machines) {
  const auto told = std::ranges::find(evidence, key, &Map::value_type::first);
  if (told == evidence.end()) return std::optional<std::set<Edge>>();
  const Error malformed{std::string(key) + ": expected links, like [[\"n1\", \"n2\"]]",
                        ErrorKind::usage};
  if (told->second.list() == nullptr) return malformed;
  const auto index_of = [&](const Value& name) {
    if (name == Value(std::string("clients"))) return clients_end;
    const auto at = std::ranges::find_if(
        machines, [&](const std::string& machine) { return name == Value(machine); });
    return static_cast<std::size_t>(at - machines.begin());
  };
  const auto is_end = [&](std::size_t end) { return end < machines.size() || end == clients_end; };
  std::set<Edge> links;
  for (const Value& link : *told->second.list()) {
    if (link.list() == nullptr || link.list()->size() != 2) return malformed;
    const Edge edge{index_of(link.list()->front()), index_of(link.list()->back())};
    if (!is_end(edge.from) || !is_end(edge.to) || edge.from == edge.to) return malformed;
    links.insert(edge);
  }
  const auto count = std::ranges::find(evidence, "links", &Map::value_type::first);
  if (count == evidence.end() || !(count->second == Value(links.size()))) return malformed;
  return std::optional(std::move(links));
}

std::vector<Edge> all_links_of(std::span<const std::size_t> victims, const Cluster& cluster) {
  std::set<Edge> links;
  const std::size_t machines = machine_count(cluster);
  for (const std::size_t victim : victims) {
    for (std::size_t other = 0; other <= machines; ++other) {
      const std::size_t end = other == machines ? clients_end : other;
      if (end == victim) continue;
      links.insert({victim, end});
      links.insert({end, victim});
    }
  }
  return {links.begin(), links.end()};
}

std::chrono::milliseconds left_until(std::chrono::steady_clock::time_point deadline) {
  const auto left =
      std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
  return std::max(left, std::chrono::milliseconds(1));
}

Result<bool> arrives(Levers& levers, const Edge& edge,
                     std::chrono::steady_clock::time_point deadline) {
  for (auto wait = resend_after;; wait *= 2) {
    const auto arrived = levers.cluster().probe(edge, std::min(wait, left_until(deadline)));
    if (!arrived || *arrived || std::chrono::steady_clock::now() >= deadline) return arrived;
  }
}

Status attest_blocked(Levers& levers, std::span<const Edge> cut, std::chrono::nanoseconds within,
                      Attestation& attestation) {
  Cluster& cluster = levers.cluster();
  const auto before = cluster.drops(cut);
  if (!before) return before.error();
  std::vector<std::uint64_t> after = *before;
  auto next_sending = std::chrono::steady_clock::now();
  const auto rose = await(within, [&]() -> Result<bool> {
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

void tell_drops(Levers& levers, std::span<const Edge> cut, Attestation& attestation) {
  const auto drops = levers.cluster().drops(cut);
  if (!drops || cut.empty()) return;
  std::uint64_t total = 0;
  for (const std::uint64_t count : *drops) total += count;
  attestation.evidence.emplace_back("drops", named_counters(levers, cut, *drops));
  attestation.evidence.emplace_back("dropped", total);
}

Status attest_open(Levers& levers, std::span<const Edge> links, std::chrono::nanoseconds within,
                   Attestation& attestation) {
  List unreached;
  std::size_t probed = 0, held = 0;
  const auto deadline = std::chrono::steady_clock::now() + within;
  for (const Edge& edge : links) {
    if (levers.is_cut(edge)) {
      ++held;
      continue;
    }
    if (probed == evidence_items_max) continue;
    ++probed;
    const auto arrived = arrives(levers, edge, deadline);
    if (!arrived) return arrived.error();
    if (!*arrived) unreached.emplace_back(link_name(levers, edge));
  }
  attestation.evidence.emplace_back("probed", probed);
  if (held > 0) attestation.evidence.emplace_back("cut_by_others", held);
  attestation.evidence.emplace_back("probe", unreached.empty() ? "passed" : "lost");
  if (unreached.empty()) return Ok{};
  attestation.effective = false;
  attestation.evidence.emplace_back("unreached", std::move(unreached));
  return Ok{};
}

}  // namespace faultline
