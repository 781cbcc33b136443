// pause: SIGSTOP to every process of the victims; heal continues them. The victims' kernels go on:
// they acknowledge segments and accept connections, so that a paused node is silent, not gone.
#include <map>

#include "nemesis/attest.h"
#include "nemesis/nemeses.h"

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

class Pause : public Nemesis {
 public:
  explicit Pause(std::chrono::nanoseconds within) : within_(within) {}

  std::string_view name() const override { return "pause"; }

  Result<Attestation> inject(Levers& levers, FaultId id, std::span<const std::size_t> victims,
                             std::span<const std::size_t>, Rng) override {
    victims_[id].assign(victims.begin(), victims.end());
    for (const std::size_t victim : victims)
      if (const Status held = levers.hold_paused(id, victim); !held) return held.error();

    std::size_t running = 0;
    std::vector<std::size_t> without_process;
    Map stopped;
    const auto all = await(within_, [&]() -> Result<bool> {
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

  Result<Attestation> heal(Levers& levers, FaultId id) override {
    const Status released = levers.release(id);
    if (!released) return released.error();
    std::vector<std::size_t> held;
    std::size_t stopped = 0;
    Map running;
    const auto none = await(within_, [&]() -> Result<bool> {
      held.clear();
      running.clear();
      stopped = 0;
      for (const std::size_t victim : victims_[id]) {
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
    Attestation attestation{*none, {{"running", std::move(running)}, {"stopped", stopped}}};
    if (!held.empty())
      attestation.evidence.emplace_back("held_by_others", node_names(levers, held));
    if (!*none) attestation.evidence.emplace_back("reason", "processes stayed stopped");
    return attestation;
  }

 private:
  std::chrono::nanoseconds within_;
  std::map<FaultId, std::vector<std::size_t>> victims_;
};

}  // namespace

Result<std::unique_ptr<Nemesis>> make_pause(Params& params) {
  return std::unique_ptr<Nemesis>(std::make_unique<Pause>(attest_within(params)));
}

}  // namespace faultline
