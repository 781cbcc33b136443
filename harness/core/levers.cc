#include "harness/core/levers.h"

#include <algorithm>
#include <csignal>
#include <string>

#include "harness/core/check.h"

namespace faultline {

Levers::Levers(Cluster& cluster)
    : cluster_(cluster),
      is_down_(machine_count(cluster), Applied::no),
      is_paused_(machine_count(cluster), Applied::no) {}

Error Levers::failed(std::string_view what, std::size_t n, const Error& why) const {
  return {std::string(what) + " " + machine_of(cluster_, n).name + ": " + why.what, why.kind};
}

bool Levers::down(std::size_t node) const {
  return std::ranges::any_of(holds_, [&](const auto& h) { return h.second.down.contains(node); });
}
bool Levers::paused(std::size_t machine) const {
  return std::ranges::any_of(holds_,
                             [&](const auto& h) { return h.second.paused.contains(machine); });
}
bool Levers::is_cut(const Edge& edge) const {
  return std::ranges::any_of(holds_, [&](const auto& h) { return h.second.cut.contains(edge); });
}
std::set<Edge> Levers::cut_edges() const {
  std::set<Edge> all;
  for (const auto& [fault, holds] : holds_) all.insert(holds.cut.begin(), holds.cut.end());
  return all;
}

Status Levers::hold_down(FaultId fault, std::size_t node) {
  FAULTLINE_CHECK(node < cluster_.nodes().size());
  Holds& holds = holds_[fault];
  holds.down.insert(node);
  holds.nodes.insert(node);
  return settle(node);
}

Status Levers::hold_paused(FaultId fault, std::size_t machine) {
  FAULTLINE_CHECK(machine < is_paused_.size());
  Holds& holds = holds_[fault];
  holds.paused.insert(machine);
  holds.nodes.insert(machine);
  return settle(machine);
}

Status Levers::hold_cut(FaultId fault, std::span<const Edge> edges) {
  const auto is_end = [&](std::size_t end) { return end < is_down_.size() || end == clients_end; };
  for (const Edge& edge : edges)
    FAULTLINE_CHECK(is_end(edge.from) && is_end(edge.to) && edge.from != edge.to);
  Holds& holds = holds_[fault];
  holds.cut.insert(edges.begin(), edges.end());
  holds.links = true;
  return settle_links();
}

Status Levers::hold_skewed(FaultId fault, std::size_t node, const Skew& skew) {
  FAULTLINE_CHECK(node < cluster_.nodes().size());
  Holds& holds = holds_[fault];
  holds.skews[node] = skew;
  holds.nodes.insert(node);
  return settle_clock(node);
}

std::vector<Skew> Levers::skews(std::size_t node) const {
  std::vector<Skew> all;
  for (const auto& [fault, holds] : holds_)
    if (const auto found = holds.skews.find(node); found != holds.skews.end())
      all.push_back(found->second);
  return all;
}

LinkPolicies Levers::policies() const {
  LinkPolicies all;
  for (const auto& [fault, holds] : holds_)
    for (const auto& [edge, policy] : holds.packets) {
      const auto [at, first] = all.emplace(edge, policy);
      if (!first) at->second = combined(at->second, policy);
    }
  return all;
}

Status Levers::hold_packets(FaultId fault, LinkPolicies policies) {
  FAULTLINE_CHECK(cluster_.packets() != nullptr);
  Holds& holds = holds_[fault];
  holds.packets = std::move(policies);
  holds.shaped = true;
  return settle_packets();
}

Status Levers::restart(FaultId fault) {
  const auto found = holds_.find(fault);
  if (found == holds_.end()) return Ok{};
  found->second.down.clear();
  found->second.paused.clear();
  std::optional<Error> first;
  for (const std::size_t node : found->second.nodes)
    if (const Status settled = settle(node); !settled && !first) first = settled.error();
  return first ? Status(*first) : Status(Ok{});
}

Status Levers::release(FaultId fault) {
  const auto found = holds_.find(fault);
  if (found == holds_.end()) return Ok{};
  Holds& holds = found->second;
  holds.down.clear();
  holds.paused.clear();
  holds.cut.clear();
  holds.skews.clear();
  holds.packets.clear();

  std::optional<Error> first;
  if (holds.shaped) {
    if (const Status settled = settle_packets(); settled)
      holds.shaped = false;
    else
      first = settled.error();
  }
  if (holds.links) {
    if (const Status opened = settle_links(); opened)
      holds.links = false;
    else if (!first)
      first = opened.error();
  }
  for (auto node = holds.nodes.begin(); node != holds.nodes.end();) {
    // The clock before the restart, which then is that of the whole life of the new process.
    const Status clock = settle_clock(*node), settled = settle(*node);
    if (!clock && !first) first = clock.error();
    if (!settled && !first) first = settled.error();
    node = clock && settled ? holds.nodes.erase(node) : std::next(node);
  }
  if (first) return *first;
  holds_.erase(found);
  return Ok{};
}

Status Levers::release_all() {
  std::vector<FaultId> faults;
  for (auto& [fault, holds] : holds_) {
    faults.push_back(fault);
    // First drop every hold, so that no node is restarted into the pause of a fault that ends too.
    holds.down.clear();
    holds.paused.clear();
    holds.cut.clear();
    holds.skews.clear();
    holds.packets.clear();
  }
  std::optional<Error> first;
  for (const FaultId fault : faults)
    if (const Status released = release(fault); !released && !first) first = released.error();
  return first ? Status(*first) : Status(Ok{});
}

Status Levers::settle(std::size_t n) { return down(n) ? settle_down(n) : settle_up(n); }

Status Levers::settle_down(std::size_t n) {
  if (is_down_[n] == Applied::yes) return Ok{};
  if (const Status killed = cluster_.signal(n, SIGKILL); !killed) {
    is_down_[n] = Applied::unsure;
    return failed("kill", n, killed.error());
  }
  is_down_[n] = Applied::yes;
  return Ok{};
}

Status Levers::settle_up(std::size_t n) {
  if (is_down_[n] == Applied::unsure) {
    // A kill or a start failed: look, instead of starting a second store or none.
    const auto found = cluster_.processes(n);
    if (!found) return failed("look at the processes of", n, found.error());
    is_down_[n] = found->empty() ? Applied::yes : Applied::no;
  }
  if (is_down_[n] == Applied::yes) {
    if (const Status started = cluster_.start(n); !started) {
      is_down_[n] = Applied::unsure;
      return failed("restart", n, started.error());
    }
    is_down_[n] = Applied::no;
    is_paused_[n] = Applied::no;  // What was stopped is dead.
  }
  const Applied wanted = paused(n) ? Applied::yes : Applied::no;
  if (is_paused_[n] == wanted) return Ok{};
  const bool stop = wanted == Applied::yes;
  if (const Status sent = cluster_.signal(n, stop ? SIGSTOP : SIGCONT); !sent) {
    is_paused_[n] = Applied::unsure;
    return failed(stop ? "pause" : "continue", n, sent.error());
  }
  is_paused_[n] = wanted;
  return Ok{};
}

Status Levers::settle_clock(std::size_t n) {
  const std::vector<Skew> wanted = skews(n);
  const auto applied = is_skewed_.find(n);
  if (applied == is_skewed_.end() ? wanted.empty() : applied->second == wanted) return Ok{};
  if (const Status set = cluster_.clocks().set(n, wanted); !set) {
    is_skewed_[n] = std::nullopt;
    return failed("shift the clock of", n, set.error());
  }
  is_skewed_[n] = wanted;
  return Ok{};
}

Status Levers::settle_links() {
  const std::set<Edge> wanted = cut_edges();
  if (wanted == is_cut_ && !links_uncertain_) return Ok{};
  const std::vector<Edge> edges(wanted.begin(), wanted.end());
  if (const Status cut = cluster_.cut(edges); !cut) {
    links_uncertain_ = true;
    return Error{"change the links: " + cut.error().what, cut.error().kind};
  }
  links_uncertain_ = false;
  is_cut_ = wanted;
  return Ok{};
}

Status Levers::settle_packets() {
  LinkPolicies wanted = policies();
  if (wanted == shaped_ && !packets_uncertain_) return Ok{};
  if (const Status done = cluster_.packets()->shape(wanted); !done) {
    packets_uncertain_ = true;
    return Error{"change what links do to packets: " + done.error().what, done.error().kind};
  }
  packets_uncertain_ = false;
  shaped_ = std::move(wanted);
  return Ok{};
}

}  // namespace faultline
