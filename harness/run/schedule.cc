#include "harness/run/schedule.h"

#include <algorithm>
#include <string>
#include <tuple>

#include "harness/core/check.h"
#include "harness/core/text.h"

namespace faultline {
namespace {

/// Uniform in [low, high].
Nanoseconds draw(Nanoseconds low, Nanoseconds high, Rng& rng) {
  const auto width = static_cast<std::uint64_t>((high - low).count());
  return low + Nanoseconds(rng.below(width + 1));
}

}  // namespace

Status check_timing(const Timing& timing, Nanoseconds time) {
  const auto usage = [](std::string text) { return Error{std::move(text), ErrorKind::usage}; };
  if (timing.duration <= Nanoseconds(0)) return usage("for: must be longer than 0");
  const Nanoseconds first = timing.at.value_or(Nanoseconds(0));
  if (first + timing.duration > time)
    return usage("it would never strike: a fault of " + format_duration(timing.duration) +
                 (timing.at ? " from " + format_duration(first) : "") +
                 " does not fit into a load of " + format_duration(time));
  if (timing.every != Nanoseconds(0) && timing.every < timing.duration)
    return usage("every: " + format_duration(timing.every) + " is shorter than for: " +
                 format_duration(timing.duration) + ", so that it would overlap itself");
  if (timing.every != Nanoseconds(0) &&
      time / timing.every > static_cast<std::int64_t>(planned_faults_max))
    return usage("every: more than " + std::to_string(planned_faults_max) + " strikes");
  return Ok{};
}

std::vector<PlannedFault> plan_schedule(std::span<const Timing> timings, Nanoseconds time,
                                        Rng rng) {
  std::vector<PlannedFault> planned;
  for (std::size_t entry = 0; entry < timings.size(); ++entry) {
    const Timing& timing = timings[entry];
    FAULTLINE_CHECK(check_timing(timing, time));
    Rng own = rng.fork("entry", entry);
    const Nanoseconds last = time - timing.duration;  // the latest start
    const Nanoseconds spread = timing.every == Nanoseconds(0) ? last : timing.every;
    const Nanoseconds first =
        timing.at ? *timing.at : draw(Nanoseconds(0), std::min(spread, last), own);
    // With this, a late strike's heal still comes before the next early strike.
    const Nanoseconds jitter = std::min(timing.every / 10, (timing.every - timing.duration) / 2);
    planned.push_back({0, entry, first, first + timing.duration});
    if (timing.every == Nanoseconds(0)) continue;
    for (Nanoseconds base = first + timing.every; base - jitter <= last; base += timing.every) {
      const Nanoseconds start =
          std::max(draw(base - jitter, base + jitter, own), planned.back().end);
      if (start <= last) planned.push_back({0, entry, start, start + timing.duration});
    }
  }
  std::sort(planned.begin(), planned.end(), [](const PlannedFault& a, const PlannedFault& b) {
    return std::tuple(a.start, a.entry) < std::tuple(b.start, b.entry);
  });
  for (std::size_t i = 0; i < planned.size(); ++i) planned[i].id = static_cast<FaultId>(i + 1);
  return planned;
}

}  // namespace faultline
