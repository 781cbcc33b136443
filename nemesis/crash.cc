// crash: the victims' machines die. First their links are cut, from other nodes and from the
// clients, then every process is killed, and what is left of their TCP connections is destroyed:
// nobody is told, no FIN and no RST leaves the node, as when the power goes. Heal starts the store
// again, and then opens the links; a peer that still speaks over an old connection gets a reset.
//
// What a machine loses beside that it does not lose here: writes that were not synced survive, as
// the page cache is this machine's and lives on.
#include <map>

#include "nemesis/attest.h"
#include "nemesis/by_hand.h"
#include "nemesis/cut_links.h"
#include "nemesis/dead_nodes.h"
#include "nemesis/nemeses.h"

namespace faultline {
namespace {

class Crash : public Nemesis {
 public:
  explicit Crash(std::chrono::nanoseconds within) : within_(within) {}

  std::string_view name() const override { return "crash"; }

  Status available(const Cluster& cluster) const override {
    const Status can_cut = cluster.can_cut();
    return can_cut ? cluster.can_destroy_connections() : can_cut;
  }

  Result<Attestation> inject(Levers& levers, FaultId id, std::span<const std::size_t> victims,
                             std::span<const std::size_t>, Rng) override {
    Crashed& crashed = crashed_[id];
    crashed.victims.assign(victims.begin(), victims.end());
    crashed.links = all_links_of(victims, levers.cluster());
    auto before = count_alive(levers, victims);
    if (!before) return before.error();
    if (const Status held = levers.hold_cut(id, crashed.links); !held) return held.error();
    for (const std::size_t victim : victims)
      if (const Status held = levers.hold_down(id, victim); !held) return held.error();

    Attestation attestation{true, {}};
    if (const Status dead = attest_dead(levers, victims, *std::move(before), within_, attestation);
        !dead)
      return dead.error();
    if (const Status none = destroy_connections(levers, victims, attestation); !none)
      return none.error();
    attestation.evidence.emplace_back("links", crashed.links.size());
    if (const Status blocked = attest_blocked(levers, crashed.links, within_, attestation);
        !blocked)
      return blocked.error();
    return attestation;
  }

  Result<ByHand> by_hand(const Cluster& cluster, std::span<const std::size_t> victims,
                         std::span<const std::size_t>, Rng) const override {
    ByHand hand = cut_by_hand(cluster, all_links_of(victims, cluster));
    ByHand dead =
        on_each(cluster, victims, "pkill -KILL $STORE; ss --tcp --kill", "systemctl start $STORE");
    dead.heal.swap(hand.heal);  // the store starts before the links open
    hand = both_by_hand(std::move(hand), std::move(dead));
    return hand;
  }

  Result<Attestation> heal(Levers& levers, FaultId id) override {
    const Crashed& crashed = crashed_[id];
    Attestation attestation{true, {}};
    tell_drops(levers, crashed.links, attestation);
    // What fails here is tried again by the release, which opens the links in any case.
    (void)levers.restart(id);
    if (const Status released = levers.release(id); !released) return released.error();
    if (const Status alive = attest_restarted(levers, crashed.victims, attestation); !alive)
      return alive.error();
    attest_open(levers, crashed.links, within_, attestation);
    return attestation;
  }

 private:
  struct Crashed {
    std::vector<std::size_t> victims;
    std::vector<Edge> links;
  };

  /// Sockets of the dead would go on to say FIN until somebody hears it.
  Status destroy_connections(Levers& levers, std::span<const std::size_t> victims,
                             Attestation& attestation) const {
    std::size_t left = 0;
    const auto none = await(within_, [&]() -> Result<bool> {
      left = 0;
      for (const std::size_t victim : victims) {
        const auto sockets = levers.cluster().destroy_connections(victim);
        if (!sockets) return at_node("connections of", levers, victim, sockets.error());
        left += *sockets;
      }
      return left == 0;
    });
    if (!none) return none.error();
    attestation.evidence.emplace_back("connections_left", left);
    if (left == 0) return Ok{};
    if (attestation.effective)
      attestation.evidence.emplace_back("reason", "TCP connections outlived the crash");
    attestation.effective = false;
    return Ok{};
  }

  std::chrono::nanoseconds within_;
  std::map<FaultId, Crashed> crashed_;
};

}  // namespace

Result<std::unique_ptr<Nemesis>> make_crash(Params& params) {
  return std::unique_ptr<Nemesis>(std::make_unique<Crash>(attest_within(params)));
}

}  // namespace faultline
