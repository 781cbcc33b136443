// pause: SIGSTOP to every process of the victims; heal continues them.
//   kind: process  the victims' kernels go on: they acknowledge segments and accept connections, so
//                  that a paused node is silent, not gone
//   kind: machine  a frozen machine: its links to other nodes and to the clients are cut as well,
//                  so that nothing is acknowledged; heal opens them and continues the processes
#include <algorithm>
#include <array>
#include <map>

#include "nemesis/attest.h"
#include "nemesis/by_hand.h"
#include "nemesis/cut_links.h"
#include "nemesis/nemeses.h"
#include "nemesis/stopped.h"

namespace faultline {
namespace {

constexpr std::array<std::string_view, 2> kinds = {"process", "machine"};

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
    if (machine()) paused.links = all_links_of(victims, levers.cluster());
    for (const std::size_t victim : victims)
      if (const Status held = levers.hold_paused(id, victim); !held) return held.error();
    if (machine())
      if (const Status held = levers.hold_cut(id, paused.links); !held) return held.error();

    auto attestation = attest_stopped(levers, victims, within_);
    if (!attestation || !machine()) return attestation;
    attestation->evidence.emplace_back("links", paused.links.size());
    if (const Status blocked = attest_blocked(levers, paused.links, within_, *attestation);
        !blocked)
      return blocked.error();
    return attestation;
  }

  Result<ByHand> by_hand(const Cluster& cluster, std::span<const std::size_t> victims,
                         std::span<const std::size_t>, Rng) const override {
    ByHand hand = on_each(cluster, victims, "pkill -STOP $STORE", "pkill -CONT $STORE");
    if (!machine()) return hand;
    return both_by_hand(std::move(hand), cut_by_hand(cluster, all_links_of(victims, cluster)));
  }

  Result<Attestation> heal(Levers& levers, FaultId id) override {
    const Paused& paused = paused_[id];
    Attestation attestation{true, {}};
    tell_drops(levers, paused.links, attestation);
    const Status released = levers.release(id);
    if (!released) return released.error();
    if (const Status continued = attest_continued(levers, paused.victims, within_, attestation);
        !continued)
      return continued.error();
    if (machine()) attest_open(levers, paused.links, within_, attestation);
    return attestation;
  }

 private:
  struct Paused {
    std::vector<std::size_t> victims;
    std::vector<Edge> links;  ///< Of kind machine.
  };
  bool machine() const { return kind_ == kinds[1]; }

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
