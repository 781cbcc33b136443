#include "harness/run/outline.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "harness/run/before_by_hand.h"
#include "harness/run/injector.h"
#include "harness/run/paper_cluster.h"
#include "harness/run/yaml.h"

namespace faultline {
namespace {

double to_seconds(Nanoseconds time) {
  return std::round(std::chrono::duration<double, std::milli>(time).count()) / 1e3;
}

List commands_value(const std::vector<HandCommand>& commands) {
  List list;
  for (const HandCommand& command : commands)
    list.emplace_back(Map{{"on", command.on}, {"command", command.text}});
  return list;
}

std::string commands_text(std::string_view when, const std::vector<HandCommand>& commands) {
  std::string text;
  for (const HandCommand& command : commands) {
    text += fmt::format("#   {:<6}  {}: {}\n", when, command.on, command.text);
    when = "";
  }
  return text;
}

OutlinedStrike outlined(const Plan& plan, const PlannedFault& planned, const Cluster& cluster,
                        const Rng& faults) {
  const FaultPlan& fault = plan.faults[planned.entry];
  OutlinedStrike strike;
  strike.planned = planned;
  strike.leader_assumed = fault.needs_leader();
  std::vector<std::size_t> leaders, victims;
  if (strike.leader_assumed) leaders = {0};
  const StrikeRng rng(faults, planned.id);
  auto resolved = victims_of(fault, cluster, leaders, rng.victims);
  if (!resolved)
    strike.problem = resolved.error().what;
  else
    victims = *std::move(resolved);
  strike.what = strike_text(fault, cluster, victims);
  for (const std::size_t victim : victims)
    strike.victims.push_back(machine_of(cluster, victim).name);
  if (!strike.problem.empty()) return strike;

  auto hand = fault.nemesis->by_hand(cluster, victims, leaders, rng.nemesis);
  if (hand)
    strike.by_hand = *std::move(hand);
  else
    strike.problem = hand.error().what;
  return strike;
}

void put_in(std::vector<HandCommand>& commands, const std::string& band) {
  for (HandCommand& command : commands)
    for (std::size_t at = 0; (at = command.text.find(hand_band, at)) != std::string::npos;)
      command.text.replace(at, hand_band.size(), band);
}

/// Whether any of them gives packets a class of their own.
bool shapes(const std::vector<OutlinedStrike>& strikes) {
  return std::ranges::any_of(strikes, [](const OutlinedStrike& strike) {
    return std::ranges::any_of(strike.by_hand.strike, [](const HandCommand& command) {
      return command.text.starts_with("tc qdisc replace ");
    });
  });
}

/// Of each strike that wants one a class of prio, from the last on: none has that of another while
/// both are on. The first classes may be the network's, whose filters come behind ours.
void give_bands(std::vector<OutlinedStrike>& strikes) {
  std::vector<std::pair<Nanoseconds, unsigned>> taken;  // Until when.
  for (OutlinedStrike& strike : strikes) {
    auto& [commands, heal] = strike.by_hand;
    if (std::ranges::none_of(commands, [](const HandCommand& command) {
          return command.text.find(hand_band) != std::string::npos;
        }))
      continue;
    std::erase_if(taken, [&](const auto& one) { return one.first < strike.planned.start; });
    unsigned band = hand_bands_max;
    while (band > 1 &&
           std::ranges::find(taken, band, [](auto& one) { return one.second; }) != taken.end())
      --band;
    taken.emplace_back(strike.planned.end, band);
    for (auto* each : {&commands, &heal}) put_in(*each, fmt::format("{:x}", band));
  }
}

}  // namespace

Result<std::vector<OutlinedStrike>> outline(const Plan& plan) {
  const PaperCluster cluster(plan.nodes, plan.client_machines,
                             plan.network.links == LinksLever::packet_switch);
  for (const FaultPlan& fault : plan.faults)
    if (const Status can = fault.nemesis->available(cluster); !can)
      return Error{"fault " + fault.fault + ": " + can.error().what, can.error().kind};
  // As run_test() draws them.
  const Rng rng(plan.seed);
  std::vector<OutlinedStrike> strikes;
  for (const PlannedFault& planned : plan_schedule(plan.timings(), plan.time, rng.fork("schedule")))
    strikes.push_back(outlined(plan, planned, cluster, rng.fork("faults")));
  give_bands(strikes);
  return strikes;
}

std::string outline_text(const Plan& plan, const std::vector<OutlinedStrike>& strikes) {
  std::string text = to_yaml(plan.resolved);
  if (!text.ends_with('\n')) text += '\n';
  const auto before = before_by_hand(plan, PaperCluster(plan.nodes, plan.client_machines));
  if (strikes.empty() && before.empty()) return text + "\n# Nothing breaks.\n";
  bool leader_assumed = false;
  for (const OutlinedStrike& strike : strikes) leader_assumed |= strike.leader_assumed;
  text += fmt::format(
      "\n# What breaks, in seconds since the load begins, and how a person would do it on a "
      "cluster "
      "of\n# {} machines where $n1 … are their addresses, $n1_6 … those of IPv6, $clients is the "
      "controller's, and\n# $STORE is {}.\n",
      plan.nodes, plan.target->name());
  if (leader_assumed)
    text += "# Who leads is asked when it strikes; here n1 is taken for the leader.\n";
  if (!before.empty()) {
    text += "#\n# Before the stores are started:\n" + commands_text("before", before);
  }
  if (shapes(strikes))
    text +=
        "# Of several that shape packets of one link, the network among them, tc has one "
        "alone;\n# Faultline adds them up.\n";
  if (strikes.empty()) text += "#\n# Nothing breaks.\n";
  for (const OutlinedStrike& strike : strikes) {
    text += fmt::format("#\n# {:.3f} to {:.3f}: {}\n", to_seconds(strike.planned.start),
                        to_seconds(strike.planned.end), strike.what);
    if (!strike.problem.empty()) text += "#   strikes nobody: " + strike.problem + "\n";
    text += commands_text("strike", strike.by_hand.strike);
    text += commands_text("heal", strike.by_hand.heal);
  }
  return text;
}

Map outline_document(const Plan& plan, const std::vector<OutlinedStrike>& strikes) {
  List list;
  for (const OutlinedStrike& strike : strikes) {
    const FaultPlan& fault = plan.faults[strike.planned.entry];
    Map line = {{"fault", fault.fault}};
    for (const auto& parameter : fault.nemesis->parameters()) line.push_back(parameter);
    line.emplace_back("id", std::int64_t{strike.planned.id});
    line.emplace_back("entry", strike.planned.entry);
    line.emplace_back("start", to_seconds(strike.planned.start));
    line.emplace_back("end", to_seconds(strike.planned.end));
    line.emplace_back("victims", List(strike.victims.begin(), strike.victims.end()));
    if (strike.leader_assumed) line.emplace_back("leader_assumed", true);
    line.emplace_back("strike", commands_value(strike.by_hand.strike));
    line.emplace_back("heal", commands_value(strike.by_hand.heal));
    if (!strike.problem.empty()) line.emplace_back("problem", strike.problem);
    list.emplace_back(std::move(line));
  }
  const auto before = before_by_hand(plan, PaperCluster(plan.nodes, plan.client_machines));
  return {{"schema", "faultline.outline/1"},
          {"config", plan.resolved},
          {"before", commands_value(before)},
          {"strikes", std::move(list)}};
}

}  // namespace faultline
