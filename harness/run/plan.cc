#include "harness/run/plan.h"

#include <algorithm>
#include <array>
#include <limits>

#include "harness/core/text.h"
#include "harness/core/value.h"
#include "harness/run/availability.h"
#include "harness/run/load_report.h"
#include "harness/run/understanding.h"

namespace faultline {
namespace {

using namespace std::chrono_literals;

/// Far beyond any run, and far from overflowing 64 bits of nanoseconds in a sum.
constexpr Nanoseconds duration_max = 24h * 30;

/// Client machines when the configuration does not say how many, and at most.
constexpr std::size_t client_machines_usual = 5, client_machines_max = 50;
constexpr const char* clients_expected =
    "clients: expected in-process, separate, or how many machines, as in { separate: 3 }";

const ConfigNode& empty_mapping() {
  static const ConfigNode empty;
  return empty;
}

Nanoseconds bounded_duration(Params& params, std::string_view key, Nanoseconds otherwise,
                             Nanoseconds min) {
  const Nanoseconds value = params.duration(key, otherwise);
  if (value >= min && value <= duration_max) return value;
  params.fail(key, "expected a duration from " + format_duration(min) + " to " +
                       format_duration(duration_max) + ", found " + format_duration(value));
  return otherwise;
}

/// `error`, at `where` unless it has a place already.
Error placed(const Where& where, const Error& error, std::string_view key) {
  if (error.kind != ErrorKind::usage) return error;
  return error_at(where, std::string(key) + (key.empty() ? "" : ": ") + error.what);
}

/// Where `key`'s value stands, or the mapping itself.
Where place_of(Params& params, std::string_view key) {
  const ConfigNode* node = params.node(key);
  return node != nullptr ? node->where : params.where();
}

/// One configuration read into one Plan. Each method reads one part, and returns the first error.
class Reader {
 public:
  Reader(const ConfigNode& root, const Catalogues& catalogues, const PlanDefaults& defaults)
      : root_(root), catalogues_(catalogues), defaults_(defaults), top_(root, "configuration") {}

  Result<Plan> read() {
    using Step = Status (Reader::*)();
    if (const Status status = check_keys(); !status) return status.error();
    read_scalars();
    for (const Step step : {&Reader::read_target, &Reader::read_workload, &Reader::read_clients,
                            &Reader::read_limits, &Reader::read_load, &Reader::read_faults,
                            &Reader::read_checks, &Reader::read_logs, &Reader::read_thresholds})
      if (const Status status = (this->*step)(); !status) return status.error();
    if (const Status status = top_.finish(); !status) return status.error();
    plan_.resolved = top_.resolved();
    return std::move(plan_);
  }

 private:
  /// First of all, so that "worklod:" is not reported as a missing workload.
  Status check_keys() {
    Params params(root_, "configuration");
    for (const std::string_view key :
         {"name",    "target", "workload", "links",      "network", "pcap",     "clocks",
          "clients", "phases", "faults",   "time",       "seed",    "startup",  "recovery",
          "checks",  "logs",   "budget",   "thresholds", "expect",  "keep-data"})
      params.has(key);
    return params.finish();
  }

  void read_scalars() {
    plan_.name = top_.text("name", defaults_.name);
    const auto fits = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '.' || c == '_' || c == '-';
    };
    if (plan_.name.empty() || plan_.name.size() > 100 || plan_.name.front() == '.' ||
        !std::all_of(plan_.name.begin(), plan_.name.end(), fits))
      top_.fail("name",
                "expected up to 100 letters, digits, \"-\", \"_\" or \".\", for it names a "
                "directory; found \"" +
                    plan_.name + "\"");
    // Known and checked now, so that they come before the components in config.yaml.
    plan_.time = bounded_duration(top_, "time", 60s, 1ms);
    plan_.seed =
        static_cast<std::uint64_t>(top_.integer("seed", static_cast<std::int64_t>(defaults_.seed),
                                                0, std::numeric_limits<std::int64_t>::max()));
    static constexpr std::array<std::string_view, 2> expectations = {"valid", "invalid"};
    if (top_.has("expect")) {
      const std::string word = top_.choice("expect", "valid", expectations);
      plan_.expect = word == "valid" ? Validity::valid : Validity::invalid;
    }
    plan_.keep_data = top_.boolean("keep-data", false);
  }

