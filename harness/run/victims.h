// Whom a fault strikes, as a configuration says it: a number ("one", "minority", "majority",
// "all"), a role ("leader", "followers") or names (n1, [n1, n3]). Resolved when the fault strikes,
// for roles change during a run.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "harness/core/result.h"
#include "harness/core/rng.h"

namespace faultline {

struct Victims {
  enum class Kind { one, minority, majority, all, leader, followers, named };
  Kind kind = Kind::one;
  std::vector<std::size_t> named;  ///< Indexes, sorted, without repetition.

  bool needs_leader() const { return kind == Kind::leader || kind == Kind::followers; }
};

/// `words` as configured, for nodes n1 … n`nodes`. The error has no place and names the nearest
/// word.
Result<Victims> parse_victims(const std::vector<std::string>& words, std::size_t nodes);

/// The victims' indexes, sorted and never empty. `leaders` are the nodes that now believe they
/// lead: of several, "leader" draws one; "followers" is everybody else. An error if nobody fits, as
/// when no leader is known.
Result<std::vector<std::size_t>> resolve_victims(const Victims& victims, std::size_t nodes,
                                                 std::span<const std::size_t> leaders, Rng rng);

}  // namespace faultline
