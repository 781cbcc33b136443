// The switch lever: what is cut and what is shaped become one table of rules, and a change is one
// pointer.
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>

#include "harness/core/check.h"
#include "harness/os/links.h"
#include "harness/os/packet_switch.h"

namespace faultline {
namespace {

/// Whether `device` of the socket's network may send a TCP segment of up to 64 KiB as one frame.
Status set_segmentation_offload(const SwitchPort& port, bool on) {
  ethtool_value value{ETHTOOL_STSO, on ? 1u : 0u};
  ifreq request{};
  port.sender.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&value);
  if (::ioctl(port.socket, SIOCETHTOOL, &request) == 0) return Ok{};
  return os_error("turn segmentation offload " + std::string(on ? "on" : "off"));
}

class SwitchLinks final : public Links, public PacketPlane {
 public:
  SwitchLinks(std::vector<SwitchPort> ports, std::uint64_t seed)
      : ports_(std::move(ports)), one_by_one_(ports_.size()) {
    std::vector<std::string> devices;
    std::vector<std::filesystem::path> captures;
    bool keeps = false;
    for (const SwitchPort& port : ports_) {
      devices.push_back(port.device);
      captures.push_back(port.capture);
      keeps = keeps || !port.capture.empty();
    }
    auto log = keeps ? PacketLog::open(captures) : Result<std::unique_ptr<PacketLog>>(nullptr);
    if (!log) {
      usable_ = log.error();
      return;
    }
    auto opened = PacketSwitch::open(devices, seed, std::move(*log));
    if (opened)
      switch_ = std::move(*opened);
    else
      usable_ = Error{"links cannot be cut: " + opened.error().what + "; needs Linux 5.11",
                      ErrorKind::capability};
  }

  std::string rung() const override { return usable_ ? "AF_PACKET" : "no AF_PACKET"; }
  const Status& usable() const override { return usable_; }
  PacketPlane* packets() override { return usable_ ? this : nullptr; }

  Status cut(std::span<const Edge> edges) override {
    if (!usable_) return usable_;
    std::map<Edge, std::uint64_t> cut;
    for (const Edge& edge : edges) {
      const auto before = cut_.find(edge);
      cut.emplace(edge, before != cut_.end() ? before->second : dropped(edge));
    }
    cut_ = std::move(cut);
    switch_->apply(table());
    return Ok{};
  }

  Result<std::vector<std::uint64_t>> drops(std::span<const Edge> edges) const override {
    if (!usable_) return usable_.error();
    std::vector<std::uint64_t> drops;
    for (const Edge& edge : edges) {
      const auto at = cut_.find(edge);
      drops.push_back(at == cut_.end() ? 0 : dropped(edge) - at->second);
    }
    return drops;
  }

  Status before_start(std::size_t) override { return Ok{}; }  // No node can touch the switch.

  Status set_nature(const LinkPolicies& nature) override {
    nature_ = nature;
    return shape(LinkPolicies(policies_));
  }

  const LinkPolicies& nature() const override { return nature_; }

  Status shape(const LinkPolicies& policies) override {
    std::vector<bool> wanted(ports_.size());
    for (const LinkPolicies* each : {&std::as_const(nature_), &policies})
      for (const auto& [edge, policy] : *each)
        if (policy.per_packet()) wanted[port(edge.from)] = true;
    // Before packets are to come one by one, and after: it takes the kernel some 15 us a sender,
    // which must not lie between the first link that changes and the last.
    if (const Status off = set_offloads(wanted, false); !off) return off;
    const std::int64_t now_ns = std::chrono::steady_clock::now().time_since_epoch().count();
    std::map<Edge, std::int64_t> since;
    for (const auto& [edge, policy] : policies) {
      // What goes on keeps its rhythm.
      const auto before = policies_.find(edge);
      const bool same = before != policies_.end() && before->second.flaps == policy.flaps;
      since.emplace(edge, same ? since_.at(edge) : now_ns);
    }
    std::map<Ordinal, std::shared_ptr<std::uint64_t>> met;
    for (const auto& [edge, policy] : policies)
      for (const NthMessage& nth : policy.nth) {
        auto& count = met[{edge, nth}];
        const auto before = met_.find({edge, nth});
        count = before != met_.end() ? before->second : std::make_shared<std::uint64_t>(0);
      }
    met_ = std::move(met);
    policies_ = policies;
    since_ = std::move(since);
    last_change_ = switch_->apply(table());
    return set_offloads(wanted, true);
  }