  /// The mapping `key`, or an empty one at the top's place.
  const ConfigNode& mapping(std::string_view key) {
    const ConfigNode* node = top_.node(key);
    return node != nullptr ? *node : empty_mapping();
  }

  /// Reads "name" and finds its entry; the runner's own keys must have been read before.
  template <typename Entry>
  Result<const Entry*> component(Params& params, std::span<const Entry> entries,
                                 std::string_view kind, std::string_view key) {
    const std::string name = params.required_text(key);
    const ConfigNode* node = params.node(key);
    if (node == nullptr || node->kind != ConfigNode::Kind::scalar) return params.finish().error();
    Result<const Entry*> entry = find_entry(entries, kind, name);
    if (!entry) return placed(place_of(params, key), entry.error(), "");
    return entry;
  }

  /// The component's error if it has one (a key that only it knows is not unknown), else the
  /// mapping's.
  template <typename Made>
  static Status finish(const Params& params, const Result<Made>& made, const Where& where) {
    if (!made) {
      const Error& error = made.error();
      const bool has_place = error.what.starts_with(where.file) || error.what.starts_with("--set ");
      return has_place ? error : placed(where, error, "");
    }
    return params.finish();
  }

  Status read_target() {
    if (!top_.has("target"))
      return error_at(root_.where,
                      "\"target\" is missing: which store, as in target: { name: etcd }");
    const ConfigNode& node = mapping("target");
    Params params(node, "target");
    const auto entry = component(params, catalogues_.targets, "target", "name");
    if (!entry) return entry.error();
    plan_.nodes = static_cast<std::size_t>(params.integer("nodes", 5, 1, 50));
    auto made = (*entry)->make(params);
    if (const Status status = finish(params, made, node.where); !status) return status;
    plan_.target = std::move(*made);
    plan_.target_parameters = params.resolved();
    top_.set_resolved("target", plan_.target_parameters);
    return Ok{};
  }

  Status read_workload() {
    if (!top_.has("workload"))
      return error_at(root_.where,
                      "\"workload\" is missing: what to ask, as in workload: { name: register }");
    const ConfigNode& node = mapping("workload");
    Params params(node, "workload");
    const auto entry = component(params, catalogues_.workloads, "workload", "name");
    if (!entry) return entry.error();
    plan_.loop = read_loop(params);
    static constexpr std::array<std::string_view, 2> affinities = {"spread", "roam"};
    plan_.affinity = params.choice("affinity", "spread", affinities) == "roam" ? Affinity::roam
                                                                               : Affinity::spread;
    plan_.request_timeout = bounded_duration(params, "timeout", 2s, 1ms);
    const std::vector<Function> available = plan_.target->functions();
    params.has("roles");
    auto made = (*entry)->make(params, available);
    if (const Status status = finish(params, made, node.where); !status) return status;
    plan_.workload = std::move(*made);
    if (const Status status = understanding().check(node, *plan_.workload); !status) return status;
    if (!plan_.workload->scripts().empty()) return read_scripts(params, node);
    constexpr std::array<std::string_view, 7> own_keys = {
        "name", "load", "arrivals", "concurrency", "rate", "affinity", "timeout"};
    auto roles = read_roles(params, node, own_keys, **entry, available, plan_.loop.concurrency);
    if (!roles) return roles.error();
    plan_.roles = std::move(*roles);
    for (std::size_t i = 0; i < plan_.roles.size(); ++i)
      if (const Status status =
              understanding().check(node.find("roles")->items[i], *plan_.roles[i].workload);
          !status)
        return status;
    top_.set_resolved("workload", params.resolved());
    return Ok{};
  }

  Understanding understanding() const {
    return {catalogues_.targets, *plan_.target, plan_.target_parameters};
  }

