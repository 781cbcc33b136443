// A plan for people to read before it is carried out (run --dry-run): the configuration with every
// default, each strike with its victims, and what somebody would type to do the same, and before it
// to have the same network and clocks. Starts nothing. Victims and choices are those of the run
// itself, by the same seed; only who leads is not known before, and n1 is taken for the leader.
#pragma once

#include <string>
#include <vector>

#include "harness/core/nemesis.h"
#include "harness/run/plan.h"

namespace faultline {

struct OutlinedStrike {
  PlannedFault planned;
  std::string what;                  ///< "kill n2 n4".
  std::vector<std::string> victims;  ///< Names of machines; none if there is nobody to strike.
  bool leader_assumed = false;
  ByHand by_hand;
  std::string problem;  ///< Why it strikes nobody; empty if it does.
};

/// An error where the run would refuse a fault on its cluster.
Result<std::vector<OutlinedStrike>> outline(const Plan& plan);

/// A configuration that makes the same plan, with the strikes as comments.
std::string outline_text(const Plan& plan, const std::vector<OutlinedStrike>& strikes);
/// {"schema": "faultline.outline/1", "config": …, "before": […], "strikes": […]}
Map outline_document(const Plan& plan, const std::vector<OutlinedStrike>& strikes);

}  // namespace faultline
