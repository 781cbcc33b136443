#include "nemesis/by_hand.h"

#include <map>

#include <fmt/format.h>

namespace faultline {
namespace {

std::string milliseconds(std::chrono::nanoseconds time) {
  return fmt::format("{:.6g}ms", std::chrono::duration<double, std::milli>(time).count());
}
std::string seconds_text(std::chrono::nanoseconds time) {
  return fmt::format("{:.6g}", std::chrono::duration<double>(time).count());
}
std::string percent(double share) { return fmt::format("{:.6g}%", 100 * share); }

/// For each end that `key` is of, the addresses of the other ends.
template <typename Key, typename Other>
std::map<std::size_t, std::vector<std::string>> grouped(const Cluster& cluster,
                                                        std::span<const Edge> links, Key key,
                                                        Other other) {
  std::map<std::size_t, std::vector<std::string>> groups;
  for (const Edge& link : links) groups[link.*key].push_back(address_of(cluster, link.*other));
  return groups;
}

/// All but reordering.
std::string netem_words(const LinkPolicy& policy) {
  std::string words;
  if (policy.delay.count() > 0 || policy.jitter.count() > 0)
    words += " delay " + milliseconds(policy.delay);
  if (policy.jitter.count() > 0) {
    words += " " + milliseconds(policy.jitter);
    if (policy.normal) words += " distribution normal";
  }
  if (policy.loss > 0) words += " loss " + percent(policy.loss);
  if (policy.duplicate > 0) words += " duplicate " + percent(policy.duplicate);
  if (policy.corrupt > 0) words += " corrupt " + percent(policy.corrupt);
  if (policy.rate > 0) words += fmt::format(" rate {:.0f}bit", policy.rate);
  return words;
}

/// The netem of it, below 1:4. What netem reorders it sends at once, without any delay, and it
/// holds back the others: the share is the other way round, and a delay of all is a netem of its
/// own, whose packets go to that one.
std::vector<std::string> netem_by_hand(const LinkPolicy& policy) {
  std::vector<std::string> commands;
  std::string parent = "1:4";
  if (const std::string words = netem_words(policy); !words.empty()) {
    const bool goes_on = policy.reorder > 0;
    commands.push_back("tc qdisc add dev eth0 parent " + parent + (goes_on ? " handle 40:" : "") +
                       " netem" + words);
    parent = "40:1";
  }
  if (policy.reorder > 0)
    commands.push_back("tc qdisc add dev eth0 parent " + parent + " netem delay " +
                       milliseconds(policy.reorder_by) +
                       (policy.reorder < 1 ? " reorder " + percent(1 - policy.reorder) : ""));
  return commands;
}

/// A segment that ends what the sender had to say has PSH: near enough to a message.
ByHand drop_by_hand(const Cluster& cluster, std::span<const Edge> links, std::uint64_t n) {
  ByHand hand;
  for (const auto& [to, from] : grouped(cluster, links, &Edge::to, &Edge::from)) {
    const std::string on(end_name(cluster, to));
    const std::string rule = fmt::format(
        "INPUT -s {} -p tcp --tcp-flags PSH PSH -m statistic --mode nth --every {} -j DROP",
        fmt::join(from, ","), n);
    hand.strike.push_back({on, "iptables -I " + rule});
    hand.heal.push_back({on, "iptables -D " + rule});
  }
  return hand;
}

}  // namespace

std::string address_of(const Cluster& cluster, std::size_t end) {
  return "$" + std::string(end_name(cluster, end));
}

ByHand on_each(const Cluster& cluster, std::span<const std::size_t> machines,
               std::string_view strike, std::string_view heal) {
  ByHand hand;
  for (const std::size_t machine : machines) {
    const std::string name(end_name(cluster, machine));
    hand.strike.push_back({name, std::string(strike)});
    hand.heal.push_back({name, std::string(heal)});
  }
  return hand;
}

ByHand cut_by_hand(const Cluster& cluster, std::span<const Edge> links) {
  ByHand hand;
  for (const auto& [to, from] : grouped(cluster, links, &Edge::to, &Edge::from)) {
    const std::string on(end_name(cluster, to));
    const std::string rule = fmt::format("INPUT -s {} -j DROP", fmt::join(from, ","));
    hand.strike.push_back({on, "iptables -I " + rule});
    hand.heal.push_back({on, "iptables -D " + rule});
  }
  return hand;
}

ByHand shape_by_hand(const Cluster& cluster, std::span<const Edge> links,
                     const LinkPolicy& policy) {
  ByHand hand;
  const std::vector<std::string> netem = netem_by_hand(policy);
  if (!netem.empty())
    for (const auto& [from, to] : grouped(cluster, links, &Edge::from, &Edge::to)) {
      const std::string on(end_name(cluster, from));
      // Three bands as ever, and a fourth for what goes to these machines.
      hand.strike.push_back({on, "tc qdisc add dev eth0 root handle 1: prio bands 4"});
      for (const std::string& text : netem) hand.strike.push_back({on, text});
      hand.strike.push_back(
          {on, fmt::format("for to in {}; do tc filter add dev eth0 parent 1: protocol ip u32 "
                           "match ip dst $to flowid 1:4; done",
                           fmt::join(to, " "))});
      hand.heal.push_back({on, "tc qdisc del dev eth0 root"});
    }
  for (const Flap& flap : policy.flaps)
    for (const auto& [to, from] : grouped(cluster, links, &Edge::to, &Edge::from)) {
      const std::string on(end_name(cluster, to));
      const std::string rule = fmt::format("INPUT -s {} -j DROP", fmt::join(from, ","));
      hand.strike.push_back(
          {on,
           fmt::format("while iptables -I {0}; sleep {1}; iptables -D {0}; do sleep {2}; done &",
                       rule, seconds_text(flap.down), seconds_text(flap.up))});
      hand.heal.push_back({on, "kill %%; iptables -D " + rule});
    }
  const auto beyond = [&](const char* what) {
    hand.strike.push_back({std::string(end_name(cluster, links.front().from)), what});
  };
  if (policy.corrupt_unseen > 0)
    beyond("# no common tool corrupts packets and mends their checksums");
  for (const NthMessage& nth : policy.nth) {
    if (nth.fate == NthMessage::Fate::cut)
      beyond("# no common tool cuts a message in its middle");
    else if (!nth.every)
      beyond("# no common tool drops the n-th message alone");
    else
      hand = both_by_hand(std::move(hand), drop_by_hand(cluster, links, nth.n));
  }
  return hand;
}

ByHand both_by_hand(ByHand one, ByHand other) {
  for (auto part : {&ByHand::strike, &ByHand::heal})
    for (HandCommand& command : other.*part) (one.*part).push_back(std::move(command));
  return one;
}

}  // namespace faultline
