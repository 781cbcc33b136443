// How many requests a second the load asks for at every moment, and when each of them is due.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/core/rng.h"
#include "harness/run/schedule.h"

namespace faultline {

/// A part of the load: the rate goes in a straight line from one value to another.
struct LoadPhase {
  enum class Kind {
    ramp,    ///< From `from` to `to`.
    steady,  ///< Both are the same.
    quiet,   ///< Nothing is asked for; faults strike and heal all the same.
  };
  Kind kind = Kind::steady;
  Nanoseconds length{};
  double from = 0, to = 0;  ///< Requests a second.

  std::string text() const;  ///< "ramp to 2000/s", "steady 2000/s", "quiet".
};

/// "2000/s"; the shortest text that parse_rate() reads back.
std::string format_rate(double rate);

/// Phases one after the other. A value type. Times are nanoseconds since the load began.
class LoadProfile {
 public:
  /// As fast as answers come.
  LoadProfile() = default;
  /// Requires lengths > 0 and rates >= 0, one of them > 0.
  explicit LoadProfile(std::vector<LoadPhase> phases);
  /// One steady phase; without an end unless there is a length.
  static LoadProfile constant(double rate, std::optional<Nanoseconds> length = {});

  bool unlimited() const { return phases_.empty(); }
  std::span<const LoadPhase> phases() const { return phases_; }
  Nanoseconds begin_of(std::size_t phase) const { return begins_[phase]; }
  Nanoseconds length() const;

  /// The moment up to which `requests` have been asked for, and from which on the next is due;
  /// nullopt if it is never reached. Requires that it is not unlimited.
  std::optional<Nanoseconds> due(double requests) const;
  /// The phase that goes on at `time`; the last one from the end on.
  std::size_t phase_at(Nanoseconds time) const;

 private:
  std::vector<LoadPhase> phases_;
  std::vector<Nanoseconds> begins_;
  std::vector<double> requests_;  ///< Asked for up to the end of each phase.
};

/// When the requests of an open loop are due: a function of the profile and the seed. Not
/// thread-safe.
class Arrivals {
 public:
  enum class Spacing {
    constant,  ///< Evenly: request k when exactly k have been asked for.
    poisson,   ///< As from many independent users: exponential gaps around the same rate.
  };
  Arrivals(const LoadProfile& profile, Spacing spacing, Rng rng)
      : profile_(profile), spacing_(spacing), rng_(rng) {}

  /// The next one, never earlier than the one before; nullopt after the last.
  std::optional<Nanoseconds> next();

 private:
  const LoadProfile& profile_;
  Spacing spacing_;
  Rng rng_;
  double requests_ = 0;
  bool first_ = true;
};

}  // namespace faultline