  /// Scripts are played one after the other, by one worker, as fast as they go.
  Status read_scripts(Params& params, const ConfigNode& node) {
    const std::string workload = "workload " + std::string(plan_.workload->name());
    const Understanding of_target = understanding();
    if (!plan_.target->has_steps())
      return error_at(node.where, workload + " asks transactions step by step, which " +
                                      of_target.target_text() + " does not offer; these do: " +
                                      of_target.targets_with_steps());
    constexpr std::array<std::string_view, 6> of_loads = {"load", "arrivals", "concurrency",
                                                          "rate", "affinity", "roles"};
    for (const std::string_view key : of_loads)
      if (const ConfigNode* said = node.find(key))
        return error_at(said->where, std::string(key) + ": " + workload +
                                         " plays scripts one after the other, and has no load");
    Map resolved = params.resolved();
    std::erase_if(resolved, [&](const auto& member) {
      return std::ranges::find(of_loads, member.first) != of_loads.end();
    });
    top_.set_resolved("workload", std::move(resolved));
    plan_.loop = LoopPlan{};
    plan_.loop.concurrency = 1;
    plan_.loop.rate = 0;
    plan_.affinity = Affinity::spread;
    return Ok{};
  }

  /// `in-process`, `separate`, or { separate: 3 }. After the workload, whose workers they serve.
  Status read_clients() {
    const std::size_t workers = plan_.loop.concurrency;
    const auto usual = static_cast<std::int64_t>(std::min(workers, client_machines_usual));
    const ConfigNode* node = top_.node("clients");
    if (node != nullptr && node->kind == ConfigNode::Kind::mapping) {
      Params params(*node, "clients");
      if (!params.has("separate"))
        return params.finish() ? error_at(node->where, clients_expected) : params.finish();
      const auto most = static_cast<std::int64_t>(std::min(workers, client_machines_max));
      plan_.client_machines = static_cast<std::size_t>(params.integer("separate", usual, 1, most));
      if (const Status status = params.finish(); !status) return status;
    } else if (node != nullptr) {
      if (node->kind != ConfigNode::Kind::scalar) return error_at(node->where, clients_expected);
      static constexpr std::array<std::string_view, 2> words = {"in-process", "separate"};
      const std::string word = top_.choice("clients", words[0], words);
      if (word != node->scalar) return top_.finish();  // Before a fault misses its machines.
      if (word == words[1]) plan_.client_machines = static_cast<std::size_t>(usual);
    }
    if (plan_.client_machines == 0)
      top_.set_resolved("clients", "in-process");
    else if (!plan_.workload->scripts().empty())
      return error_at(node->where, "clients: workload " + std::string(plan_.workload->name()) +
                                       " plays its scripts in the controller; say in-process");
    else
      top_.set_resolved("clients", Map{{"separate", plan_.client_machines}});
    return Ok{};
  }

  Status read_limits() {
    Params startup(mapping("startup"), "startup");
    plan_.startup_within = bounded_duration(startup, "within", 30s, 1ms);
    if (const Status status = startup.finish(); !status) return status;
    top_.set_resolved("startup", startup.resolved());

    Params recovery(mapping("recovery"), "recovery");
    plan_.recovery_within = bounded_duration(recovery, "within", 20s, 1ms);
    if (const Status status = recovery.finish(); !status) return status;
    top_.set_resolved("recovery", recovery.resolved());

    Params budget(mapping("budget"), "budget");
    plan_.budget_time = bounded_duration(budget, "time", 60s, 1ms);
    const std::string memory = budget.text("memory", "4GiB");
    const auto bytes = parse_size(memory);
    if (!bytes || *bytes == 0 || *bytes > (std::uint64_t{1} << 50))
      budget.fail("memory", "expected a size like 512MiB or 4GiB, found \"" + memory + "\"");
    plan_.budget_memory = bytes.value_or(0);
    if (const Status status = budget.finish(); !status) return status;
    top_.set_resolved("budget", budget.resolved());
    return Ok{};
  }

