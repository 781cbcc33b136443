#include "harness/run/link_cost.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "harness/core/text.h"

namespace faultline {
namespace {

constexpr std::size_t probes_max = 21;
/// A probe that is lost once is not asked for again and again: the run is waiting.
constexpr std::chrono::milliseconds probe_limit{1000};

std::optional<double> median_us(Cluster& cluster, const Edge& edge,
                                std::chrono::milliseconds limit) {
  std::vector<double> took;
  const auto enough = std::chrono::steady_clock::now() + limit;
  while (took.empty() || (took.size() < probes_max && std::chrono::steady_clock::now() < enough)) {
    const auto transit = cluster.transit(edge, probe_limit);
    if (!transit || !*transit) return std::nullopt;
    took.push_back(std::chrono::duration<double, std::micro>(**transit).count());
  }
  const auto middle = took.begin() + static_cast<std::ptrdiff_t>(took.size() / 2);
  std::ranges::nth_element(took, middle);
  return *middle;
}

double to_tenths(double value) { return std::round(value * 10) / 10; }

}  // namespace

Result<LinkCost> measure_links(Cluster& cluster, std::chrono::milliseconds enough) {
  const bool several = cluster.nodes().size() > 1;
  PacketPlane* plane = cluster.packets();
  const LinkPolicies nature = plane != nullptr ? plane->nature() : LinkPolicies{};
  // How far the machines are from each other is asked for, and no cost.
  if (!nature.empty())
    if (const Status set = plane->set_nature({}); !set) return set.error();
  const LinkCost cost = {median_us(cluster, {0, 0}, enough),
                         median_us(cluster, several ? Edge{0, 1} : Edge{clients_end, 0}, enough)};
  if (!nature.empty())
    if (const Status set = plane->set_nature(nature); !set) return set.error();
  return cost;
}

Map link_cost_value(const LinkCost& cost) {
  Map map;
  if (cost.loopback_us) map.emplace_back("loopback_us", to_tenths(*cost.loopback_us));
  if (cost.link_us) map.emplace_back("link_us", to_tenths(*cost.link_us));
  if (cost.loopback_us && cost.link_us)
    map.emplace_back("added_us", to_tenths(*cost.link_us - *cost.loopback_us));
  if (cost.plane) {
    map.emplace_back("packets", cost.plane->packets);
    if (cost.packets_per_s) map.emplace_back("packets_per_s", to_tenths(*cost.packets_per_s));
    map.emplace_back("own_drops", cost.plane->dropped);
  }
  if (cost.host) {
    map.emplace_back("host_drops", cost.host->dropped);
    map.emplace_back("host_squeezed", cost.host->squeezed);
  }
  if (cost.plane || cost.host) map.emplace_back("degraded", cost.degraded());
  if (cost.plane && cost.plane->uncaptured > 0)
    map.emplace_back("uncaptured", cost.plane->uncaptured);
  return map;
}

std::string link_warnings(const LinkCost& cost) {
  std::string text;
  if (cost.plane && cost.plane->dropped > 0)
    text += "warning: degraded: the switch lost " + with_thousands(cost.plane->dropped) + " of " +
            with_thousands(cost.plane->packets) +
            " packets by itself, as its buffers were full; latencies and outages may be its "
            "doing\n";
  if (cost.host && cost.host->dropped > 0)
    text += "warning: degraded: this machine dropped " + with_thousands(cost.host->dropped) +
            " packets, perhaps other programs', before they reached their links: a processor's "
            "backlog was full (net.core.netdev_max_backlog); latencies and outages may be its "
            "doing\n";
  if (cost.plane && cost.plane->uncaptured > 0)
    text += "warning: " + with_thousands(cost.plane->uncaptured) +
            " packets are in no packets.pcap: a disk was slow or full, or a file at its 64 MiB\n";
  return text;
}

}  // namespace faultline
