// Whether a target understands what a workload asks for, and how to say that it does not: a pure
// question of two components, asked while a configuration is read.
#pragma once

#include <span>
#include <string>

#include "harness/core/catalogue.h"
#include "harness/core/params.h"
#include "harness/core/target.h"
#include "harness/core/value.h"
#include "harness/core/workload.h"

namespace faultline {

/// Borrows all of it.
class Understanding {
 public:
  Understanding(std::span<const TargetEntry> targets, const Target& target, const Map& parameters)
      : targets_(targets), target_(target), parameters_(parameters) {}

  /// The error, if it does not, at the place in the workload's mapping `node` that asks for it.
  Status check(const ConfigNode& node, const Workload& workload) const;

  /// The target with what it was configured as, for a mode may decide what it understands:
  /// "target refkv (mode: quorum, bug: none)".
  std::string target_text() const;

  /// The names of those that offer transactions step by step, as they are with their defaults;
  /// "none".
  std::string targets_with_steps() const;

 private:
  std::span<const TargetEntry> targets_;
  const Target& target_;
  const Map& parameters_;
};

}  // namespace faultline
