#include "harness/run/runner.h"

#include <algorithm>
#include <future>
#include <optional>
#include <thread>
#include <utility>

#include "harness/core/check.h"
#include "harness/core/text.h"
#include "harness/io/json.h"
#include "harness/os/usage.h"
#include "harness/run/client_machines.h"
#include "harness/run/disk_room.h"
#include "harness/run/early_judge.h"
#include "harness/run/evaluation.h"
#include "harness/run/final_requests.h"
#include "harness/run/injector.h"
#include "harness/run/node_journal.h"
#include "harness/run/nodes_up.h"
#include "harness/run/results.h"
#include "harness/run/run_links.h"
#include "harness/run/run_meta.h"
#include "harness/run/start_stores.h"
#include "harness/run/yaml.h"

namespace faultline {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr Nanoseconds tick = 20ms;               ///< An interrupt is noticed within this.
constexpr Nanoseconds final_requests_max = 60s;  ///< Beyond recovery.within.
constexpr auto client_setup_max = std::chrono::milliseconds(30s);

class Run {
 public:
  Run(Plan& plan, const RunDir& directory, const RunEnvironment& environment)
      : plan_(plan),
        directory_(directory),
        environment_(environment),
        rng_(plan.seed),
        links_(plan.network, plan.nodes),
        room_(directory.path()) {}
  /// Whatever path leads here, no worker may wait for a machine that nobody continues.
  ~Run() {
    if (machines_) machines_->expect_answers();
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  /// The table of contents of a run.
  Result<RunReport> run() {
    if (const Status status = open(); !status) return status.error();
    if (const Status status = start_nodes(); !status) return status.error();
    if (const Status status = begin_load(); !status) return status.error();
    watch_load();
    end_load();
    if (!is_over()) await_recovery();
    if (!is_over()) ask_final();
    journal_->take_deaths();
    look_at_clients();
    close_world();
    return conclude();
  }

 private:
  int interrupts() const { return environment_.interrupts.load(std::memory_order_relaxed); }
  std::size_t workers() const { return plan_.loop.concurrency; }
  bool interrupted() const { return interrupts() > 0; }
  /// Whatever is left of the run is not worth waiting for.
  bool is_over() const { return interrupted() || disk_failed_ || clients_failed_; }
  Nanoseconds since_origin() const { return Clock::now() - origin_; }

  void report_progress(const char* phase) {
    Progress progress;
    progress.phase = phase;
    if (crew_) progress.counts = crew_->counts();
    if (injector_) progress.active = injector_->active();
    if (loading_) {
      progress.elapsed = since_origin();
      progress.left = std::max<Nanoseconds>(plan_.time - progress.elapsed, 0ns);
    }
    progress.crashes = crashes_;
    if (early_) early_->tell(progress);
    environment_.progress(progress);
  }

  /// Keeps the first.
  void break_off(const Error& error) {
    if (!broken_) broken_ = error;
  }
  void write_line(std::optional<JsonLines>& file, const Value& line) {
    if (const Status written = file->append(line); !written) break_off(written.error());
  }

  Status open() {
    if (const Status room = room_.look(); !room) return room;
    meta_.given = environment_.meta;
    meta_.name = plan_.name;
    meta_.seed = plan_.seed;
    meta_.host_before = environment_.fingerprint();
    if (const Status written = directory_.write("config.yaml", to_yaml(plan_.resolved)); !written)
      return written;
    schedule_ = plan_.recording ? plan_.recording->schedule
                                : plan_schedule(plan_.timings(), plan_.time, rng_.fork("schedule"));
    const Value schedule = schedule_value(plan_.faults, schedule_);
    if (const Status written = directory_.write("schedule.json", to_json_pretty(schedule));
        !written)
      return written;
    for (auto [file, name] :
         {std::pair(&faults_file_, "faults.jsonl"), std::pair(&nodes_file_, "nodes.jsonl")}) {
      auto created = JsonLines::create(directory_.file(name));
      if (!created) return created.error();
      *file = std::move(*created);
    }
    meta_.store = describe_store(*plan_.target);
    return write_meta();
  }

  Status start_nodes() {
    ClusterOptions options;
    options.nodes = plan_.nodes;
    links_.ask_for(options);
    options.seed = rng_.fork("packets").next();
    options.monotonic_offsets =
        draw_monotonic(plan_.monotonic, plan_.nodes, rng_.fork("monotonic"));
    if (plan_.client_machines > 0) {
      auto machines = ClientMachines::make(
          {plan_.client_machines, workers() + plan_.nodes, plan_.nodes, plan_.target_parameters});
      if (!machines) return machines.error();
      machines_ = std::move(*machines);
      options.clients = machines_->programs();
    }
    options.directory = std::filesystem::absolute(directory_.path());
    options.launch = [this](const Node& node, std::span<const Node> all) {
      auto launch = plan_.target->launch(node, all);
      if (launch) links_.tell(*launch);
      return launch;
    };
    auto made = environment_.make_cluster(options);
    if (!made) return made.error();
    cluster_ = std::move(*made);
    meta_.rung = cluster_->rung();
    for (std::size_t i = 0; i < options.monotonic_offsets.size(); ++i)
      meta_.monotonic_offsets.emplace_back(cluster_->nodes()[i].name, options.monotonic_offsets[i]);
    for (const FaultPlan& fault : plan_.faults)
      if (const Status can = fault.nemesis->available(*cluster_); !can)
        return Error{"fault " + fault.fault + ": " + can.error().what, can.error().kind};
    if (const Status measured = links_.measure(*cluster_); !measured) return measured;
    journal_.emplace(*cluster_);
    if (const Status clients = start_clients(); !clients) return clients;
    const StartStores start{*plan_.target, *journal_, cluster_->nodes(), plan_.startup_within,
                            [this] {
                              report_progress("starting");
                              return interrupted();
                            }};
    const Status started = start_stores(start);
    if (started) return started;
    journal_->take_deaths();
    begin_journal(Clock::now());
    return started;
  }

  Status start_clients() {
    for (const Node& client : cluster_->clients())
      if (const Status started = cluster_->start(client.index); !started)
        return Error{"start client machine " + client.name + ": " + started.error().what};
    if (!machines_) return Ok{};
    return machines_->set_up(cluster_->nodes(), client_setup_max);
  }

  /// A client machine that fails is our failure: the run ends and says so, and nobody asks the
  /// store over it any more.
  void look_at_clients() {
    std::optional<Error> failure = journal_->client_death();
    if (!failure && machines_) failure = machines_->failure();
    if (!failure) return;
    clients_failed_ = true;
    break_off(*failure);
  }

  void begin_journal(Clock::time_point origin) {
    journal_->set_origin(origin, [this](const Value& line) { write_line(nodes_file_, line); });
  }

  Status begin_load() {
    const std::span<const Node> nodes = cluster_->nodes();
    std::vector<std::string> names;
    for (const Node& node : nodes) names.push_back(node.name);
    origin_ = Clock::now();
    meta_.origin = std::chrono::system_clock::now();
    begin_journal(origin_);
    links_.begin_load(*cluster_);
    auto recorder = Recorder::create(directory_.file("history.jsonl"), workers() + nodes.size(),
                                     names, origin_);
    if (!recorder) return recorder.error();
    recorder_ = std::move(*recorder);
    if (const Status written = write_meta(); !written) return written;

    levers_.emplace(*journal_);
    std::map<FaultId, RecordedStrike> recorded;
    if (plan_.recording) recorded = plan_.recording->strikes;
    // What struck in the last round of the run that is repeated strikes in the last of this one.
    for (auto& [id, then] : recorded) then.applied = std::min(then.applied, plan_.time);
    injector_.emplace(Injector::Setup{
        plan_.faults, schedule_, *levers_, rng_.fork("faults"), [this] { return since_origin(); },
        [this](const Value& line) { write_line(faults_file_, line); },
        [this](int tries, Nanoseconds left) { return ask_leaders(tries, left); },
        std::move(recorded)});
    CrewSettings crew{*recorder_,
                      *plan_.target,
                      *plan_.workload,
                      nodes,
                      plan_.loop.concurrency,
                      plan_.load,
                      plan_.affinity,
                      plan_.request_timeout,
                      rng_.fork("load"),
                      0,
                      plan_.loop.open,
                      {},
                      machines_.get()};
    for (const RolePlan& role : plan_.roles) crew.roles.push_back({role.processes, *role.workload});
    crew_.emplace(crew);
    if (const Status started = crew_->start(); !started) return started;
    if (EarlyJudge::is_wanted(plan_))
      early_.emplace(plan_, directory_.file("history.jsonl"),
                     [this] { return recorder_->events(); });
    loading_ = true;
    return Ok{};
  }

  std::future<std::vector<std::size_t>> ask_leaders(int tries, Nanoseconds left) {
    const std::span<const Node> nodes = cluster_->nodes();
    const auto limit =
        std::min(left, leader_question_limit(plan_.network.nature, nodes.size(), tries));
    return std::async(std::launch::async, [this, nodes, limit] {
      return plan_.target->leaders(nodes, Clock::now() + limit);
    });
  }

  /// Until the time is over, or something ends it early. The time is taken before the step: however
  /// late the last round comes, every fault strikes while there is load.
  void watch_load() {
    for (;;) {
      const Nanoseconds now = since_origin();
      const auto due = injector_->step();
      const std::size_t crashes = journal_->take_deaths().size();
      crashes_ += crashes;
      look_at_disk(crashes > 0);
      look_at_clients();
      if (const auto failure = crew_->failure()) break_off(*failure);
      if (early_) early_finding_ = early_->finding();
      report_progress("load");
      const bool is_done = crew_->finished() || early_finding_ || now >= plan_.time;
      if (interrupted() || broken_ || is_done) return;
      const Nanoseconds until = std::min({now + tick, plan_.time, due.value_or(plan_.time)});
      std::this_thread::sleep_until(origin_ + until);
    }
  }

  void look_at_recorder() {
    const Status recorded = recorder_->status();
    if (recorded) return;
    disk_failed_ = true;
    break_off(Error{"the history cannot be recorded: " + recorded.error().what});
  }

  /// Ends the run while there is still room for its results. A store that dies because the disk is
  /// full is not to blame, so after a death it is asked at once.
  void look_at_disk(bool now) {
    look_at_recorder();
    if (disk_failed_) return;
    if (const Status room = now ? room_.look() : room_.look_now_and_then(); !room) {
      disk_failed_ = true;
      break_off(room.error());
    }
  }

  void end_load() {
    const Nanoseconds took = since_origin();
    meta_.load.end = took.count();
    links_.end_load(*cluster_, took);
    loading_ = false;
    crew_->stop();
    early_.reset();
    report_progress("healing");
    if (const Status healed = injector_->heal_all(); !healed)
      break_off(Error{"the last heal failed: " + healed.error().what});
    healed_at_ = Clock::now();
    if (machines_) machines_->expect_answers();
    crew_->join();
    if (const auto failure = crew_->failure()) break_off(*failure);
  }

  /// Polled in waits after the load.
  bool pause_over(const char* phase) {
    const std::size_t crashes = journal_->take_deaths().size();
    crashes_ += crashes;
    look_at_disk(crashes > 0);
    look_at_clients();
    report_progress(phase);
    return is_over();
  }

  void await_recovery() {
    recovery_.within = std::chrono::duration<double>(plan_.recovery_within).count();
    AwaitReady wait{*plan_.target, cluster_->nodes(), healed_at_ + plan_.recovery_within, {}, {}};
    wait.dead = [this](std::size_t node) { return journal_->crashed(node); };
    wait.stop = [this] { return pause_over("recovery"); };
    const std::vector<NotReady> missing = await_ready(wait);
    if (is_over()) return;
    recovery_.awaited = true;
    recovery_.seconds = std::chrono::duration<double>(Clock::now() - healed_at_).count();
    for (const Node& node : cluster_->nodes()) {
      const auto at = std::ranges::find(missing, node.index, &NotReady::node);
      if (at == missing.end())
        serving_.push_back(node.index);
      else if (!journal_->crashed(node.index))  // a crash is a finding of its own
        recovery_.missing.push_back(node.name + " does not serve " +
                                    format_duration(plan_.recovery_within) +
                                    " after the last heal: " + at->why);
    }
    recovery_.recovered = recovery_.missing.empty();
  }

  void ask_final() {
    const std::vector<Request> requests =
        plan_.workload->final_requests({crew_->keys().begin(), crew_->keys().end()});
    FinalRequests final{*recorder_,
                        *plan_.target,
                        cluster_->nodes(),
                        serving_,
                        requests,
                        plan_.request_timeout,
                        plan_.loop.concurrency,
                        crew_->next_process(),
                        healed_at_ + plan_.recovery_within,
                        healed_at_ + plan_.recovery_within + final_requests_max,
                        [this] { return pause_over("final requests"); },
                        machines_.get()};
    for (const auto& [node, why] : ask_final_requests(final)) {
      if (is_over() || journal_->crashed(node)) continue;
      recovery_.recovered = false;
      recovery_.missing.push_back(cluster_->nodes()[node].name + ": " + why);
    }
  }

  /// Ends the stores before the checks: these want the processors and the memory.
  void close_world() {
    for (const Node& node : cluster_->nodes()) data_dirs_.push_back(node.data_dir);
    injector_lines_ = injector_->lines();
    tallies_ = injector_->tallies();
    injector_.reset();
    levers_.reset();
    node_lines_ = journal_->lines();
    journal_.reset();
    links_.close(*cluster_);
    cluster_.reset();
  }

  Result<RunReport> conclude() {
    const std::uint64_t stalls = recorder_->stalls();
    const History history = recorder_->finish();
    look_at_recorder();
    Findings findings{history, plan_.name,   plan_.seed,    {},    {}, {},       {}, tallies_,
                      {},      plan_.expect, interrupted(), false, {}, recovery_};
    measure(plan_, {crew_->report(), meta_.load, crew_->begin() - origin_, injector_lines_},
            findings);
    findings.crash_free = check_crash_free(node_lines_, disk_failed_);
    if (early_finding_) findings.ended_early = meta_.load.end;
    findings.unchecked = interrupts() >= 2;
    if (!findings.unchecked) {
      const auto poll = [this] {
        report_progress("checking");
        return interrupts() < 2;
      };
      check(plan_, directory_.path(), poll, findings);
    }
    findings.interrupted = interrupted();
    findings.broken = broken_;

    RunReport report;
    const Answer answer = weigh(findings);
    report.exit_code = answer.exit_code;
    report.results = results_value(findings, answer);
    report.text = results_text(findings, answer);
    report.brief = results_brief(findings, answer);
    remove_data(answer.verdict == Validity::invalid);
    meta_.host_after = environment_.fingerprint();
    const List changed = differences(meta_.host_before, *meta_.host_after);
    for (const Value& name : changed)
      report.text +=
          "warning: " + *name.text() + " of this host changed during the run (meta.json)\n";
    report.text += links_.warnings();
    report.results.emplace_back("links", links_.value());
    const Usage usage = own_usage();
    meta_.rest = Map{{"recorder_stalls", stalls},
                     {"controller", Map{{"resident_bytes_max", usage.resident_bytes_max},
                                        {"descriptors", usage.descriptors},
                                        {"threads", usage.threads}}},
                     {"links", links_.value()},
                     {"host_changed", changed}};
    const Status meta = write_meta();
    const Status links = links_.write(directory_);
    const Status results = directory_.write("results.json", to_json_pretty(Value(report.results)));
    for (const Status* status : {&meta, &links, &results})
      if (!*status) {
        report.text += "not written: " + status->error().what + "\n";
        report.brief += "\nnot written: " + status->error().what;
        report.exit_code = worse(report.exit_code, ExitCode::internal);
      }
    for (auto& [name, value] : report.results)
      if (name == "exit_code") value = static_cast<std::int64_t>(report.exit_code);
    return report;
  }

  void remove_data(bool is_evidence) {
    if (plan_.keep_data || is_evidence) return;
    std::error_code ignored;  // what cannot be removed is merely kept
    for (const std::filesystem::path& path : data_dirs_) std::filesystem::remove_all(path, ignored);
  }

  Status write_meta() const {
    return directory_.write("meta.json", to_json_pretty(meta_value(meta_)));
  }

  Plan& plan_;
  const RunDir& directory_;
  const RunEnvironment& environment_;
  Rng rng_;
  RunLinks links_;
  DiskRoom room_;

  std::optional<JsonLines> faults_file_, nodes_file_;
  std::vector<PlannedFault> schedule_;
  RunMeta meta_;

  // In the order in which they are made, so that whatever path leads out of here destroys a user
  // before what it uses: the crew before the recorder, all of them before the cluster.
  std::unique_ptr<ClientMachines> machines_;  ///< Nothing: the clients are the workers' own.
  std::unique_ptr<Cluster> cluster_;
  std::optional<NodeJournal> journal_;
  std::optional<Levers> levers_;
  std::unique_ptr<Recorder> recorder_;
  std::optional<Injector> injector_;
  std::optional<Crew> crew_;
  std::optional<EarlyJudge> early_;

  Clock::time_point origin_{}, healed_at_{};  ///< The load's begin is time 0 of every file.
  bool loading_ = false;
  std::size_t crashes_ = 0;
  std::optional<EarlyFinding> early_finding_;
  bool disk_failed_ = false, clients_failed_ = false;
  std::optional<Error> broken_;
  std::vector<std::size_t> serving_;
  Findings::Recovery recovery_;

  // What is left of the world after close_world().
  std::vector<std::filesystem::path> data_dirs_;
  std::vector<Value> injector_lines_, node_lines_;
  std::vector<FaultTally> tallies_;
};

}  // namespace

Result<RunReport> run_test(Plan& plan, const RunDir& directory, const RunEnvironment& environment) {
  Result<RunReport> report = Run(plan, directory, environment).run();
  // The caller reports the error; that this file may be missing too adds nothing to it.
  if (!report)
    (void)directory.write("results.json",
                          to_json_pretty(failed_value(plan.name, plan.seed, report.error())));
  return report;
}

}  // namespace faultline
