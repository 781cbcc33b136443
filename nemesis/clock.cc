// clock: the processes of the victims are told a wrong time of day (harness/core/clocks.h).
//   kind: jump         by `by`, at once
//   kind: drift        `ppm` microseconds more every second
//   kind: strobe       by `by` in the first half of every `period`, by nothing in the second
//   kind: freeze       the clock stands still
//   kind: random-walk  a step of at most `by` either way, at once and after every `period`
// Heal takes the shift away: the clock jumps back to the true time, or to what other faults leave.
// Each victim is moved by a draw of its own.
//
// Attested by reading back, from inside the node, the code and the parameters that are in force in
// every process, and what time they yield, which must be what was asked for to the nanosecond.
#include <algorithm>
#include <cmath>
#include <map>

#include "nemesis/attest.h"
#include "nemesis/nemeses.h"
#include "nemesis/skew_choice.h"

namespace faultline {
namespace {

double rounded_seconds(std::int64_t time_ns) {
  return std::round(static_cast<double>(time_ns) / 1e3) / 1e6;
}

/// Of calls for the time, and of calls that executed a program which could not be followed.
std::string missed_calls(std::int64_t count) {
  return std::to_string(count) + " system calls were told the true time";
}

/// What was found of the victims' clocks, together.
struct Findings {
  Map offsets;    ///< {"n1": seconds}
  Map processes;  ///< {"n1": 2}
  List wrong;     ///< "n1: java: WHY"
  std::int64_t stopped_ns = 0;
  std::size_t count = 0;
};

class ClockFault : public Nemesis {
 public:
  ClockFault(const SkewSettings& settings, std::chrono::nanoseconds within)
      : settings_(settings), within_(within) {}

  std::string_view name() const override { return "clock"; }
  Map parameters() const override { return skew_parameters(settings_); }
  std::string_view spares_clients() const override {
    return "clients' clocks cannot be skewed: the times of a history are the controller's, and no "
           "client asks what time it is";
  }
  Status available(const Cluster& cluster) const override { return cluster.clocks().usable(); }

  Result<Attestation> inject(Levers& levers, FaultId id, std::span<const std::size_t> victims,
                             std::span<const std::size_t>, Rng rng) override {
    Injection& injection = injections_[id];
    injection.victims.assign(victims.begin(), victims.end());
    injection.since_ns = levers.cluster().clocks().now_ns();
    Map skews;
    for (const std::size_t victim : victims) {
      const auto recalled = injection.recalled.find(node_name(levers, victim));
      Skew skew = recalled != injection.recalled.end()
                      ? recalled->second
                      : draw_skew(settings_, rng.fork("n", victim));
      skew.since_ns = injection.since_ns;
      skews.emplace_back(node_name(levers, victim), skew_evidence(skew));
      if (const Status held = levers.hold_skewed(id, victim, skew); !held) return held.error();
    }
    Attestation attestation{false, {{"skews", std::move(skews)}}};
    const auto findings = await_shift(levers, victims);
    if (!findings) return findings.error();
    tell(*findings, attestation);
    attestation.evidence.emplace_back(
        "stopped_ms", std::round(static_cast<double>(findings->stopped_ns) / 1e3) / 1e3);
    attestation.effective = findings->wrong.empty() && findings->count > 0;
    if (findings->count == 0)
      attestation.evidence.emplace_back("reason", "no victim had a process to ask for the time");
    else if (!attestation.effective)
      attestation.evidence.emplace_back("reason", "not every process has the shifted clock");
    return attestation;
  }

  Result<ByHand> by_hand(const Cluster& cluster, std::span<const std::size_t> victims,
                         std::span<const std::size_t>, Rng rng) const override {
    ByHand hand;
    for (const std::size_t victim : victims) {
      SkewByHand one = skew_by_hand(draw_skew(settings_, rng.fork("n", victim)));
      const std::string& name = machine_of(cluster, victim).name;
      hand.strike.push_back({name, "timedatectl set-ntp false; " + one.strike});
      hand.heal.push_back({name, one.heal + "; timedatectl set-ntp true"});
    }
    return hand;
  }

  Status recall(FaultId id, const Map& evidence, std::span<const std::string>) override {
    const auto skews = std::ranges::find(evidence, "skews", &Map::value_type::first);
    // Without them it shifted nothing, as when no node could be reached: then they are drawn.
    if (skews == evidence.end()) return Ok{};
    if (skews->second.map() == nullptr) return Error{"\"skews\" of a clock fault is no map"};
    for (const auto& [node, told] : *skews->second.map()) {
      const auto skew = skew_of_evidence(settings_, told.map() ? *told.map() : Map{});
      if (!skew) return Error{node + ": " + skew.error().what};
      injections_[id].recalled[node] = *skew;
    }
    return Ok{};
  }

  Result<Attestation> heal(Levers& levers, FaultId id) override {
    const Injection& injection = injections_[id];
    Attestation attestation{true, measured(levers, injection)};
    if (const Status released = levers.release(id); !released) return released.error();
    const auto findings = await_shift(levers, injection.victims);
    if (!findings) return findings.error();
    tell(*findings, attestation);
    attestation.effective = findings->wrong.empty();
    List held;
    for (const std::size_t victim : injection.victims)
      if (!levers.skews(victim).empty()) held.emplace_back(node_name(levers, victim));
    if (!held.empty()) attestation.evidence.emplace_back("held_by_others", std::move(held));
    if (!attestation.effective)
      attestation.evidence.emplace_back("reason", "not every process has its clock back");
    return attestation;
  }

