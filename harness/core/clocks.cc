#include "harness/core/clocks.h"

#include <algorithm>
#include <cmath>

#include "harness/core/rng.h"

namespace faultline {
namespace {

__extension__ using Wide = __int128;

constexpr std::int64_t whole_q32 = std::int64_t{1} << 32;

std::int64_t scaled(std::int64_t time_ns, std::int64_t rate_q32) {
  return static_cast<std::int64_t>((Wide{time_ns} * rate_q32) >> 32);
}

/// Where a walk stands. It took its first step when it began.
std::int64_t walked(const Skew& skew, std::int64_t true_ns) {
  Rng rng(skew.seed);
  const std::int64_t steps =
      std::max<std::int64_t>(0, true_ns - skew.since_ns) / skew.period_ns + 1;
  const auto choices = static_cast<std::uint64_t>(skew.by_ns) * 2 + 1;
  std::int64_t at = 0;
  for (std::int64_t i = 0; i < steps; ++i)
    at += static_cast<std::int64_t>(rng.below(choices)) - skew.by_ns;
  return at;
}

void add_rate(ClockShift& shift, std::int64_t rate_q32, std::int64_t since_ns) {
  if (shift.rate_q32 == 0) shift.origin_ns = since_ns;
  // offset + rate·(t - since) with the origin of those before it.
  shift.offset_ns += scaled(shift.origin_ns - since_ns, rate_q32);
  shift.rate_q32 += rate_q32;
}

}  // namespace

std::int64_t rate_of_ppm(double ppm) { return std::llround(ppm * 1e-6 * whole_q32); }

std::int64_t ClockShift::at(std::int64_t true_ns) const {
  std::int64_t shift = offset_ns + scaled(true_ns - origin_ns, rate_q32);
  for (const Strobe& strobe : strobes) {
    if (strobe.half_ns <= 0) break;
    const std::int64_t passed = true_ns - strobe.since_ns;
    if (passed >= 0 && passed / strobe.half_ns % 2 == 0) shift += strobe.by_ns;
  }
  return shift;
}

Result<ClockShift> sum_of(std::span<const Skew> skews, std::int64_t true_ns) {
  ClockShift shift;
  std::size_t strobes = 0;
  const Skew* frozen = nullptr;
  for (const Skew& skew : skews) {
    switch (skew.kind) {
      case Skew::Kind::jump:
        shift.offset_ns += skew.by_ns;
        break;
      case Skew::Kind::drift:
        add_rate(shift, skew.rate_q32, skew.since_ns);
        break;
      case Skew::Kind::strobe:
        if (strobes == ClockShift::strobes_max)
          return Error{"more than " + std::to_string(strobes) + " clock strobes at one time"};
        shift.strobes[strobes++] = {skew.by_ns, std::max<std::int64_t>(1, skew.period_ns / 2),
                                    skew.since_ns};
        break;
      case Skew::Kind::freeze:
        if (frozen == nullptr || skew.since_ns < frozen->since_ns) frozen = &skew;
        break;
      case Skew::Kind::random_walk:
        shift.offset_ns += walked(skew, true_ns);
        break;
    }
  }
  if (frozen != nullptr) add_rate(shift, -whole_q32, frozen->since_ns);
  return shift;
}

std::int64_t next_step(std::span<const Skew> skews, std::int64_t true_ns) {
  std::int64_t next = -1;
  for (const Skew& skew : skews) {
    if (skew.kind != Skew::Kind::random_walk) continue;
    const std::int64_t passed = std::max<std::int64_t>(0, true_ns - skew.since_ns);
    const std::int64_t step = skew.since_ns + (passed / skew.period_ns + 1) * skew.period_ns;
    next = next < 0 ? step : std::min(next, step);
  }
  return next;
}

}  // namespace faultline
