#include "harness/run/network.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/text.h"

namespace faultline {
namespace {

using namespace std::chrono_literals;
using Duration = std::chrono::nanoseconds;
/// By place and place: round trips; alike both ways.
using Delays = std::vector<std::vector<Duration>>;

/// Between machines of one place, and to who stands beside everybody: 0.2 to 1 ms.
constexpr Duration lan_trip = 600us;
constexpr double lan_jitter = 2.0 / 3;
constexpr double far_jitter = 0.05;
constexpr Duration trip_max = 10s;

constexpr std::array<std::string_view, 5> presets = {"instant", "lan", "city", "regions",
                                                     "continents"};

Delays preset_delays(std::string_view preset) {
  const auto all_apart = [](std::size_t places, Duration trip) {
    Delays delays(places, std::vector<Duration>(places, trip));
    for (std::size_t i = 0; i < places; ++i) delays[i][i] = lan_trip;
    return delays;
  };
  if (preset == "lan") return all_apart(1, lan_trip);
  if (preset == "city") return all_apart(3, 2ms);
  if (preset == "continents") return all_apart(3, 500ms);
  if (preset != "regions") return {};
  Delays delays = all_apart(4, 150ms);  // Two near each other, one farther, one far away.
  delays[0][1] = delays[1][0] = 10ms;
  for (const std::size_t near : {0, 1}) delays[near][2] = delays[2][near] = 70ms;
  return delays;
}

LinkPolicy policy_of(Duration trip, double jitter) {
  LinkPolicy policy;
  policy.delay = trip / 2;
  policy.jitter =
      Duration(static_cast<std::int64_t>(static_cast<double>(policy.delay.count()) * jitter));
  return policy;
}

class NetworkReader {
 public:
  NetworkReader(std::size_t nodes, std::size_t clients)
      : nodes_(nodes), machines_(nodes + clients), place_of_(machines_ + 1) {
    for (std::size_t i = 0; i < machines_; ++i)
      names_.push_back(i < nodes ? "n" + std::to_string(i + 1)
                                 : "c" + std::to_string(i - nodes + 1));
    names_.emplace_back("clients");
  }

  void take_turns(std::size_t places) {
    if (places == 0) return;
    for (std::size_t node = 0; node < nodes_; ++node) place_of_[node] = node % places;
  }

  Status read_places(const ConfigNode& node) {
    constexpr const char* expected =
        "places: expected lists of machines, as in [[n1, n2, clients], [n3]], each named once";
    if (node.kind != ConfigNode::Kind::sequence) return error_at(node.where, expected);
    for (std::size_t place = 0; place < node.items.size(); ++place) {
      const ConfigNode& list = node.items[place];
      if (list.kind != ConfigNode::Kind::sequence) return error_at(list.where, expected);
      for (const ConfigNode& name : list.items) {
        const auto at = std::ranges::find(names_, name.scalar);
        const auto index = static_cast<std::size_t>(at - names_.begin());
        if (at == names_.end())
          return error_at(name.where, "places: there is no machine \"" + name.scalar + "\"");
        if (place_of_[index]) return error_at(name.where, expected);
        place_of_[index] = place;
      }
    }
    places_ = node.items.size();
    return Ok{};
  }

  Result<Delays> read_delays(const ConfigNode& node) const {
    const std::string expected = "delays: expected " + std::to_string(places_) + " lists of " +
                                 std::to_string(places_) +
                                 " round trips up to 10 s, a row for each place, alike both ways";
    if (node.kind != ConfigNode::Kind::sequence || node.items.size() != places_)
      return error_at(node.where, expected);
    Delays delays;
    for (const ConfigNode& row : node.items) {
      if (row.kind != ConfigNode::Kind::sequence || row.items.size() != places_)
        return error_at(row.where, expected);
      auto& trips = delays.emplace_back();
      for (const ConfigNode& item : row.items) {
        const auto trip = parse_duration(item.scalar);
        if (!trip || trip->count() < 0 || *trip > trip_max) return error_at(item.where, expected);
        trips.push_back(*trip);
      }
    }
    for (std::size_t i = 0; i < places_; ++i)
      for (std::size_t j = 0; j < i; ++j)
        if (delays[i][j] != delays[j][i]) return error_at(node.where, expected);
    return delays;
  }

