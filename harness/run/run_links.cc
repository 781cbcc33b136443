#include "harness/run/run_links.h"

#include <utility>
#include <vector>

#include "harness/io/json.h"

namespace faultline {
namespace {

/// Every directed one: the machines' and the controller's.
std::vector<Edge> links_of(const Cluster& cluster) {
  std::vector<std::size_t> ends;
  for (std::size_t i = 0; i < machine_count(cluster); ++i) ends.push_back(i);
  ends.push_back(clients_end);
  std::vector<Edge> links;
  for (const std::size_t from : ends)
    for (const std::size_t to : ends)
      if (from != to) links.push_back({from, to});
  return links;
}

List links_value(const Cluster& cluster, const PacketPlane& plane) {
  const std::vector<Edge> links = links_of(cluster);
  const std::vector<LinkTraffic> traffic = plane.traffic(links);
  const std::vector<PacketCounters> counters = plane.counters(links);
  List list;
  for (std::size_t i = 0; i < links.size(); ++i) {
    Map link = {{"from", std::string(end_name(cluster, links[i].from))},
                {"to", std::string(end_name(cluster, links[i].to))},
                {"packets", traffic[i].packets},
                {"bytes", traffic[i].bytes}};
    if (traffic[i].cut > 0) link.emplace_back("cut", traffic[i].cut);
    for (const auto& [name, counter] : packet_counters)
      if (counters[i].*counter > 0) link.emplace_back(std::string(name), counters[i].*counter);
    list.emplace_back(std::move(link));
  }
  return list;
}

}  // namespace

RunLinks::RunLinks(const NetworkPlan& plan, std::size_t nodes, std::filesystem::path softnet)
    : plan_(plan),
      round_trip_(
          std::chrono::ceil<std::chrono::milliseconds>(longest_round_trip(plan.nature, nodes))),
      softnet_(std::move(softnet)) {}

void RunLinks::ask_for(ClusterOptions& options) const {
  options.links = plan_.links;
  options.nature = plan_.nature;
  options.pcap = plan_.pcap;
}

void RunLinks::tell(Launch& launch) const {
  if (round_trip_.count() > 0)
    launch.environment.emplace_back("FAULTLINE_ROUND_TRIP_MS", std::to_string(round_trip_.count()));
}

Status RunLinks::measure(Cluster& cluster) {
  const auto cost = measure_links(cluster);
  if (!cost) return Error{"measure the links: " + cost.error().what, cost.error().kind};
  cost_ = *cost;
  host_before_ = read_host_drops(softnet_);
  return Ok{};
}

void RunLinks::begin_load(Cluster& cluster) {
  if (const PacketPlane* plane = cluster.packets()) packets_before_ = plane->cost().packets;
}

void RunLinks::end_load(Cluster& cluster, std::chrono::nanoseconds took) {
  const PacketPlane* plane = cluster.packets();
  if (plane == nullptr || took.count() <= 0) return;
  const std::uint64_t packets = plane->cost().packets - packets_before_;
  cost_.packets_per_s = static_cast<double>(packets) / std::chrono::duration<double>(took).count();
}

void RunLinks::close(Cluster& cluster) {
  if (const auto host = read_host_drops(softnet_); host && host_before_)
    cost_.host = host->since(*host_before_);
  const PacketPlane* plane = cluster.packets();
  if (plane == nullptr) return;
  cost_.plane = plane->cost();
  links_ = links_value(cluster, *plane);
}

Map RunLinks::value() const { return link_cost_value(cost_); }

Status RunLinks::write(const RunDir& directory) const {
  if (!links_) return Ok{};
  const Map document = {{"schema", "faultline.links/1"}, {"links", *links_}};
  return directory.write("links.json", to_json_pretty(Value(document)));
}

}  // namespace faultline