  std::vector<PacketCounters> counters(std::span<const Edge> edges) const override {
    std::vector<PacketCounters> counters;
    for (const Edge& edge : edges)
      counters.push_back(switch_->counters(port(edge.from), port(edge.to)));
    return counters;
  }
  std::vector<LinkTraffic> traffic(std::span<const Edge> edges) const override {
    std::vector<LinkTraffic> traffic;
    for (const Edge& edge : edges)
      traffic.push_back(switch_->traffic(port(edge.from), port(edge.to)));
    return traffic;
  }
  PlaneCost cost() const override { return switch_->cost(); }
  std::chrono::nanoseconds last_change() const override { return last_change_; }

 private:
  std::size_t port(std::size_t end) const {
    const std::size_t index = end == clients_end ? ports_.size() - 1 : end;
    FAULTLINE_CHECK(index < ports_.size());
    return index;
  }
  std::uint64_t dropped(const Edge& edge) const {
    return switch_->cut_drops(port(edge.from), port(edge.to));
  }

  LinkTable table() const {
    LinkTable rules(ports_.size() * ports_.size());
    const auto rule = [&](const Edge& edge) -> LinkRule& {
      return rules[port(edge.from) * ports_.size() + port(edge.to)];
    };
    for (const auto& [edge, policy] : nature_) rule(edge) = LinkRule(policy, false, 0);
    for (const auto& [edge, policy] : policies_) {
      const auto nature = nature_.find(edge);
      const LinkPolicy both = nature == nature_.end() ? policy : combined(nature->second, policy);
      LinkRule::MessageCounts counts;
      for (const NthMessage& nth : both.nth) counts.push_back(met_.at({edge, nth}));
      rule(edge) = LinkRule(both, true, since_.at(edge), std::move(counts));
    }
    for (const auto& [edge, before] : cut_) rule(edge).cut = true;
    return rules;
  }

  /// Turns segmentation offload on, or off, where it is not as `one_by_one` wants it.
  Status set_offloads(const std::vector<bool>& one_by_one, bool on) {
    for (std::size_t i = 0; i < ports_.size(); ++i) {
      if (one_by_one[i] == on || one_by_one_[i] == one_by_one[i]) continue;
      if (const Status done = set_segmentation_offload(ports_[i], on); !done)
        return Error{ports_[i].device + ": " + done.error().what};
      one_by_one_[i] = one_by_one[i];
    }
    return Ok{};
  }

  std::vector<SwitchPort> ports_;
  std::vector<bool> one_by_one_;  ///< By port: segmentation offload is off.
  std::unique_ptr<PacketSwitch> switch_;
  Status usable_ = Ok{};
  std::map<Edge, std::uint64_t> cut_;  ///< With what it had dropped before.
  LinkPolicies nature_, policies_;
  std::chrono::nanoseconds last_change_{};
  using Ordinal = std::pair<Edge, NthMessage>;
  std::map<Ordinal, std::shared_ptr<std::uint64_t>> met_;  ///< Messages that each has counted.
  std::map<Edge, std::int64_t> since_;                     ///< When the link began to flap.
};

}  // namespace

std::unique_ptr<Links> make_switch_links(std::vector<SwitchPort> ports, std::uint64_t seed) {
  return std::make_unique<SwitchLinks>(std::move(ports), seed);
}

}  // namespace faultline