  LinkPolicies nature(const Delays& delays, std::optional<double> jitter) const {
    LinkPolicies nature;
    if (delays.empty()) return nature;
    for (std::size_t from = 0; from <= machines_; ++from)
      for (std::size_t to = 0; to <= machines_; ++to) {
        if (from == to) continue;
        const bool placed = place_of_[from] && place_of_[to];
        const Duration trip = placed ? delays[*place_of_[from]][*place_of_[to]] : lan_trip;
        const double share = jitter.value_or(trip <= 1ms ? lan_jitter : far_jitter);
        const auto end = [&](std::size_t i) { return i == machines_ ? clients_end : i; };
        const LinkPolicy policy = policy_of(trip, share);
        if (policy != LinkPolicy{}) nature.emplace(Edge{end(from), end(to)}, policy);
      }
    return nature;
  }

  Value places_value() const {
    List places;
    for (std::size_t place = 0; place < places_; ++place) {
      List names;
      for (std::size_t i = 0; i <= machines_; ++i)
        if (place_of_[i] == place) names.emplace_back(names_[i]);
      places.emplace_back(std::move(names));
    }
    return places;
  }

 private:
  std::size_t nodes_, machines_, places_ = 0;
  std::vector<std::string> names_;  ///< Last the clients.
  std::vector<std::optional<std::size_t>> place_of_;
};

Value delays_value(const Delays& delays) {
  List rows;
  for (const auto& row : delays) {
    List trips;
    for (const Duration trip : row) trips.emplace_back(format_duration(trip));
    rows.emplace_back(std::move(trips));
  }
  return rows;
}

/// places, delays and jitter, written out.
Result<LinkPolicies> read_matrix(const ConfigNode& node, NetworkReader& reader, Map& resolved) {
  Params params(node, "network");
  const ConfigNode* places = params.node("places");
  const ConfigNode* trips = params.node("delays");
  std::optional<double> jitter;
  if (params.has("jitter")) {
    const std::string text = params.text("jitter", "");
    double percent = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent);
    if (error != std::errc() || std::string_view(end) != "%" || percent < 0 || percent > 100)
      params.fail("jitter", "expected a share of the delay like 5%, found \"" + text + "\"");
    jitter = percent / 100;
  }
  if (const Status status = params.finish(); !status) return status.error();
  if (places == nullptr || trips == nullptr)
    return error_at(node.where, "network: expected a preset, or places and delays");
  if (const Status read = reader.read_places(*places); !read) return read.error();
  const auto delays = reader.read_delays(*trips);
  if (!delays) return delays.error();
  resolved = {{"places", reader.places_value()}, {"delays", delays_value(*delays)}};
  if (jitter) resolved.emplace_back("jitter", params.text("jitter", ""));
  return reader.nature(*delays, jitter);
}

}  // namespace

Result<NetworkPlan> read_network(Params& top, std::size_t nodes, std::size_t client_machines,
                                 bool needs_packets) {
  NetworkPlan plan;
  NetworkReader reader(nodes, client_machines);
  const ConfigNode* node = top.node("network");
  if (node != nullptr && node->kind == ConfigNode::Kind::mapping) {
    Map resolved;
    auto nature = read_matrix(*node, reader, resolved);
    if (!nature) return nature.error();
    plan.nature = std::move(*nature);
    top.set_resolved("network", std::move(resolved));
  } else {
    const std::string preset = top.choice("network", presets[0], presets);
    const Delays delays = preset_delays(preset);
    reader.take_turns(delays.size());
    plan.nature = reader.nature(delays, std::nullopt);
  }
  const auto levers = links_lever_names();
  plan.pcap = top.boolean("pcap", false);
  const bool wants_switch = needs_packets || !plan.nature.empty() || plan.pcap;
  const std::string lever = top.choice("links", levers[wants_switch ? 2 : 0], levers);
  plan.links = static_cast<LinksLever>(std::ranges::find(levers, lever) - levers.begin());
  if (plan.links == LinksLever::packet_switch) return plan;
  const ConfigNode* said = top.node("links");
  const Where& where = said != nullptr ? said->where : top.where();
  if (!plan.nature.empty())
    return error_at(where,
                    "links: " + lever + " has no delays of its own; network needs links: switch");
  if (plan.pcap)
    return error_at(where, "links: " + lever + " keeps no packets; pcap needs links: switch");
  return plan;
}

std::chrono::nanoseconds longest_round_trip(const LinkPolicies& nature, std::size_t nodes) {
  const auto one_way = [&](const Edge& edge) {
    const auto link = nature.find(edge);
    return link == nature.end() ? 0ns : link->second.delay + link->second.jitter;
  };
  auto longest = 0ns;
  for (std::size_t a = 0; a < nodes; ++a)
    for (std::size_t b = 0; b < a; ++b)
      longest = std::max(longest, one_way({a, b}) + one_way({b, a}));
  return longest;
}

}  // namespace faultline
