// kill: SIGKILL to every process of the victims; heal restarts their store. The machine lives on:
// its kernel closes the sockets, and peers see that at once.
#include <map>

#include "nemesis/attest.h"
#include "nemesis/by_hand.h"
#include "nemesis/dead_nodes.h"
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
    auto before = count_alive(levers, victims);
    if (!before) return before.error();
    for (const std::size_t victim : victims)
      if (const Status held = levers.hold_down(id, victim); !held) return held.error();
    Attestation attestation{true, {}};
    if (const Status dead = attest_dead(levers, victims, *std::move(before), within_, attestation);
        !dead)
      return dead.error();
    return attestation;
  }

  Result<ByHand> by_hand(const Cluster& cluster, std::span<const std::size_t> victims,
                         std::span<const std::size_t>, Rng) const override {
    return on_each(cluster, victims, "pkill -KILL $STORE", "systemctl start $STORE");
  }

  Result<Attestation> heal(Levers& levers, FaultId id) override {
    const Status released = levers.release(id);
    if (!released) return released.error();
    Attestation attestation{true, {}};
    if (const Status alive = attest_restarted(levers, victims_[id], attestation); !alive)
      return alive.error();
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
