// meta.json: what was run, when, and on what.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "harness/core/target.h"
#include "harness/core/value.h"
#include "harness/run/availability.h"

namespace faultline {

/// Written at the start, so that a run that is killed can be repeated, and completed at the end:
/// what is empty is not known yet.
struct RunMeta {
  Map given;  ///< Of the program that runs it: its version, its command.
  std::string name;
  std::uint64_t seed = 0;
  Map store;              ///< describe_store().
  std::string rung;       ///< Of the world's isolation.
  Map monotonic_offsets;  ///< By node, nanoseconds; as a probe inside each found them.
  std::optional<std::chrono::system_clock::time_point> origin;  ///< Time 0 of every file.
  Period load;                                                  ///< Over, if it has an end.
  Map host_before;  ///< Attributes of the host that a run must not change.
  std::optional<Map> host_after;
  Map rest;
};

Value meta_value(const RunMeta& meta);

/// The store as meta.json has it: name, version, program and its sha256. Reads the whole program.
Map describe_store(const Target& target);

/// The names of the attributes that are not the same in both.
List differences(const Map& before, const Map& after);

}  // namespace faultline