  /// After the workload, whose rate the phases may use, and before the faults, which need the time.
  Status read_load() {
    const ConfigNode* list = top_.node("phases");
    if (list != nullptr && !plan_.workload->scripts().empty())
      return error_at(list->where, "phases: workload " + std::string(plan_.workload->name()) +
                                       " plays scripts one after the other, and has no load");
    plan_.has_phases = list != nullptr;
    if (list == nullptr) {
      if (plan_.loop.rate > 0) plan_.load = LoadProfile::constant(plan_.loop.rate);
      return Ok{};
    }
    List resolved;
    Result<LoadProfile> load = read_phases(*list, plan_.loop.rate, resolved);
    if (!load) return load.error();
    plan_.load = std::move(*load);
    if (top_.has("time") && plan_.time != plan_.load.length())
      return error_at(place_of(top_, "time"), "time: " + format_duration(plan_.time) +
                                                  " contradicts phases, which last " +
                                                  format_duration(plan_.load.length()) +
                                                  " in all; leave one of the two out");
    plan_.time = plan_.load.length();
    top_.set_resolved("time", format_duration(plan_.time));
    top_.set_resolved("phases", std::move(resolved));
    return Ok{};
  }

  Status read_faults() {
    const ConfigNode* list = top_.node("faults");
    List resolved;
    if (list != nullptr) {
      if (list->kind != ConfigNode::Kind::sequence)
        return error_at(list->where, "faults: expected a list, as in faults: [{ fault: kill }]");
      for (const ConfigNode& item : list->items) {
        const Result<Map> one = read_fault(item);
        if (!one) return one.error();
        resolved.push_back(*one);
      }
    }
    top_.set_resolved("faults", std::move(resolved));
    const bool needs_packets = std::ranges::any_of(
        plan_.faults, [](const FaultPlan& fault) { return fault.nemesis->needs_packets(); });
    auto network = read_network(top_, plan_.nodes, plan_.client_machines, needs_packets);
    if (!network) return network.error();
    plan_.network = std::move(*network);
    const auto monotonic = read_monotonic(top_);
    if (!monotonic) return monotonic.error();
    plan_.monotonic = *monotonic;
    return Ok{};
  }

  Result<Map> read_fault(const ConfigNode& node) {
    FaultPlan fault;
    Params params(node, "fault");
    const auto entry = component(params, catalogues_.nemeses, "fault", "fault");
    if (!entry) return entry.error();
    fault.fault = (*entry)->name;
    if (params.has("at")) fault.timing.at = bounded_duration(params, "at", 0s, 0s);
    // A strike at a given time happens once, unless it says how often.
    if (params.has("every") || !fault.timing.at)
      fault.timing.every = bounded_duration(params, "every", 10s, 1ms);
    fault.timing.duration =
        bounded_duration(params, "for", std::min<Nanoseconds>(5s, plan_.time / 2), 1ms);
    const bool chosen = params.has("victims");
    const std::vector<std::string> words = params.texts("victims", {});
    auto made = (*entry)->make(params);
    if (const Status status = finish(params, made, node.where); !status) return status.error();
    fault.nemesis = std::move(*made);
    const Status timing = check_timing(fault.timing, plan_.time);
    if (!timing) return placed(node.where, timing.error(), "fault " + fault.fault);

    const std::vector<std::string> names =
        chosen ? words : std::vector<std::string>{std::string(fault.nemesis->default_victims())};
    const bool of_clients = fault.nemesis->strikes_clients();
    if (of_clients && plan_.client_machines == 0)
      return error_at(node.where, "fault " + fault.fault +
                                      ": the clients are threads of the controller, which cannot "
                                      "be stopped by themselves; say clients: separate");
    const Result<Victims> victims =
        parse_victims(names, {of_clients ? plan_.client_machines : plan_.nodes, of_clients,
                              of_clients ? "" : fault.nemesis->spares_clients()});
    if (!victims) return placed(place_of(params, "victims"), victims.error(), "victims");
    fault.victims = *victims;
    for (const std::string& name : names)
      fault.victims_text += (fault.victims_text.empty() ? "" : ", ") + name;
    if (names.size() == 1)
      params.set_resolved("victims", names.front());
    else
      params.set_resolved("victims", List(names.begin(), names.end()));
    plan_.faults.push_back(std::move(fault));
    return params.resolved();
  }

