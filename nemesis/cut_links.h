// Evidence that links are cut, and that they are open again: packets, never the rules' text. For
// every fault that cuts links.
#pragma once

#include <chrono>
#include <optional>
#include <set>
#include <span>
#include <string>
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

/// After the release of `links`: a datagram over each that no other fault cuts (at most
/// evidence_items_max) must arrive within `within`, all together. Adds "probed", "probe",
/// "cut_by_others", "unreached".
Status attest_open(Levers& levers, std::span<const Edge> links, std::chrono::nanoseconds within,
                   Attestation& attestation);

/// Whether a probe arrives until `deadline`. Sent again and again: another fault may lose some.
Result<bool> arrives(Levers& levers, const Edge& edge,
                     std::chrono::steady_clock::time_point deadline);

/// The time until `deadline`, for probes that share one limit: forty links that pass nothing must
/// not take forty times as long, for the next fault and the next heal wait meanwhile.
std::chrono::milliseconds left_until(std::chrono::steady_clock::time_point deadline);

}  // namespace faultline
