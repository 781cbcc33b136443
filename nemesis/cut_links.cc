#include "nemesis/cut_links.h"

#include <algorithm>
#include <cmath>
#include <memory>

#include "nemesis/attest.h"

namespace faultline {
namespace {

constexpr std::chrono::milliseconds resend_after{100};
/// What would wait longer for `rate` is lost.
constexpr std::chrono::milliseconds rate_queue{200};
/// That every probe of a link is lost by chance should be so rare; but no more at once than that.
constexpr double lost_all_max = 1e-6, copies_max = 64;

/// Of the probes on such a link, those that do not arrive as they were sent.
double lost_share(const LinkPolicy& policy) {
  double passed = (1 - policy.loss) * (1 - policy.corrupt) * (1 - policy.corrupt_unseen);
  for (const Flap& flap : policy.flaps) {
    const double up = std::chrono::duration<double>(flap.up).count();
    passed *= up / std::max(up + std::chrono::duration<double>(flap.down).count(), 1e-9);
  }
  return 1 - passed;
}

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

std::chrono::nanoseconds flight_max(const LinkPolicy& policy) {
  // Of the normal distribution one in 30,000 is beyond.
  auto time = policy.delay + (policy.normal ? 4 : 1) * policy.jitter;
  if (policy.reorder > 0) time += policy.reorder_by;
  if (policy.rate > 0) time += rate_queue;
  for (const Flap& flap : policy.flaps) time += flap.down;
  return time;
}

LinkTrial::LinkTrial(Levers& levers, std::span<const Edge> links, std::chrono::nanoseconds within,
                     std::chrono::nanoseconds on_its_way)
    : levers_(levers), within_(within), slowest_(on_its_way), began_(Clock::now()) {
  for (const Edge& link : links) trials_.push_back({link});
}

void LinkTrial::send(Clock::time_point now) {
  next_sending_ = now + resend_after;
  const LinkPolicies policies = levers_.policies();
  const PacketPlane* plane = levers_.cluster().packets();
  const auto in_force = [&](const Edge& link) {
    const auto held = policies.find(link);
    LinkPolicy policy = held == policies.end() ? LinkPolicy{} : held->second;
    if (plane == nullptr) return policy;
    const auto nature = plane->nature().find(link);
    return nature == plane->nature().end() ? policy : combined(nature->second, policy);
  };
  const double rounds = std::max(1.0, std::chrono::duration<double>(within_) / resend_after);
  for (Trial& trial : trials_) {
    if (trial.took || trial.held) continue;
    const LinkPolicy policy = in_force(trial.link);
    const double lost = lost_share(policy);
    if (lost >= 1) {  // As good as cut, by another fault.
      trial.held = true;
      continue;
    }
    slowest_ = std::max(slowest_, flight_max(policy));
    const double wanted = lost > 0 ? std::log(lost_all_max) / std::log(lost) / rounds : 1;
    const auto count = static_cast<std::size_t>(std::clamp(std::ceil(wanted), 1.0, copies_max));
    for (std::size_t i = 0; i < count; ++i) {
      const auto probe = levers_.cluster().launch_probe(trial.link);
      if (!probe) {
        failure_ = Error{"probe " + link_name(levers_, trial.link) + ": " + probe.error().what};
        return;
      }
      trial.probes.push_back(*probe);
    }
  }
}

bool LinkTrial::step() {
  const auto now = Clock::now();
  if (now >= next_sending_) send(now);
  bool all_known = true;
  for (Trial& trial : trials_) {
    if (trial.took || trial.held) continue;
    for (std::size_t i = 0; i < trial.probes.size() && !trial.took; ++i)
      trial.took = levers_.cluster().landed(trial.probes[i]);
    // What another fault cuts meanwhile is not ours to prove.
    trial.held = !trial.took && levers_.is_cut(trial.link);
    all_known = all_known && (trial.took || trial.held);
  }
  return all_known || failure_ || now >= began_ + within_ + 2 * slowest_;
}

std::size_t LinkTrial::held() const {
  return static_cast<std::size_t>(std::ranges::count(trials_, true, &Trial::held));
}

std::vector<Edge> LinkTrial::unreached() const {
  std::vector<Edge> links;
  for (const Trial& trial : trials_)
    if (!trial.took && !trial.held) links.push_back(trial.link);
  return links;
}

std::vector<std::pair<Edge, std::chrono::nanoseconds>> LinkTrial::times() const {
  std::vector<std::pair<Edge, std::chrono::nanoseconds>> times;
  for (const Trial& trial : trials_)
    if (trial.took) times.emplace_back(trial.link, *trial.took);
  return times;
}

bool tell_failure(const LinkTrial& trial, Attestation& attestation) {
  if (!trial.failure()) return false;
  attestation.effective = false;
  attestation.evidence.emplace_back("reason", trial.failure()->what);
  return true;
}

void attest_open(Levers& levers, std::span<const Edge> links, std::chrono::nanoseconds within,
                 Attestation& attestation, std::chrono::nanoseconds on_its_way) {
  std::vector<Edge> open;
  for (const Edge& edge : links)
    if (!levers.is_cut(edge)) open.push_back(edge);
  const std::size_t cut = links.size() - open.size();
  open.resize(std::min(open.size(), evidence_items_max));
  const auto trial = std::make_shared<LinkTrial>(levers, open, within, on_its_way);
  attestation.rest = [trial, cut, &levers](Attestation& told) {
    if (!trial->step()) return false;
    const std::vector<Edge> unreached = trial->unreached();
    const std::size_t held = cut + trial->held();
    told.evidence.emplace_back("probed", trial->size());
    if (held > 0) told.evidence.emplace_back("cut_by_others", held);
    told.evidence.emplace_back("probe", unreached.empty() ? "passed" : "lost");
    if (tell_failure(*trial, told) || unreached.empty()) return true;
    told.effective = false;
    List names;
    for (const Edge& link : unreached) names.emplace_back(link_name(levers, link));
    told.evidence.emplace_back("unreached", std::move(names));
    return true;
  };
  (void)is_complete(attestation);  // It sends the probes.
}

}  // namespace faultline