  Status read_checks() {
    const ConfigNode* list = top_.node("checks");
    List resolved;
    if (list == nullptr) {
      for (const std::string& name : plan_.workload->checks()) {
        ConfigNode item = ConfigNode::of(name);
        if (const std::string model = plan_.workload->model(); !model.empty()) {
          ConfigNode::Member check, asked;
          check.key = "check", check.value = std::move(item);
          asked.key = "model", asked.value = ConfigNode::of(model);
          item = ConfigNode{};
          item.members = {std::move(check), std::move(asked)};
        }
        if (const Status status = read_check(item, resolved); !status) return status;
      }
    } else {
      if (list->kind != ConfigNode::Kind::sequence)
        return error_at(list->where, "checks: expected a list, as in checks: [linearizable]");
      for (const ConfigNode& item : list->items)
        if (const Status status = read_check(item, resolved); !status) return status;
    }
    top_.set_resolved("checks", std::move(resolved));
    return Ok{};
  }

  /// A name, or a mapping with parameters: { check: linearizable, … }.
  Status read_check(const ConfigNode& item, List& resolved) {
    ConfigNode node = item;
    if (item.kind == ConfigNode::Kind::scalar) {
      node = ConfigNode{};
      node.where = item.where;
      node.members.push_back({"check", item.where, item});
    }
    Params params(node, "check");
    const auto entry = component(params, catalogues_.checkers, "check", "check");
    if (!entry) return entry.error();
    for (const CheckPlan& other : plan_.checks)
      if (other.name == (*entry)->name)
        return error_at(item.where, "check " + other.name + " is there already");
    auto made = (*entry)->make(params);
    if (const Status status = finish(params, made, item.where); !status) return status;
    plan_.checks.push_back({std::string((*entry)->name), std::move(*made)});
    resolved.push_back(params.resolved());
    return Ok{};
  }

  Status read_logs() {
    const ConfigNode* node = top_.node("logs");
    if (node == nullptr) return Ok{};
    Params params(*node, "logs");
    Result<LogRules> rules = read_log_rules(params);
    if (!rules) return rules.error();
    plan_.logs = std::move(*rules);
    top_.set_resolved("logs", params.resolved());
    return Ok{};
  }

  Status read_thresholds() {
    const ConfigNode& node = mapping("thresholds");
    Params params(node, "thresholds");
    std::vector<std::string_view> metrics(metric_names().begin(), metric_names().end());
    metrics.insert(metrics.end(), load_metric_names().begin(), load_metric_names().end());
    for (const std::string_view metric : metrics) {
      const ConfigNode* value = params.node(metric);
      if (value == nullptr) continue;
      const std::string limit = params.text(metric, "");
      const Result<Threshold> threshold = parse_threshold(metric, limit);
      if (!threshold) {
        params.fail(metric, threshold.error().what);
        continue;
      }
      plan_.thresholds.push_back(*threshold);
      params.set_resolved(metric, threshold->limit_text());
    }
    if (const Status status = params.finish(); !status) return status;
    top_.set_resolved("thresholds", params.resolved());
    return Ok{};
  }

  const ConfigNode& root_;
  const Catalogues& catalogues_;
  const PlanDefaults& defaults_;
  Params top_;
  Plan plan_;
};

}  // namespace

std::vector<Timing> Plan::timings() const {
  std::vector<Timing> result;
  for (const FaultPlan& fault : faults) result.push_back(fault.timing);
  return result;
}

Result<Plan> make_plan(const ConfigNode& root, const Catalogues& catalogues,
                       const PlanDefaults& defaults) {
  return Reader(root, catalogues, defaults).read();
}

}  // namespace faultline
