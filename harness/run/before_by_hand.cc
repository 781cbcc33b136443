#include "harness/run/before_by_hand.h"

#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>

namespace faultline {
namespace {

using Nanos = std::chrono::nanoseconds;
/// prio(8) has no more, of which three are for packets to others.
constexpr std::size_t bands_max = 16, bands_of_others = 3;

std::string milliseconds_text(Nanos time) {
  return fmt::format("{:.6g}ms", std::chrono::duration<double, std::milli>(time).count());
}

/// Of one machine: whom its packets reach how late.
using Distances = std::map<std::pair<Nanos, Nanos>, std::vector<std::string>>;

void add_delays(const std::string& on, const Distances& distances,
                std::vector<HandCommand>& commands) {
  if (distances.size() > bands_max - bands_of_others) {
    commands.push_back(
        {on, "# prio has too few bands for so many distances: one class each of htb"});
    return;
  }
  commands.push_back({on, fmt::format("tc qdisc add dev eth0 root handle 1: prio bands {}",
                                      bands_of_others + distances.size())});
  std::size_t band = bands_of_others;
  for (const auto& [delays, others] : distances) {
    const auto& [delay, jitter] = delays;
    ++band;  // tc reads it as hexadecimal.
    std::string netem = "netem delay " + milliseconds_text(delay);
    if (jitter.count() > 0) netem += " " + milliseconds_text(jitter);
    commands.push_back({on, fmt::format("tc qdisc add dev eth0 parent 1:{:x} {}", band, netem)});
    for (const bool v6 : {false, true})
      commands.push_back(
          {on, fmt::format("for to in {0}{2}; do tc filter add dev eth0 parent 1: protocol {3} u32 "
                           "match {4} dst $to flowid 1:{1:x}; done",
                           fmt::join(others, v6 ? "_6 " : " "), band, v6 ? "_6" : "",
                           v6 ? "ipv6" : "ip", v6 ? "ip6" : "ip")});
  }
}

}  // namespace

std::vector<HandCommand> before_by_hand(const Plan& plan, const Cluster& cluster) {
  std::map<std::size_t, Distances> of_machines;
  for (const auto& [edge, policy] : plan.network.nature)
    of_machines[edge.from][{policy.delay, policy.jitter}].push_back(
        "$" + std::string(end_name(cluster, edge.to)));
  std::vector<HandCommand> commands;
  for (const auto& [from, distances] : of_machines)
    add_delays(std::string(end_name(cluster, from)), distances, commands);
  // As run_test() draws them; unshare knows whole seconds.
  const auto ahead = draw_monotonic(plan.monotonic, plan.nodes, Rng(plan.seed).fork("monotonic"));
  for (std::size_t node = 0; node < ahead.size(); ++node)
    commands.push_back({cluster.nodes()[node].name,
                        fmt::format("unshare --time --fork --monotonic {0} --boottime {0} $STORE",
                                    ahead[node] / 1'000'000'000)});
  return commands;
}

}  // namespace faultline
