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

/// For each end that `key` is of, "n2": the other ends.
template <typename Key, typename Other>
std::map<std::size_t, std::vector<std::string>> grouped(const Cluster& cluster,
                                                        std::span<const Edge> links, Key key,
                                                        Other other) {
  std::map<std::size_t, std::vector<std::string>> groups;
  for (const Edge& link : links) groups[link.*key].emplace_back(end_name(cluster, link.*other));
  return groups;
}

/// "$n2,$n3", or "$n2_6,$n3_6".
std::string addresses_of(const std::vector<std::string>& ends, std::string_view between, bool v6) {
  std::string text;
  for (const std::string& end : ends)
    text += (text.empty() ? "" : std::string(between)) + "$" + end + (v6 ? "_6" : "");
  return text;
}

/// At each receiver, what drops packets from its senders: first to insert it, then to delete it.
/// Packets of both families; `more` says which of them.
struct DropRule {
  std::string on, insert, remove;
};
std::vector<DropRule> drop_rules(const Cluster& cluster, std::span<const Edge> links,
                                 const std::string& more = "") {
  std::vector<DropRule> rules;
  for (const auto& [to, from] : grouped(cluster, links, &Edge::to, &Edge::from)) {
    const auto both = [&](const char* verb) {
      const auto one = [&](const char* program, bool v6) {
        return fmt::format("{} {} INPUT -s {}{} -j DROP", program, verb,
                           addresses_of(from, ",", v6), more);
      };
      return one("iptables", false) + "; " + one("ip6tables", true);
    };
    rules.push_back({std::string(end_name(cluster, to)), both("-I"), both("-D")});
  }
  return rules;
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

/// The netem of it, below the strike's class. What netem reorders it sends at once, without any
/// delay, and it holds back the others: the share is the other way round, and a delay of all is a
/// netem of its own, whose packets go to that one.
std::vector<std::string> netem_by_hand(const LinkPolicy& policy) {
  std::vector<std::string> commands;
  std::string parent = "1:$band";
  if (const std::string words = netem_words(policy); !words.empty()) {
    const bool goes_on = policy.reorder > 0;
    commands.push_back("tc qdisc add dev eth0 parent " + parent +
                       (goes_on ? " handle 1$band:" : "") + " netem" + words);
    parent = "1$band:1";
  }
  if (policy.reorder > 0)
    commands.push_back("tc qdisc add dev eth0 parent " + parent + " netem delay " +
                       milliseconds(policy.reorder_by) +
                       (policy.reorder < 1 ? " reorder " + percent(1 - policy.reorder) : ""));
  return commands;
}

/// Appends what puts these rules there, and what takes them away.
void add_rules(const std::vector<DropRule>& rules, ByHand& hand) {
  for (const DropRule& rule : rules) {
    hand.strike.push_back({rule.on, rule.insert});
    hand.heal.push_back({rule.on, rule.remove});
  }
}

/// A class of the strike's own at each sender, and a filter of each family that leads there.
void add_netem(const Cluster& cluster, std::span<const Edge> links,
               const std::vector<std::string>& netem, ByHand& hand) {
  for (const auto& [from, to] : grouped(cluster, links, &Edge::from, &Edge::to)) {
    const std::string on(end_name(cluster, from));
    // Its first three bands are as ever. What is there of the same name stays as it is.
    hand.strike.push_back({on, fmt::format("tc qdisc replace dev eth0 root handle 1: prio bands {}",
                                           hand_bands_max)});
    for (const std::string& text : netem) hand.strike.push_back({on, text});
    std::string filters, heal;
    for (const bool v6 : {false, true}) {
      // No two families may share a preference.
      const std::string filter = fmt::format("dev eth0 parent 1: protocol {} pref 0x{}$band",
                                             v6 ? "ipv6" : "ip", v6 ? "1" : "");
      filters += fmt::format(
          "{}for to in {}; do tc filter add {} u32 match {} dst $to flowid 1:$band; done",
          v6 ? "; " : "", addresses_of(to, " ", v6), filter, v6 ? "ip6" : "ip");
      heal += "tc filter del " + filter + "; ";
    }
    hand.strike.push_back({on, filters});
    hand.heal.push_back({on, heal + "tc qdisc del dev eth0 parent 1:$band"});
  }
}

}  // namespace

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
  add_rules(drop_rules(cluster, links), hand);
  return hand;
}

ByHand shape_by_hand(const Cluster& cluster, std::span<const Edge> links,
                     const LinkPolicy& policy) {
  ByHand hand;
  const std::vector<std::string> netem = netem_by_hand(policy);
  if (!netem.empty()) add_netem(cluster, links, netem, hand);
  for (const Flap& flap : policy.flaps)
    for (const DropRule& rule : drop_rules(cluster, links)) {
      hand.strike.push_back(
          {rule.on, fmt::format("while :; do {}; sleep {}; {}; sleep {}; done &", rule.insert,
                                seconds_text(flap.down), rule.remove, seconds_text(flap.up))});
      hand.heal.push_back({rule.on, "kill %%; " + rule.remove});
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
      // A segment that ends what the sender had to say has PSH: near enough to a message.
      add_rules(drop_rules(cluster, links,
                           fmt::format(" -p tcp --tcp-flags PSH PSH -m statistic --mode nth "
                                       "--every {}",
                                       nth.n)),
                hand);
  }
  return hand;
}

ByHand both_by_hand(ByHand one, ByHand other) {
  for (auto part : {&ByHand::strike, &ByHand::heal})
    for (HandCommand& command : other.*part) (one.*part).push_back(std::move(command));
  return one;
}

}  // namespace faultline
