// The rules of the general engine, by name, and how it may be run.
#pragma once

#include <cstddef>
#include <cstdint>

#include "checkers/linearizable/passage.h"

namespace faultline::linearizable {

/// The reduction rules. Tests break single ones and must notice. (The ones of the antichain that
/// are about writes have nothing to do here.)
struct GeneralRules : PassageRules {
  static constexpr bool only_observers_absorbed = true;
  static constexpr bool earliest_deadline = true;
  static constexpr bool infos_are_counted = true;  ///< An info happens once at most.
  static constexpr bool infos_live = true;         ///< Until they can only happen in vain.
  static constexpr bool only_commuting_wait = true;
  static constexpr bool visited_knows_pending = true;  ///< Depth first: also what is done.
  static constexpr bool only_takes_at_once = true;
  static constexpr bool puts_with_takes_undone = true;  ///< … at once only if nothing remains.
  static constexpr bool only_passages_in_order = true;  ///< A put waits for one taken out first.
  static constexpr bool only_unused_infos_awaited = true;
  static constexpr bool goes_back = true;  ///< With a wider beam, where a narrow one dies.
  static constexpr bool truncation_remembered = true;  ///< … to a set that may not be all there is.
  /// In ends of operations: between moments to go back to, and how far back at first.
  static constexpr std::size_t checkpoint_every = 64, goes_back_first = 128;
  /// Combinations of infos, before those that no configuration has are first forgotten.
  static constexpr std::size_t used_at_first = 4096;
  static constexpr bool compare_reads = true;  ///< More observers done are better.
  static constexpr bool compare_used = true;   ///< Fewer infos used are better.
  static constexpr bool compare_cas = true;    ///< Done sets of changes must be equal.
  static constexpr bool compare_optional = true;
  static constexpr bool fresh_against_consumed = true;
};

struct GeneralOptions {
  /// `both` and `beams` widen the beam from pass to pass, `both` with a turn of `depth` after each;
  /// `breadth` begins and ends with the widest.
  enum class Strategy : std::uint8_t { both, beams, breadth, depth };
  Strategy strategy = Strategy::both;
  /// Most configurations to keep in the first pass; each further pass keeps 16 times more.
  std::size_t beam = 16;
};

}  // namespace faultline::linearizable