 private:
  struct Injection {
    std::vector<std::size_t> victims;
    std::int64_t since_ns = 0;
    std::map<std::string, Skew, std::less<>> recalled;  ///< By node.
  };

  static void tell(const Findings& findings, Attestation& attestation) {
    attestation.evidence.emplace_back("processes", findings.processes);
    attestation.evidence.emplace_back("offsets", findings.offsets);
    if (!findings.wrong.empty()) attestation.evidence.emplace_back("wrong", findings.wrong);
  }

  /// Until every process has what all faults together ask for, or the limit is over.
  Result<Findings> await_shift(Levers& levers, std::span<const std::size_t> victims) const {
    Findings findings;
    const auto all = await(within_, [&]() -> Result<bool> {
      findings = {};
      for (const std::size_t victim : victims)
        if (const Status looked = look(levers, victim, findings); !looked) return looked.error();
      return findings.wrong.empty();
    });
    if (!all) return all.error();
    return findings;
  }

  static Status look(Levers& levers, std::size_t victim, Findings& findings) {
    const auto reading = levers.cluster().clocks().read(victim);
    if (!reading) return at_node("read the clocks of", levers, victim, reading.error());
    const std::vector<Skew> skews = levers.skews(victim);
    const auto sum = sum_of(skews, reading->at_ns);
    if (!sum) return sum.error();
    const std::int64_t expected = sum->at(reading->at_ns);
    // A walk takes its steps when the node's init gets to it.
    std::int64_t tolerance = 0;
    for (const Skew& skew : skews)
      if (skew.kind == Skew::Kind::random_walk) tolerance += skew.by_ns;

    const std::string& node = node_name(levers, victim);
    for (const ClockReading::Process& process : reading->processes) {
      std::string why = process.problem;
      if (why.empty() && process.shifted == skews.empty())
        why = process.shifted ? "it is still shifted" : "it is not shifted";
      else if (why.empty() && std::abs(process.offset_ns - expected) > tolerance)
        why = "it is off by " + signed_duration(process.offset_ns - expected);
      // Whatever could not be shifted has the true time, as it ought to.
      if (skews.empty() && !process.shifted) why.clear();
      if (!why.empty() && findings.wrong.size() < evidence_items_max)
        findings.wrong.emplace_back(node + ": " + process.command + ": " + why);
      findings.stopped_ns = std::max(findings.stopped_ns, process.stopped_ns);
    }
    if (reading->kernel_calls_missed > 0 && !skews.empty() &&
        findings.wrong.size() < evidence_items_max)
      findings.wrong.emplace_back(node + ": " + missed_calls(reading->kernel_calls_missed));
    findings.count += reading->processes.size();
    findings.processes.emplace_back(node, reading->processes.size());
    if (!reading->processes.empty())
      findings.offsets.emplace_back(node, rounded_seconds(reading->processes.front().offset_ns));
    return Ok{};
  }

  /// Before the release: what was measured meanwhile, [seconds since the injection, least offset,
  /// most offset, processes], and what makes a finding doubtful. Best effort: a failed injection
  /// has perhaps nothing to read.
  static Map measured(Levers& levers, const Injection& injection) {
    const std::size_t victims = std::max<std::size_t>(1, injection.victims.size());
    const std::size_t each = std::max<std::size_t>(3, 5 * evidence_items_max / victims);
    Map series, kernel_calls;
    List doubts, callers;
    const auto doubt = [&](const std::string& text) {
      if (doubts.size() < evidence_items_max) doubts.emplace_back(text);
    };
    for (const std::size_t victim : injection.victims) {
      const auto reading = levers.cluster().clocks().read(victim);
      if (!reading) continue;
      const std::string& node = node_name(levers, victim);
      List points;
      const std::size_t stride = (reading->series.size() + each - 1) / each;
      for (std::size_t i = 0; i < reading->series.size(); ++i) {
        const ClockReading::Sample& sample = reading->series[i];
        if (sample.at_ns < injection.since_ns || i % stride != 0) continue;
        List point;
        point.emplace_back(rounded_seconds(sample.at_ns - injection.since_ns));
        point.emplace_back(rounded_seconds(sample.least_ns));
        point.emplace_back(rounded_seconds(sample.most_ns));
        point.emplace_back(sample.processes);
        points.emplace_back(std::move(point));
      }
      series.emplace_back(node, std::move(points));
      for (const std::string& wait : reading->absolute_waits)
        doubt(node + " waits until a time of day, which stayed true: " + wait);
      if (reading->kernel_calls_missed > 0)
        doubt(node + ": " + missed_calls(reading->kernel_calls_missed));
      if (reading->kernel_calls > 0) kernel_calls.emplace_back(node, reading->kernel_calls);
      for (const std::string& caller : reading->kernel_callers)
        if (callers.size() < evidence_items_max) callers.emplace_back(node + ": " + caller);
    }
    Map evidence = {{"series", std::move(series)}};
    // Those that asked the kernel instead of the vDSO, and were told the shifted time.
    if (!kernel_calls.empty()) evidence.emplace_back("system_calls", std::move(kernel_calls));
    if (!callers.empty()) evidence.emplace_back("system_callers", std::move(callers));
    if (!doubts.empty()) evidence.emplace_back("doubts", std::move(doubts));
    return evidence;
  }

  SkewSettings settings_;
  std::chrono::nanoseconds within_;
  std::map<FaultId, Injection> injections_;
};

}  // namespace

Result<std::unique_ptr<Nemesis>> make_clock(Params& params) {
  const SkewSettings settings = read_skew_settings(params);
  return std::unique_ptr<Nemesis>(std::make_unique<ClockFault>(settings, attest_within(params)));
}

}  // namespace faultline
