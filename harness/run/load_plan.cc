#include "harness/run/load_plan.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "harness/core/text.h"

namespace faultline {
namespace {

using namespace std::chrono_literals;

constexpr double rate_min = 0.01, rate_max = 1e8;
constexpr std::size_t phases_max = 100;
constexpr Nanoseconds length_max = 24h * 30;
constexpr std::array<std::string_view, 3> kinds = {"ramp", "steady", "quiet"};

/// A rate that may be 0: "2000/s" or "0".
double read_rate(Params& phase, std::string_view key, double otherwise) {
  const std::string text = phase.text(key, format_rate(otherwise));
  const auto rate = parse_rate(text);
  const bool fits =
      rate && text != "unlimited" && *rate <= rate_max && (*rate == 0 || *rate >= rate_min);
  if (!fits)
    phase.fail(key, "expected a rate from 0.01/s to 100000000/s, or 0, found \"" + text + "\"");
  phase.set_resolved(key, format_rate(fits ? *rate : 0));
  return fits ? *rate : 0;
}

/// Reads phases in order; `at` is the rate that the load has reached.
class PhaseReader {
 public:
  explicit PhaseReader(double rate) : steady_rate_(rate) {}

  Result<LoadPhase> read(const ConfigNode& node) {
    Params params(node, "phase");
    std::string_view kind;
    int said = 0;
    for (const std::string_view word : kinds)
      if (params.has(word)) {
        kind = word;
        ++said;
      }
    for (const std::string_view word : {"from", "to", "rate"})  // known, if not to every kind
      if (kind.empty()) params.has(word);
    if (kind.empty() || said > 1) {
      if (const Status known = params.finish(); !known) return known.error();
      return error_at(node.where,
                      "a phase: expected one of ramp, steady and quiet, as in { ramp: 10s, to: "
                      "2000/s }");
    }
    LoadPhase phase;
    phase.length = params.duration(kind, 1s);
    if (phase.length < 1ms || phase.length > length_max)
      params.fail(kind, "expected a duration from 1ms to " + format_duration(length_max));
    if (kind == "ramp")
      read_ramp(params, phase);
    else if (kind == "steady")
      read_steady(params, phase);
    else
      phase.kind = LoadPhase::Kind::quiet;
    if (const Status status = params.finish(); !status) return status.error();
    at_ = phase.to;
    resolved.emplace_back(params.resolved());
    return phase;
  }

  List resolved;

 private:
  void read_ramp(Params& params, LoadPhase& phase) {
    phase.kind = LoadPhase::Kind::ramp;
    phase.from = read_rate(params, "from", at_);
    if (!params.has("to") && steady_rate_ == 0)
      params.fail(params.where(), "a ramp: \"to\" is missing, and workload.rate is unlimited");
    phase.to = read_rate(params, "to", steady_rate_);
    if (phase.from == 0 && phase.to == 0)
      params.fail("ramp", "from 0 to 0 asks for nothing; say quiet");
    if (phase.to > 0) steady_rate_ = phase.to;
  }
  void read_steady(Params& params, LoadPhase& phase) {
    if (!params.has("rate") && steady_rate_ == 0)
      params.fail(params.where(),
                  "a steady phase: \"rate\" is missing, and workload.rate is "
                  "unlimited");
    phase.from = phase.to = read_rate(params, "rate", steady_rate_);
    if (params.has("rate") && phase.to == 0) params.fail("rate", "0 asks for nothing; say quiet");
    steady_rate_ = phase.to;
  }

