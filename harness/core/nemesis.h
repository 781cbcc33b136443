// A nemesis breaks one thing in one way, attests that it is broken, and puts it right again. When
// to do so is the schedule's business, and so is choosing the victims.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "harness/core/levers.h"
#include "harness/core/result.h"
#include "harness/core/rng.h"
#include "harness/core/value.h"

namespace faultline {

/// What an injection or a heal did, with evidence that it did it.
struct Attestation {
  bool effective = false;  ///< The evidence shows it: never assumed.
  Map evidence;            ///< {"pids": [...], "left": 0}; goes into faults.jsonl as it is.
  /// Of a heal: what came since shows that the injection was effective, although that could not be
  /// seen yet when it was attested.
  bool bore_out = false;
  /// Evidence that takes its time, as a probe does over a slow link, and for which no other fault
  /// and no heal must wait: looks whether it has come, never waits, and adds it to the attestation
  /// that it is given. True once there is no more to come. Empty: everything is here already. Must
  /// be called from the thread that pulls the levers, while these and the nemesis live.
  std::function<bool(Attestation&)> rest = {};
};

/// Looks for the rest of the evidence; true if the attestation is complete.
inline bool is_complete(Attestation& attestation) {
  if (attestation.rest && attestation.rest(attestation)) attestation.rest = nullptr;
  return !attestation.rest;
}
/// Waits for the rest.
inline Attestation complete(Attestation attestation) {
  while (!is_complete(attestation)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return attestation;
}

/// What a person types on a machine of a cluster of their own; "$n2" stands for n2's address of
/// IPv4, "$n2_6" for that of IPv6, and hand_band for a class of prio(8), in hexadecimal, that no
/// other strike which is on at the same time has: whoever shows several strikes puts it in.
inline constexpr std::string_view hand_band = "$band";
inline constexpr unsigned hand_bands_max = 16;  ///< The classes of prio(8): 1 to 16.
struct HandCommand {
  std::string on;  ///< "n2", "c1", "clients": the controller.
  std::string text;
};
struct ByHand {
  std::vector<HandCommand> strike, heal;
};

class Nemesis {
 public:
  virtual ~Nemesis() = default;
  virtual std::string_view name() const = 0;
  /// Its own parameters as resolved, for schedule.json and faults.jsonl: {"kind": "majority-ring"}.
  virtual Map parameters() const { return {}; }
  /// The victims when the configuration names none: "one", "minority", …, or "all" for a fault that
  /// chooses for itself within the cluster (partition).
  virtual std::string_view default_victims() const { return "one"; }
  /// True if its victims are client machines instead of nodes.
  virtual bool strikes_clients() const { return false; }
  /// Else why it cannot strike client machines, for who asks for it.
  virtual std::string_view spares_clients() const {
    return "this fault strikes nodes; client-stall strikes client machines";
  }
  /// True if a fault of these parameters needs to know who leads (partition isolate-leader).
  virtual bool needs_leader() const { return false; }
  /// True if it acts on single packets: then links are the switch's unless the configuration says
  /// otherwise.
  virtual bool needs_packets() const { return false; }

  /// Ok, or kind capability with the reason and the remedy. Asked before anything starts: a fault
  /// that silently does nothing makes a passing test a lie.
  virtual Status available(const Cluster&) const { return Ok{}; }

  /// Breaks `victims` (indexes of machines, sorted, not empty). `rng` belongs to this injection:
  /// same seed, same choice. `leaders` as the target reported them just now. On error nothing is
  /// assumed about what was done; the caller heals.
  virtual Result<Attestation> inject(Levers& levers, FaultId id,
                                     std::span<const std::size_t> victims,
                                     std::span<const std::size_t> leaders, Rng rng) = 0;

  /// What inject() does with these arguments, to the same links and by the same draws, and what
  /// heal() does then, in commands of standard tools, for a plan that is shown; as near as they
  /// get. Needs of the cluster no more than its machines. Fails as inject() does where there is
  /// nothing to break.
  virtual Result<ByHand> by_hand(const Cluster& cluster, std::span<const std::size_t> victims,
                                 std::span<const std::size_t> leaders, Rng rng) const = 0;

  /// For a replay, before anything starts: the next inject() of `id` makes the choice that
  /// `evidence` tells, which an earlier one attested, instead of drawing it; `machines` are the
  /// names.
  /// Nothing to do for a fault whose choice is a function of its victims. An error if the evidence
  /// does not tell.
  virtual Status recall(FaultId, const Map& /*evidence*/,
                        std::span<const std::string> /*machines*/) {
    return Ok{};
  }

  /// Undoes the injection `id` and attests that. Idempotent, and correct after a partial inject.
  /// `effective` is true if what no other fault holds works again.
  virtual Result<Attestation> heal(Levers& levers, FaultId id) = 0;
};

}  // namespace faultline
