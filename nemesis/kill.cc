// kill: SIGKILL to every process of the victims; heal restarts their store. The machine lives on:
// its kernel closes the sockets, and peers see that at once.
#include <map>

#include "nemesis/attest.h"
#include "nemesis/nemeses.h"

namespace faultline {
namespace {

class Kill : public Nemesis {
 public:
  explicit Kill(std::chrono::nanoseconds within) : within_(within) {}

  std::string_view name() const override { return "kill"; }

  Result<Attestation> inject(Levers& levers, FaultId id, std::span<const std::size_t> victims,
                             std::span<const std::size_t>, Rng) override {
    victims_[id].assign(victims.begin(), victims.end());
    std::vector<std::size_t> nothing_to_kill;
    Map before;
    for (const std::size_t victim : victims) {
      const auto processes = levers.cluster().processes(victim);
      if (!processes) return at_node("processes of", levers, victim, processes.error());
      if (processes->empty()) nothing_to_kill.push_back(victim);
      before.emplace_back(node_name(levers, victim), processes->size());
    }
    for (const std::size_t victim : victims)
      if (const Status held = levers.hold_down(id, victim); !held) return held.error();

    std::size_t left = 0;
    const auto gone = await(within_, [&]() -> Result<bool> {
      left = 0;
      for (const std::size_t victim : victims) {
        const auto processes = levers.cluster().processes(victim);
        if (!processes) return at_node("processes of", levers, victim, processes.error());
        left += processes->size();
      }
      return left == 0;
    });
    if (!gone) return gone.error();

    Attestation attestation;
    attestation.effective = left == 0 && nothing_to_kill.size() < victims.size();
    attestation.evidence = {{"processes", std::move(before)}, {"left", left}};
    if (!nothing_to_kill.empty())
      attestation.evidence.emplace_back("nothing_to_kill", node_names(levers, nothing_to_kill));
    if (left > 0)
      attestation.evidence.emplace_back("reason", "processes outlived SIGKILL");
    else if (!attestation.effective)
      attestation.evidence.emplace_back("reason", "no victim had a process to kill");
    return attestation;
  }

  Result<Attestation> heal(Levers& levers, FaultId id) override {
    const Status released = levers.release(id);
    if (!released) return released.error();
    std::vector<std::size_t> held, dead;
    Map after;
    for (const std::size_t victim : victims_[id]) {
      if (levers.down(victim)) {
        held.push_back(victim);
        continue;
      }
      const auto processes = levers.cluster().processes(victim);
      if (!processes) return at_node("processes of", levers, victim, processes.error());
      if (processes->empty()) dead.push_back(victim);
      after.emplace_back(node_name(levers, victim), processes->size());
    }
    Attestation attestation{dead.empty(), {{"processes", std::move(after)}}};
    if (!held.empty())
      attestation.evidence.emplace_back("held_by_others", node_names(levers, held));
    if (!dead.empty()) {
      attestation.evidence.emplace_back("dead", node_names(levers, dead));
      attestation.evidence.emplace_back("reason", "restarted, and ended at once");
    }
    return attestation;
  }

 private:
  std::chrono::nanoseconds within_;
  std::map<FaultId, std::vector<std::size_t>> victims_;
};

}  // namespace

Result<std::unique_ptr<Nemesis>> make_kill(Params& params) {
  return std::unique_ptr<Nemesis>(std::make_unique<Kill>(attest_within(params)));
}

}  // namespace faultline
