// Whom a fault strikes, as a configuration says it: a number ("one", "minority", "majority",
// "all"), a role ("leader", "followers") or names (n1, [n1, n3]). Resolved when the fault strikes,
// for roles change during a run. A fault that strikes client machines has such victims of theirs
// (c1, [c1, c3]), but no roles.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
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

/// Whom words mean: nodes n1 … n`count`, or client machines c1 … c`count`.
struct Candidates {
  std::size_t count = 0;
  bool clients = false;
  /// If not empty, why client machines cannot be meant: for words that name them.
  std::string_view spares_clients = {};
};

/// `words` as configured. The error has no place and names the nearest word.
Result<Victims> parse_victims(const std::vector<std::string>& words, Candidates candidates);

/// The victims' indexes among `count` candidates, sorted and never empty. `leaders` are the nodes
/// that now believe they lead: of several, "leader" draws one; "followers" is everybody else. An
/// error if nobody fits, as when no leader is known.
Result<std::vector<std::size_t>> resolve_victims(const Victims& victims, std::size_t count,
                                                 std::span<const std::size_t> leaders, Rng rng);

}  // namespace faultline
