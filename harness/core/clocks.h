// The wall clocks of nodes: how a fault shifts one, and the lever that does it. A shift is what the
// processes of a node are told when they ask for the time of day (CLOCK_REALTIME and its coarse
// form, CLOCK_TAI, gettimeofday, time). Monotonic clocks, timers and everything that the kernel
// itself stamps or awaits by the time of day go on as they are: docs/clocks.md says what that
// means for a finding.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "harness/core/result.h"

namespace faultline {

/// One fault's shift of one clock. Shifts of several faults add up, but for `freeze`: a clock that
/// stands still stands still for all of them, since the first.
struct Skew {
  enum class Kind : std::uint8_t {
    jump,         ///< By by_ns, at once.
    drift,        ///< By rate_q32 of the time that passes.
    strobe,       ///< By by_ns in the first half of every period, by nothing in the second.
    freeze,       ///< It stands still.
    random_walk,  ///< A step of at most by_ns either way at once and after every period.
  };
  Kind kind = Kind::jump;
  std::int64_t since_ns = 0;   ///< True wall clock, nanoseconds after 1970.
  std::int64_t by_ns = 0;      ///< Of jump and strobe of either sign; of a walk at least 0.
  std::int64_t rate_q32 = 0;   ///< Of drift, in units of 2^-32; see rate_of_ppm().
  std::int64_t period_ns = 0;  ///< Of strobe and walk, at least 2.
  std::uint64_t seed = 0;      ///< Of a walk.
  friend bool operator==(const Skew&, const Skew&) = default;
};

/// Parts per million as a rate; |ppm| <= 1e6.
std::int64_t rate_of_ppm(double ppm);

/// The sum of shifts between two steps of its walks, in the form that is computed whenever a
/// process asks for the time.
struct ClockShift {
  static constexpr std::size_t strobes_max = 3;
  struct Strobe {
    std::int64_t by_ns = 0;
    std::int64_t half_ns = 0;  ///< 0: none.
    std::int64_t since_ns = 0;
    friend bool operator==(const Strobe&, const Strobe&) = default;
  };
  std::int64_t offset_ns = 0;
  std::int64_t origin_ns = 0;  ///< True wall clock, from which the rate counts.
  std::int64_t rate_q32 = 0;
  std::array<Strobe, strobes_max> strobes{};  ///< Those of half_ns 0 last.

  /// What the clock shows more than the true wall clock at `true_ns`.
  std::int64_t at(std::int64_t true_ns) const;
  friend bool operator==(const ClockShift&, const ClockShift&) = default;
};

/// The sum as of `true_ns`. An error if more strobe than strobes_max.
Result<ClockShift> sum_of(std::span<const Skew> skews, std::int64_t true_ns);
/// When a walk takes its next step after `true_ns`, on the true wall clock; -1 if none walks.
std::int64_t next_step(std::span<const Skew> skews, std::int64_t true_ns);

/// What the wall clock of a node's processes was found to be.
struct ClockReading {
  struct Process {
    int pid = 0;                 ///< As the controller sees it.
    std::string command;         ///< /proc/PID/comm.
    std::string problem;         ///< Why its clock cannot be shifted; empty if it can.
    bool shifted = false;        ///< A shift is in force in it, even if it is one by nothing now.
    std::int64_t offset_ns = 0;  ///< Against the true wall clock, at at_ns.
    std::int64_t threads = 0;    ///< That were stopped when it was patched; 0 if it inherited that.
    std::int64_t stopped_ns = 0;  ///< How long they were.
  };
  /// Offsets found in the node while shifts were active, of all processes that can be shifted.
  struct Sample {
    std::int64_t at_ns = 0;  ///< True wall clock.
    std::int64_t least_ns = 0, most_ns = 0;
    std::int64_t processes = 0;
  };
  std::int64_t at_ns = 0;  ///< True wall clock.
  std::vector<Process> processes;
  /// Since the shifts last were none; thinned out to samples_max at most.
  std::vector<Sample> series;
  /// "COMMAND: WAIT": threads seen in waits until a time of day, which the kernel keeps by the true
  /// clock. Since the shifts last were none.
  std::vector<std::string> absolute_waits;
  /// System calls for the time of day, past the vDSO, that were answered with the shifted time; and
  /// those that could not be, whose programs were told the true one. Since the shifts last were
  /// none.
  std::int64_t kernel_calls = 0, kernel_calls_missed = 0;
  std::vector<std::string> kernel_callers;  ///< Their programs, /proc/PID/comm.

  static constexpr std::size_t samples_max = 40;
};

/// Not thread-safe: used by the one thread that pulls levers.
class Clocks {
 public:
  virtual ~Clocks() = default;
  /// Whether clocks can be shifted here; else of kind capability, with the reason and the remedy.
  /// To be asked before anything is started: programs that start afterwards are told a shifted time
  /// by the kernel's own system calls too, those that run already are not.
  virtual Status usable() = 0;
  /// The true wall clock: nanoseconds after 1970.
  virtual std::int64_t now_ns() const = 0;
  /// From now on these shifts, and no others, hold for every process of the node, those that it
  /// starts later included. Never an error because of a single process: see read(). A node without
  /// any process is shifted from its start on.
  virtual Status set(std::size_t node, std::span<const Skew> skews) = 0;
  /// Reads back what is in force in every process.
  virtual Result<ClockReading> read(std::size_t node) = 0;
};

}  // namespace faultline
