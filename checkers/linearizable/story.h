// What went wrong, as far as a few calls tell: which one saw what it should not have, and what it
// contradicts.
#pragma once

#include <string_view>
#include <vector>

#include "checkers/linearizable/call.h"
#include "checkers/linearizable/zones.h"

namespace faultline::linearizable {

struct Story {
  enum class Plot : std::uint8_t {
    none,            ///< `bad` fits no order.
    unwritten,       ///< `bad` observed a value that nobody wrote.
    future,          ///< `bad` observed a value before anybody (`evidence`) asked to write it.
    overwritten,     ///< `bad` observed a value although its successor had been acknowledged.
    lost,            ///< The same, and nobody ever saw the successor again.
    seen_newer,      ///< `bad` observed a value although its successor had been observed.
    two_successors,  ///< `bad` and `evidence` both replaced the same value.
    circle,          ///< Compare-and-sets that only ever expect each other's values.
  };
  Plot plot = Plot::none;
  Call bad;
  Call evidence;
  std::vector<Call> calls;  ///< Ordered by begin; not linearizable by themselves.
  bool complete = true;     ///< The writers of all observed values are among them.
};

/// ARCHITECTURE's names; `failed` tells an aborted read from a phantom.
///   phantom-read         a value observed that nobody wrote, or nobody yet
///   aborted-read         … whose only writes failed
///   stale-read           an older value observed although a newer one had been acknowledged
///   lost-write           … and after that acknowledgement nobody ever observed the newer one,
///   while
///                        at least two operations observed older ones before any further write
///                        began; also: two compare-and-sets replaced the same value
///   non-monotonic-read   … although a newer one had been observed (its write still pending)
///   not-linearizable     none of these explains it
std::string_view anomaly_of(Story::Plot plot, bool failed);
/// Every name that it can give, alphabetical.
std::vector<std::string_view> anomaly_names();

/// The pattern behind the zones' answer about these calls.
Story zone_story(std::span<const Call> calls, ValueId value_count, const ZoneResult& result);

/// An observed value without a writer that began in time, if there is one.
bool find_unwritten(std::span<const Call> calls, ValueId value_count, Story& story);

/// Of a small proof from the search: an acknowledged write among `proof` after which `bad` observed
/// a value that nobody of all `calls` wrote again.
Story search_story(std::span<const Call> calls, const std::vector<Call>& proof, const Call& bad);

}  // namespace faultline::linearizable
