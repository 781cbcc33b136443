// The rules of the register's search, by name, and what it answers.
//
// Rules that keep the set small, each exact and each with a mutant that the tests must kill:
//  - absorption of observers: a pending read of the state, or mismatch of another value, is done at
//    once, also at its begin. It changes nothing.
//  - absorption of writes: a write that happens could have been preceded by any other pending
//    write, unseen. Those become `optional`: their obligation is met, and they may still happen
//    later.
//  - usefulness: before the ending call, let a pending write happen only if somebody waits for its
//    value; an optional write at its own end only if somebody may still observe it.
//  - hope: where an ending read or cas waits for a state that nothing pending brings any more,
//  there
//    is nothing to try.
//  - deadlines: of pending writes of one value take the one that ends first.
//  - dominance: drop a configuration whose successes another one includes. An `optional` write is
//    better than both a fresh and a consumed one; fresh and consumed do not compare.
//  - infos are optional for ever: no bits, but counters per class of equal infos, and a class is
//    forgotten when nobody can observe it any more.
//  - values that nothing ever compares with are one value.
// With infos and mismatches, unobserved infos matter: they can be why the state differed.
#pragma once

#include <cstddef>

#include "checkers/linearizable/call.h"

namespace faultline::linearizable {

/// The reduction rules. Tests break single ones and must notice.
struct SearchRules {
  static constexpr bool absorbed_writes_stay_usable = true;
  static constexpr bool equal_writes_only = true;  ///< At its begin only a write of the state is
                                                   ///< absorbed.
  static constexpr bool useful_to_reads = true;
  static constexpr bool useful_to_cas = true;
  static constexpr bool useful_to_mismatches = true;
  static constexpr bool useful_through_infos = true;  ///< A write that an info cas continues.
  static constexpr bool brought_by_cas = true;        ///< What an end waits for may come by a cas,
  static constexpr bool brought_by_infos = true;      ///< … or by an info.
  static constexpr bool late_optional_writes = true;  ///< An optional write may happen at its end.
  static constexpr bool late_for_mismatches = true;   ///< … also for a later mismatch.
  static constexpr bool earliest_deadline = true;
  static constexpr bool fresh_against_consumed = true;    ///< They do not compare.
  static constexpr bool compare_optional = true;          ///< More optional writes are better.
  static constexpr bool compare_reads = true;             ///< More reads done are better.
  static constexpr bool compare_used = true;              ///< Fewer infos used are better.
  static constexpr bool compare_cas = true;               ///< Done sets of cas must be equal.
  static constexpr bool infos_are_counted = true;         ///< An info happens once at most.
  static constexpr bool infos_live_through_infos = true;  ///< Useful while an info cas can use it.
  static constexpr bool infos_live_for_mismatches = true;
  static constexpr bool thrifty = true;  ///< At first, infos are spent only where it must be.
  static constexpr bool thrift_remembered = true;  ///< … and what that gave up is not all there is.
  static constexpr bool goes_back = true;          ///< With a wider beam, where a narrow one dies.
  static constexpr bool truncation_remembered = true;  ///< … to a set that may not be all there is.
  /// In ends of calls: between moments to go back to, and how far back at first.
  static constexpr std::size_t checkpoint_every = 256, goes_back_first = 512;
  static constexpr bool merged_values_uncompared =
      true;  ///< Only those that nothing compares with.
  static constexpr bool merged_states_uncompared = true;  ///< … nothing will compare with any more.
};

struct SearchResult {
  Validity validity = Validity::valid;
  const char* reason = "";        ///< If unknown.
  std::size_t failed_call = 0;    ///< If invalid: the call that could not take effect by its end.
  std::size_t calls_checked = 0;  ///< Calls that ended before the search did.
  std::size_t configurations_peak = 0;
  std::uint64_t bytes_peak = 0;  ///< Of memory, as the engine counts it against its budget.
};

struct SearchOptions {
  /// Begin in every state, for a window of a history whose past is cut off.
  bool any_initial_state = false;
  /// Try to refute the history with infos that may happen any number of times before the exact
  /// passes, for one that is expected to be invalid.
  bool unlimited_infos_first = false;
  /// Most configurations to keep in the first pass; each further pass keeps 16 times more.
  std::size_t beam = 16;
};

}  // namespace faultline::linearizable
