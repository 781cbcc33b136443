// Who no longer hears whom: pure functions from a shape and the nodes that it turns on to the set
// of directed links to cut. Shapes follow Jepsen's grudges (jepsen.nemesis: bisect, split-one,
// bridge, majorities-ring); `one-way`, `clients` and `groups` are ours. Clients reach every node
// unless a shape is told where they stand.
#pragma once

#include <cstddef>
#include <optional>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/core/cluster.h"
#include "harness/core/result.h"
#include "harness/core/rng.h"

namespace faultline {

using Grudge = std::set<Edge>;  ///< Links that pass nothing.

enum class PartitionKind {
  halves,             ///< Two random halves; of an odd number, one side is one larger.
  majority_minority,  ///< A strict majority against the rest.
  isolate_one,        ///< One node against all others.
  isolate_leader,     ///< Every node that says it leads, each alone, against all others.
  bridge,             ///< Two halves that meet in one node, which hears and is heard by all.
  majority_ring,      ///< Every node is linked with a majority, no two with the same one.
  one_way,            ///< A minority and a majority, of which only one side hears the other.
  clients,            ///< The clients against the victims; nodes hear each other.
  groups,             ///< As the configuration says, clients included.
};

/// Where the clients stand in a partition that has two sides.
enum class ClientsSide { everywhere, majority, minority };
/// What is lost between the clients and the victims of a partition `clients`.
enum class ClientsLoss { both, requests, answers };

/// In the order of the enumerations, as configurations have them.
std::span<const std::string_view> partition_kind_names();
std::span<const std::string_view> clients_side_names();
std::span<const std::string_view> clients_loss_names();
/// Whether the kind has a larger and a smaller side for clients to stand on.
bool has_sides(PartitionKind kind);
/// Below this many nodes the kind has no meaning.
std::size_t nodes_min(PartitionKind kind);

/// Members of different groups do not hear each other; clients_end may be one. A node in no group
/// is cut from nobody.
Grudge cut_between(std::span<const std::vector<std::size_t>> groups);
/// Nothing that `from` sends reaches `to`; either may have clients_end.
Grudge cut_one_way(std::span<const std::size_t> from, std::span<const std::size_t> to);
/// `order` bisected (the first half is the smaller), but the second half's first node, the bridge,
/// is cut from nobody. Requires at least 3 nodes.
Grudge bridge(std::span<const std::size_t> order);
/// `order` as a ring: every node is linked with its k neighbours on each side, and for an even
/// majority size, where the number of nodes is even, with the one opposite. So each sees exactly
/// the smallest majority where parity allows that, and one more where not. Requires at least 4
/// nodes: with 3, nobody's majority could differ from a neighbour's. For 5 this is Jepsen's perfect
/// ring.
Grudge majority_ring(std::span<const std::size_t> order);

struct GrudgeChoice {
  PartitionKind kind = PartitionKind::halves;
  std::size_t nodes = 0;
  /// The nodes that the shape turns on. All nodes means: the seed chooses.
  std::span<const std::size_t> victims;
  std::span<const std::size_t> leaders;
  /// one-way: whether the minority is not heard. Nothing: the seed chooses.
  std::optional<bool> minority_unheard;
  /// Not everywhere: requires a kind that has_sides(). The clients hear and are heard as a node of
  /// that side is.
  ClientsSide clients_side = ClientsSide::everywhere;
  ClientsLoss clients_loss = ClientsLoss::both;
  std::span<const std::vector<std::size_t>> groups = {};
};

/// The links that this fault cuts; an error says why there are none.
///   halves             the victims are ignored
///   majority-minority  the victims are one side, the rest the other; they must not be half
///   one-way            likewise
///   isolate-one        one of the victims, by the seed
///   bridge             the bridge is one of the victims, by the seed
///   majority-ring      the victims are ignored
///   isolate-leader     the leaders; the victims are ignored
///   clients            the victims, all of them
///   groups             the groups; the victims are ignored
Result<Grudge> choose_grudge(const GrudgeChoice& choice, Rng& rng);

/// Sets of nodes that reach each other by links open in both directions, directly or through
/// others, given what is cut. What is cut from clients does not count.
std::vector<std::vector<std::size_t>> components(std::size_t nodes, const Grudge& cut);

}  // namespace faultline
