#include "nemesis/dead_nodes.h"

#include "nemesis/attest.h"

namespace faultline {

Result<Alive> count_alive(Levers& levers, std::span<const std::size_t> victims) {
  Alive alive;
  for (const std::size_t victim : victims) {
    const auto processes = levers.cluster().processes(victim);
    if (!processes) return at_node("processes of", levers, victim, processes.error());
    if (processes->empty()) alive.without_any.push_back(victim);
    alive.processes.emplace_back(node_name(levers, victim), processes->size());
  }
  return alive;
}

Status attest_dead(Levers& levers, std::span<const std::size_t> victims, Alive before,
                   std::chrono::nanoseconds within, Attestation& attestation) {
  std::size_t left = 0;
  const auto gone = await(within, [&]() -> Result<bool> {
    left = 0;
    for (const std::size_t victim : victims) {
      const auto processes = levers.cluster().processes(victim);
      if (!processes) return at_node("processes of", levers, victim, processes.error());
      left += processes->size();
    }
    return left == 0;
  });
  if (!gone) return gone.error();

  const bool any = before.without_any.size() < victims.size();
  if (left > 0 || !any) attestation.effective = false;
  attestation.evidence.emplace_back("processes", std::move(before.processes));
  attestation.evidence.emplace_back("left", left);
  if (!before.without_any.empty())
    attestation.evidence.emplace_back("nothing_to_kill", node_names(levers, before.without_any));
  if (left > 0)
    attestation.evidence.emplace_back("reason", "processes outlived SIGKILL");
  else if (!any)
    attestation.evidence.emplace_back("reason", "no victim had a process to kill");
  return Ok{};
}

Status attest_restarted(Levers& levers, std::span<const std::size_t> victims,
                        Attestation& attestation) {
  std::vector<std::size_t> held, dead;
  Map after;
  for (const std::size_t victim : victims) {
    if (levers.down(victim)) {
      held.push_back(victim);
      continue;
    }
    const auto processes = levers.cluster().processes(victim);
    if (!processes) return at_node("processes of", levers, victim, processes.error());
    if (processes->empty()) dead.push_back(victim);
    after.emplace_back(node_name(levers, victim), processes->size());
  }
  attestation.evidence.emplace_back("processes", std::move(after));
  if (!held.empty()) attestation.evidence.emplace_back("held_by_others", node_names(levers, held));
  if (dead.empty()) return Ok{};
  attestation.effective = false;
  attestation.evidence.emplace_back("dead", node_names(levers, dead));
  attestation.evidence.emplace_back("reason", "restarted, and ended at once");
  return Ok{};
}

}  // namespace faultline
