// pause: SIGSTOP to every process of the victims; heal continues them.
//   kind: process  the victims' kernels go on: they acknowledge segments and accept connections, so
//                  that a paused node is silent, not gone
//   kind: machine  a frozen machine: its links to other nodes and to the clients are cut as well,
//                  so that nothing is acknowledged; heal opens them and continues the processes
#include <algorithm>
#include <array>
#include <map>

#include "nemesis/attest.h"
#include "nemesis/cut_links.h"
#include "nemesis/nemeses.h"

namespace faultline {
namespace {

constexpr std::array<std::string_view, 2> kinds = {"process", "machine"};

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
  Pause(std::string_view kind, std::chrono::nanoseconds within) : kind_(kind), within_(within) {}

  std::string_view name() const override { return "pause"; }
  Map parameters() const override { return {{"kind", std::string(kind_)}}; }
  Status available(const Cluster& cluster) const override {
    return machine() ? cluster.can_cut() : Status(Ok{});
  }

  Result<Attestation> inject(Levers& levers, FaultId id, std::span<const std::size_t> victims,
                             std::span<const std::size_t>, Rng) override {
    Paused& paused = paused_[id];
    paused.victims.assign(victims.begin(), victims.end());
    if (machine()) paused.links = all_links_of(victims, levers.cluster().nodes().size());
    for (const std::size_t victim : victims)
      if (const Status held = levers.hold_paused(id, victim); !held) return held.error();
    if (machine())
      if (const Status held = levers.hold_cut(id, paused.links); !held) return held.error();

    auto attestation = attest_stopped(levers, victims);
    if (!attestation || !machine()) return attestation;
    attestation->evidence.emplace_back("links", paused.links.size());
    if (const Status blocked = attest_blocked(levers, paused.links, within_, *attestation);
        !blocked)
      return blocked.error();
    return attestation;
  }

  Result<Attestation> heal(Levers& levers, FaultId id) override {
    const Paused& paused = paused_[id];
    Attestation attestation{true, {}};
    tell_drops(levers, paused.links, attestation);
    const Status released = levers.release(id);
    if (!released) return released.error();
    if (const Status continued = attest_continued(levers, paused.victims, attestation); !continued)
      return continued.error();
    if (machine())
      if (const Status open = attest_open(levers, paused.links, within_, attestation); !open)
        return open.error();
    return attestation;
  }

 private:
  struct Paused {
    std::vector<std::size_t> victims;
    std::vector<Edge> links;  ///< Of kind machine.
  };
  bool machine() const { return kind_ == kinds[1]; }

  Result<Attestation> attest_stopped(Levers& levers, std::span<const std::size_t> victims) const {
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

  Status attest_continued(Levers& levers, std::span<const std::size_t> victims,
                          Attestation& attestation) const {
    std::vector<std::size_t> held;
    std::size_t stopped = 0;
    Map running;
    const auto none = await(within_, [&]() -> Result<bool> {
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
    if (!held.empty())
      attestation.evidence.emplace_back("held_by_others", node_names(levers, held));
    if (!*none) attestation.evidence.emplace_back("reason", "processes stayed stopped");
    return Ok{};
  }

  std::string_view kind_;
  std::chrono::nanoseconds within_;
  std::map<FaultId, Paused> paused_;
};

}  // namespace

Result<std::unique_ptr<Nemesis>> make_pause(Params& params) {
  const std::string kind = params.choice("kind", kinds[0], kinds);
  return std::unique_ptr<Nemesis>(
      std::make_unique<Pause>(*std::ranges::find(kinds, kind), attest_within(params)));
}

}  // namespace faultline
