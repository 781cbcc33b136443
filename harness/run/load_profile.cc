#include "harness/run/load_profile.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <utility>

#include "harness/core/check.h"
#include "harness/core/text.h"

namespace faultline {
namespace {

constexpr Nanoseconds endless = std::chrono::hours(24 * 365);

}  // namespace

std::string format_rate(double rate) {
  char buffer[64];
  const auto [end, error] =
      std::to_chars(buffer, buffer + sizeof buffer, rate, std::chars_format::fixed);
  FAULTLINE_CHECK(error == std::errc());
  return std::string(buffer, end) + "/s";
}

std::string LoadPhase::text() const {
  if (kind == Kind::quiet) return "quiet";
  return (kind == Kind::ramp ? "ramp to " : "steady ") + format_rate(to);
}

LoadProfile::LoadProfile(std::vector<LoadPhase> phases) : phases_(std::move(phases)) {
  Nanoseconds begin{};
  double requests = 0;
  for (const LoadPhase& phase : phases_) {
    FAULTLINE_CHECK(phase.length.count() > 0 && phase.from >= 0 && phase.to >= 0);
    begins_.push_back(begin);
    begin += phase.length;
    requests += (phase.from + phase.to) / 2 * seconds_of(phase.length.count());
    requests_.push_back(requests);
  }
  FAULTLINE_CHECK(requests > 0);
}

LoadProfile LoadProfile::constant(double rate, std::optional<Nanoseconds> length) {
  return LoadProfile({{LoadPhase::Kind::steady, length.value_or(endless), rate, rate}});
}

Nanoseconds LoadProfile::length() const {
  return phases_.empty() ? Nanoseconds{} : begins_.back() + phases_.back().length;
}

std::optional<Nanoseconds> LoadProfile::due(double requests) const {
  FAULTLINE_CHECK(!unlimited());
  const auto at = std::upper_bound(requests_.begin(), requests_.end(), requests);
  if (at == requests_.end()) return std::nullopt;
  const auto index = static_cast<std::size_t>(at - requests_.begin());
  const LoadPhase& phase = phases_[index];
  const double before = index == 0 ? 0 : requests_[index - 1];
  const double wanted = std::max(0.0, requests - before);
  // The integral of the rate, from·t + slope·t²/2 = wanted, solved without a difference of nearly
  // equal numbers.
  const double slope = (phase.to - phase.from) / seconds_of(phase.length.count());
  const double root = std::sqrt(std::max(0.0, phase.from * phase.from + 2 * slope * wanted));
  const double after = wanted == 0 ? 0 : 2 * wanted / (phase.from + root);
  const Nanoseconds within(std::llround(after * 1e9));
  return begins_[index] + std::min(within, phase.length);
}

std::size_t LoadProfile::phase_at(Nanoseconds time) const {
  const auto after = std::upper_bound(begins_.begin(), begins_.end(), time);
  return after == begins_.begin() ? 0 : static_cast<std::size_t>(after - begins_.begin()) - 1;
}

std::optional<Nanoseconds> Arrivals::next() {
  if (spacing_ == Spacing::poisson)
    requests_ -= std::log1p(-rng_.uniform());
  else if (!std::exchange(first_, false))
    requests_ += 1;
  return profile_.due(requests_);
}

}  // namespace faultline
