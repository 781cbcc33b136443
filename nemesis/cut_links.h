// Evidence that links are cut, and that they are open again: packets, never the rules' text. For
// every fault that cuts links.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "harness/core/levers.h"
#include "harness/core/nemesis.h"

namespace faultline {

std::string link_name(Levers& levers, const Edge& edge);  ///< "n1>n3", "clients>n2".

/// [["n1", "n3"], …]: what was done, not evidence of it, and therefore never shortened.
List all_links(Levers& levers, std::span<const Edge> edges);
/// The same, at most evidence_items_max of them.
List named_links(Levers& levers, std::span<const Edge> edges);

/// The links of all_links() that evidence tells under `key`, as many as its "links" says; nothing
/// if there is no such key. `machines` are the names.
Result<std::optional<std::set<Edge>>> read_links(const Map& evidence, std::string_view key,
                                                 std::span<const std::string> machines);

/// Every link between `victims` and all other machines and the controller, in both directions: what
/// a machine that is off or frozen neither sends nor receives.
std::vector<Edge> all_links_of(std::span<const std::size_t> victims, const Cluster& cluster);

/// Sends a datagram over each of these links, which must be cut by now: the link's own counter must
/// rise within `within`. Adds "drops" and "probe" to the evidence, and where one did not rise
/// "not_dropped", and the attestation is not effective.
Status attest_blocked(Levers& levers, std::span<const Edge> cut, std::chrono::nanoseconds within,
                      Attestation& attestation);

/// Before the links open: adds what met the cut, "drops" and "dropped". Best effort: a heal that a
/// failed injection asks for has perhaps nothing to count.
void tell_drops(Levers& levers, std::span<const Edge> cut, Attestation& attestation);

/// The longest that a packet is on such a link, but for one in thousands.
std::chrono::nanoseconds flight_max(const LinkPolicy& policy);

/// Whether links pass packets: a probe over each of them at once, and again every 100 ms until one
/// has arrived, several at once where links are lossy. Waits for nothing itself.
class LinkTrial {
 public:
  /// Probes may take `within`, and twice the time beyond it that the slowest link takes by its
  /// nature and by what faults make it do, or `on_its_way`, what an earlier packet may still take,
  /// as none is overtaken.
  LinkTrial(Levers& levers, std::span<const Edge> links, std::chrono::nanoseconds within,
            std::chrono::nanoseconds on_its_way = {});

  /// Sends what is due and looks; true once everything is known, or the time is over.
  bool step();

  // Afterwards.
  std::size_t size() const { return trials_.size(); }
  /// Links that proved nothing, as faults cut them or lose all of their packets.
  std::size_t held() const;
  std::vector<Edge> unreached() const;
  /// How long the first probe to arrive took, one way; of the links that passed one.
  std::vector<std::pair<Edge, std::chrono::nanoseconds>> times() const;
  /// A probe could not be sent: nothing is known then.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Trial {
    Edge link;
    std::vector<std::uint64_t> probes = {};
    std::optional<std::chrono::nanoseconds> took = {};
    bool held = false;
  };
  void send(Clock::time_point now);

  Levers& levers_;
  std::vector<Trial> trials_;
  std::chrono::nanoseconds within_, slowest_;
  Clock::time_point began_, next_sending_{};
  std::optional<Error> failure_;
};

/// If the trial could not send: the attestation is not effective, and says why.
bool tell_failure(const LinkTrial& trial, Attestation& attestation);

/// After the release of `links`: sends a datagram over each that no other fault cuts (at most
/// evidence_items_max); that they arrive is the rest of the attestation: see LinkTrial. Adds
/// "probed", "probe", "cut_by_others", "unreached".
void attest_open(Levers& levers, std::span<const Edge> links, std::chrono::nanoseconds within,
                 Attestation& attestation, std::chrono::nanoseconds on_its_way = {});

}  // namespace faultline
