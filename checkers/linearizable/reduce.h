// Makes the proof of a violation small, whatever the model: a few operations that are not
// linearizable by themselves, and whose violation is one of the whole history as well.
#pragma once

#include <vector>

#include "checkers/linearizable/model.h"

namespace faultline::linearizable {

struct ObjectProof {
  std::vector<std::size_t> places;  ///< In the operations, ascending.
  std::size_t failed = 0;           ///< The one that could not take effect by its end.
  bool minimal = false;             ///< Nothing more can be left out.
  /// What was answered later proves as much without its answer, as an info.
  Position unanswered_after = never;
};

/// The general engine's verdict about some operations of an object, as they were known at a moment:
/// what ends after `until` is an info. (An operation that was pending then may have waited for one
/// that is not among these: it need not have happened.)
Validity judge_part(const Operations& all, const std::vector<std::size_t>& places,
                    const ModelTraits& traits, const Setup& setup, Meter& meter,
                    Position until = never);

/// What can be left out of a linearizable history so that the rest is one as well: places of the
/// operations that go together, one way each.
std::vector<std::vector<std::size_t>> droppable(const Operations& all, const ModelTraits& traits,
                                                const Setup& setup);

/// `failed` could not take effect by its end, or one that ends later, if the model looks ahead.
/// Spends `meter`, and returns what it has when that is
/// used up.
ObjectProof reduce(const Operations& all, std::size_t failed, const ModelTraits& traits,
                   const Setup& setup, Meter& meter);

}  // namespace faultline::linearizable