  double at_ = 0;
  double steady_rate_;  ///< Of the last phase that reached one, else workload.rate.
};

/// The workload's mapping with `mix` in place of its own, and without its roles.
ConfigNode with_mix(const ConfigNode& workload, const ConfigNode& mix) {
  ConfigNode merged = workload;
  std::erase_if(merged.members, [](const ConfigNode::Member& member) {
    return member.key == "roles" || member.key == "mix";
  });
  merged.members.push_back({"mix", mix.where, mix});
  return merged;
}

}  // namespace

LoopPlan read_loop(Params& workload) {
  LoopPlan plan;
  constexpr std::array<std::string_view, 2> loops = {"closed", "open"};
  constexpr std::array<std::string_view, 2> spacings = {"poisson", "constant"};
  if (workload.choice("load", "closed", loops) == "open") {
    plan.open = workload.choice("arrivals", "poisson", spacings) == "poisson"
                    ? Arrivals::Spacing::poisson
                    : Arrivals::Spacing::constant;
  } else if (workload.has("arrivals")) {
    workload.fail("arrivals", "only an open loop has arrivals; say load: open as well");
  }
  plan.concurrency =
      static_cast<std::size_t>(workload.integer("concurrency", plan.open ? 100 : 20, 1, 1000));
  plan.rate = workload.rate("rate", 2000);
  if (plan.rate != 0 && (plan.rate < rate_min || plan.rate > rate_max))
    workload.fail("rate", "expected from 0.01/s to 100000000/s, or unlimited");
  if (plan.open && plan.rate == 0)
    workload.fail("rate",
                  "an open loop needs a rate: it sends when requests are due, not when "
                  "answers come");
  return plan;
}

Result<std::vector<RolePlan>> read_roles(Params& params, const ConfigNode& workload,
                                         std::span<const std::string_view> own_keys,
                                         const WorkloadEntry& entry,
                                         std::span<const Function> available,
                                         std::size_t concurrency) {
  std::vector<RolePlan> roles;
  const ConfigNode* list = params.node("roles");
  if (list == nullptr) return roles;
  if (list->kind != ConfigNode::Kind::sequence)
    return error_at(list->where,
                    "roles: expected a list, as in roles: [{ processes: 2, mix: { read: 1 } }]");
  List resolved;
  std::size_t taken = 0;
  for (const ConfigNode& item : list->items) {
    Params role(item, "role");
    const auto processes = static_cast<std::size_t>(role.integer("processes", 1, 1, 1000));
    const ConfigNode* mix = role.node("mix");
    if (const Status status = role.finish(); !status) return status.error();
    if (mix == nullptr)
      return error_at(item.where, "role: \"mix\" is missing: what these processes ask");
    taken += processes;
    if (taken > concurrency)
      return error_at(item.where, "role: " + std::to_string(taken) +
                                      " processes with a role by now, but only " +
                                      std::to_string(concurrency) + " in all (concurrency)");
    const ConfigNode merged = with_mix(workload, *mix);
    Params own(merged, "role");
    for (const std::string_view key : own_keys) own.has(key);
    auto made = entry.make(own, available);
    if (!made) return made.error();
    if (const Status status = own.finish(); !status) return status.error();
    for (const auto& [key, value] : own.resolved())
      if (key == "mix") role.set_resolved(key, value);
    roles.push_back({processes, std::move(*made)});
    resolved.emplace_back(role.resolved());
  }
  params.set_resolved("roles", std::move(resolved));
  return roles;
}

Result<LoadProfile> read_phases(const ConfigNode& list, double rate, List& resolved) {
  if (list.kind != ConfigNode::Kind::sequence || list.items.empty() ||
      list.items.size() > phases_max)
    return error_at(list.where, "phases: expected a list of up to " + std::to_string(phases_max) +
                                    ", as in phases: [{ ramp: 10s, to: 2000/s }, { steady: 60s }]");
  PhaseReader reader(rate);
  std::vector<LoadPhase> phases;
  Nanoseconds length{};
  for (const ConfigNode& item : list.items) {
    const Result<LoadPhase> phase = reader.read(item);
    if (!phase) return phase.error();
    phases.push_back(*phase);
    length += phase->length;
  }
  if (length > length_max)
    return error_at(list.where, "phases: longer than " + format_duration(length_max) + " in all");
  if (std::ranges::all_of(
          phases, [](const LoadPhase& phase) { return phase.kind == LoadPhase::Kind::quiet; }))
    return error_at(list.where, "phases: all of them are quiet, so that nothing would be asked");
  resolved = std::move(reader.resolved);
  return LoadProfile(std::move(phases));
}

}  // namespace faultline
