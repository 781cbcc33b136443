// What a clock fault does to its victims: the settings of a configuration, and the skew that is
// drawn of them for one node. Pure.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "harness/core/clocks.h"
#include "harness/core/params.h"
#include "harness/core/rng.h"
#include "harness/core/value.h"

namespace faultline {

inline constexpr std::array<std::string_view, 5> skew_kinds = {"jump", "drift", "strobe", "freeze",
                                                               "random-walk"};  ///< As Skew::Kind.

struct SkewSettings {
  Skew::Kind kind = Skew::Kind::jump;
  std::int64_t by_least_ns = 0, by_most_ns = 0;  ///< Of a walk only the second.
  double ppm_least = 0, ppm_most = 0;
  std::int64_t period_ns = 0;
};

/// Reads `kind` and what belongs to it; `params` keeps the errors.
SkewSettings read_skew_settings(Params& params);
Map skew_parameters(const SkewSettings& settings);

/// Uniform within the settings; since_ns is the caller's.
Skew draw_skew(const SkewSettings& settings, Rng rng);

/// {"by": "-12.5s"}, {"ppm": 120.5}, …: what was drawn, so that of_evidence() is the same again.
Map skew_evidence(const Skew& skew);
Result<Skew> skew_of_evidence(const SkewSettings& settings, const Map& evidence);

/// Commands that do as much to the clock of a whole machine, and undo it; the machine's hardware
/// clock, which stays true, is what it is set by.
struct SkewByHand {
  std::string strike, heal;
};
SkewByHand skew_by_hand(const Skew& skew);

/// "-1h", "250ms": a duration of either sign, in its shortest exact form.
std::string signed_duration(std::int64_t time_ns);

}  // namespace faultline
