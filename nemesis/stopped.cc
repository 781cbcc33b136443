#include "nemesis/stopped.h"

#include "nemesis/attest.h"

namespace faultline {
namespace {

struct Count {
  std::size_t stopped = 0, running = 0;
};

Result<Count> count(Levers& levers, std::size_t node) {
  const auto processes = levers.cluster().processes(node);
  if (!processes) return at_node("processes of", levers, node, processes.error());
  Count result;
  for (const ProcessInfo& process : *processes)
    // T: stopped by a signal; t: by a tracer, where the signal waits at the door.
    ++(process.state == 'T' || process.state == 't' ? result.stopped : result.running);
  return result;
}

}  // namespace

Result<Attestation> attest_stopped(Levers& levers, std::span<const std::size_t> victims,
                                   std::chrono::nanoseconds within) {
  std::size_t running = 0;
  std::vector<std::size_t> without_process;
  Map stopped;
  const auto all = await(within, [&]() -> Result<bool> {
    running = 0;
    without_process.clear();
    stopped.clear();
    for (const std::size_t victim : victims) {
      const auto counted = count(levers, victim);
      if (!counted) return counted.error();
      running += counted->running;
      if (counted->stopped + counted->running == 0) without_process.push_back(victim);
      stopped.emplace_back(node_name(levers, victim), counted->stopped);
    }
    return running == 0;
  });
  if (!all) return all.error();

  Attestation attestation;
  attestation.effective = running == 0 && without_process.size() < victims.size();
  attestation.evidence = {{"stopped", std::move(stopped)}, {"running", running}};
  if (!without_process.empty())
    attestation.evidence.emplace_back("nothing_to_pause", node_names(levers, without_process));
  if (running > 0)
    attestation.evidence.emplace_back("reason", "processes went on after SIGSTOP");
  else if (!attestation.effective)
    attestation.evidence.emplace_back("reason", "no victim had a process to pause");
  return attestation;
}

Status attest_continued(Levers& levers, std::span<const std::size_t> victims,
                        std::chrono::nanoseconds within, Attestation& attestation) {
  std::vector<std::size_t> held;
  std::size_t stopped = 0;
  Map running;
  const auto none = await(within, [&]() -> Result<bool> {
    held.clear();
    running.clear();
    stopped = 0;
    for (const std::size_t victim : victims) {
      if (levers.paused(victim)) {
        held.push_back(victim);
        continue;
      }
      const auto counted = count(levers, victim);
      if (!counted) return counted.error();
      stopped += counted->stopped;
      running.emplace_back(node_name(levers, victim), counted->running);
    }
    return stopped == 0;
  });
  if (!none) return none.error();
  attestation.effective = *none;
  attestation.evidence.emplace_back("running", std::move(running));
  attestation.evidence.emplace_back("stopped", stopped);
  if (!held.empty()) attestation.evidence.emplace_back("held_by_others", node_names(levers, held));
  if (!*none) attestation.evidence.emplace_back("reason", "processes stayed stopped");
  return Ok{};
}

}  // namespace faultline
