// client-stall: SIGSTOP to every process of the client machines that are its victims; heal
// continues them. What a client asked before stays asked, and its answer is read when the client
// runs again; what it would have asked meanwhile it asks then. A stalled client that goes on in the
// belief that it still holds a lease or a lock is what this is for.
//
// Attested by the processes' states, and by a question that nobody answers; after the heal by an
// answer.
#include <map>

#include "nemesis/attest.h"
#include "nemesis/by_hand.h"
#include "nemesis/nemeses.h"
#include "nemesis/stopped.h"

namespace faultline {
namespace {

/// A machine that runs answers within microseconds; the processes' states are the proof.
constexpr std::chrono::milliseconds silence{10};

class ClientStall : public Nemesis {
 public:
  explicit ClientStall(std::chrono::nanoseconds within) : within_(within) {}

  std::string_view name() const override { return "client-stall"; }
  bool strikes_clients() const override { return true; }

  Status available(const Cluster& cluster) const override {
    if (!cluster.clients().empty()) return Ok{};
    return Error{
        "the clients are threads of the controller, which cannot be stopped by themselves; say "
        "clients: separate",
        ErrorKind::usage};
  }

  Result<Attestation> inject(Levers& levers, FaultId id, std::span<const std::size_t> victims,
                             std::span<const std::size_t>, Rng) override {
    stalled_[id].assign(victims.begin(), victims.end());
    for (const std::size_t victim : victims)
      if (const Status held = levers.hold_paused(id, victim); !held) return held.error();
    auto attestation = attest_stopped(levers, victims, within_);
    if (!attestation) return attestation;
    std::vector<std::size_t> answering;
    for (const std::size_t victim : victims) {
      const auto answered = levers.cluster().answers(victim, silence);
      if (!answered) return at_node("question to", levers, victim, answered.error());
      if (*answered) answering.push_back(victim);
    }
    attestation->evidence.emplace_back("answering", node_names(levers, answering));
    if (!answering.empty()) attestation->effective = false;
    return attestation;
  }

  Result<ByHand> by_hand(const Cluster& cluster, std::span<const std::size_t> victims,
                         std::span<const std::size_t>, Rng) const override {
    return on_each(cluster, victims, "pkill -STOP $CLIENT", "pkill -CONT $CLIENT");
  }

  Result<Attestation> heal(Levers& levers, FaultId id) override {
    const std::vector<std::size_t>& victims = stalled_[id];
    if (const Status released = levers.release(id); !released) return released.error();
    Attestation attestation{true, {}};
    if (const Status continued = attest_continued(levers, victims, within_, attestation);
        !continued)
      return continued.error();
    List silent;
    const auto limit = std::chrono::ceil<std::chrono::milliseconds>(within_);
    for (const std::size_t victim : victims) {
      if (levers.paused(victim)) continue;
      const auto answered = levers.cluster().answers(victim, limit);
      if (!answered) return at_node("question to", levers, victim, answered.error());
      if (!*answered) silent.emplace_back(node_name(levers, victim));
    }
    if (!silent.empty()) attestation.effective = false;
    attestation.evidence.emplace_back("silent", std::move(silent));
    return attestation;
  }

 private:
  std::chrono::nanoseconds within_;
  std::map<FaultId, std::vector<std::size_t>> stalled_;
};

}  // namespace

Result<std::unique_ptr<Nemesis>> make_client_stall(Params& params) {
  return std::unique_ptr<Nemesis>(std::make_unique<ClientStall>(attest_within(params)));
}

}  // namespace faultline
