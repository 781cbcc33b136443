#include "harness/run/crew.h"

#include <algorithm>
#include <exception>
#include <limits>
#include <system_error>
#include <unordered_set>

#include "harness/core/check.h"
#include "harness/run/script_player.h"

namespace faultline {
namespace {

using namespace std::chrono_literals;

constexpr Nanoseconds backlog_max = 100ms;
constexpr Nanoseconds late_min = 1ms;        ///< From here on a claim counts as late.
constexpr Nanoseconds overslept_min = 10ms;  ///< From here on a worker woke too late.
constexpr std::int64_t not_stopped = std::numeric_limits<std::int64_t>::max();
constexpr Nanoseconds slice = 20ms;  ///< A sleeping worker looks this often whether to stop.
constexpr int pause_doublings_max = 5;

bool is_served(Fate fate) { return fate == Fate::ok || fate == Fate::mismatch; }

const Workload& workload_of(const CrewSettings& settings, std::size_t worker) {
  for (const CrewRole& role : settings.roles) {
    if (worker < role.workers) return role.workload;
    worker -= role.workers;
  }
  return settings.workload;
}

void note_keys(const Request& request, std::unordered_set<std::string>& keys) {
  if (!request.key.empty()) keys.insert(request.key);
  if (request.function != Function::txn) return;
  const List* items = request.value.list();
  if (items == nullptr) return;
  // Accesses by predicates have no keys.
  for (const Value& item : *items)
    if (const auto access = access_of(item)) keys.insert(key_name(*access->key));
}

}  // namespace

struct Crew::Worker {
  Worker(std::size_t i, const SessionSettings& s, std::unique_ptr<Generator> g, Rng r,
         std::size_t phases)
      : index(i), session(s), generator(std::move(g)), rng(r), loads(phases) {}

  std::size_t index;
  Session session;
  std::unique_ptr<Generator> generator;
  Rng rng;
  std::vector<PhaseLoad> loads;  ///< By phase.
  std::unordered_set<std::string> keys;
  std::uint32_t next_process = 0;  ///< Of what played scripts.
  std::thread thread;
  void count(Fate fate) {
    auto& counter = is_served(fate) ? counts.ok : fate == Fate::fail ? counts.fail : counts.info;
    counter.fetch_add(1, std::memory_order_relaxed);
  }
  /// On a line of its own: read by the main thread while the worker counts.
  struct alignas(64) {
    std::atomic<std::uint64_t> ok{0}, fail{0}, info{0}, dropped{0};
  } counts;
};

struct Crew::Asked {
  Function function;
  bool served;
};

Crew::Crew(const CrewSettings& settings)
    : settings_(settings), stopped_ns_(not_stopped), scripts_(settings.workload.scripts()) {
  FAULTLINE_CHECK(!settings_.open || !settings_.load.unlimited());
  FAULTLINE_CHECK(scripts_.empty() || settings_.workers == 1);
  if (settings_.open)
    arrivals_.emplace(settings_.load, *settings_.open, settings_.rng.fork("arrivals"));
  const std::span<const LoadPhase> phases = settings_.load.phases();
  for (std::size_t i = 0; i < settings_.workers; ++i) {
    const Workload& workload = workload_of(settings_, i);
    const std::vector<Function> functions = workload.functions();
    const bool tracks_seen =
        std::find(functions.begin(), functions.end(), Function::cas) != functions.end();
    SessionSettings session{settings_.recorder,
                            settings_.target,
                            settings_.nodes,
                            settings_.request_timeout,
                            i,
                            static_cast<std::uint32_t>(i),
                            static_cast<std::uint32_t>(settings_.workers),
                            tracks_seen,
                            settings_.machines};
    std::unique_ptr<Generator> generator;
    if (scripts_.empty())
      generator = workload.generator(settings_.rng.fork("requests", i), i, settings_.workers);
    workers_.push_back(std::make_unique<Worker>(i, session, std::move(generator),
                                                settings_.rng.fork("nodes", i), phases.size()));
  }
  report_.open = settings_.open.has_value();
  if (settings_.open)
    report_.arrivals = *settings_.open == Arrivals::Spacing::poisson ? "poisson" : "constant";
  report_.workers = settings_.workers;
  report_.phases.assign(phases.begin(), phases.end());
  report_.loads.resize(phases.size());
}

Crew::~Crew() {
  stop();
  for (const auto& worker : workers_)
    if (worker->thread.joinable()) worker->thread.join();
}

Status Crew::start() {
  begin_ = Clock::now();
  for (const auto& worker : workers_) {
    try {
      worker->thread = std::thread([this, &worker = *worker] { run(worker); });
    } catch (const std::system_error& error) {
      stop();
      for (const auto& started : workers_)
        if (started->thread.joinable()) started->thread.join();
      return Error{"start " + std::to_string(workers_.size()) + " workers: " + error.what()};
    }
  }
  return Ok{};
}

void Crew::stop() {
  std::int64_t unset = not_stopped;
  stopped_ns_.compare_exchange_strong(unset, since_begin().count());
  stopping_.store(true);
}

void Crew::run(Worker& worker) {
  try {
    if (!scripts_.empty())
      play(worker);
    else if (arrivals_)
      work_open(worker);
    else
      work_closed(worker);
  } catch (const std::exception& error) {
    const std::lock_guard lock(failure_mutex_);
    failure_ = Error{"worker " + std::to_string(worker.index) + ": " + error.what()};
  }
}

void Crew::play(Worker& worker) {
  ScriptPlayer player({settings_.recorder,
                       settings_.target,
                       settings_.nodes.front(),
                       settings_.request_timeout,
                       worker.index,
                       {},
                       [this] { return stopping(); },
                       [&worker](Fate fate) { worker.count(fate); }});
  for (const Script& script : scripts_) player.play(script);
  worker.next_process = player.next_process();
  finished_.store(true);
}

void Crew::sleep_until(Clock::time_point until) const {
  for (auto now = Clock::now(); now < until && !stopping(); now = Clock::now())
    std::this_thread::sleep_until(std::min(until, now + slice));
}

Crew::Asked Crew::ask(Worker& worker, Request request) {
  note_keys(request, worker.keys);
  const Function function = request.function;
  const std::size_t node = settings_.affinity == Affinity::spread
                               ? worker.index % settings_.nodes.size()
                               : static_cast<std::size_t>(worker.rng.below(settings_.nodes.size()));
  const Fate fate = worker.session.ask(node, std::move(request));
  worker.count(fate);
  return {function, is_served(fate)};
}

PhaseLoad& Crew::load_at(Worker& worker, Nanoseconds due) {
  return worker.loads[settings_.load.phase_at(due)];
}

void Crew::drop(Worker& worker, Nanoseconds due, Function function, Nanoseconds waited) {
  PhaseLoad& load = load_at(worker, due);
  ++load.scheduled;
  ++load.dropped;
  load.sojourn_ns += waited.count();
  load.intended.of(function).record(waited.count());
  worker.counts.dropped.fetch_add(1, std::memory_order_relaxed);
}

void Crew::work_closed(Worker& worker) {
  const bool paced = !settings_.load.unlimited();
  std::uint64_t number = worker.index;
  const auto next_turn = [&]() -> std::optional<Nanoseconds> {
    const auto turn = settings_.load.due(static_cast<double>(number));
    number += settings_.workers;
    return turn;
  };
  std::optional<Nanoseconds> turn;
  if (paced) turn = next_turn();
  int failures = 0;
  for (std::uint64_t sent = 0; settings_.requests_max == 0 || sent < settings_.requests_max;
       ++sent) {
    if (paced && !turn) return;
    if (paced) sleep_until(begin_ + *turn);
    if (stopping()) return;
    const Nanoseconds left = paced ? since_begin() : Nanoseconds{};
    const Asked asked = ask(worker, worker.generator->next());
    failures = asked.served ? 0 : failures + 1;
    if (failures > 0)
      sleep_until(Clock::now() + (1ms * (1 << std::min(failures - 1, pause_doublings_max))));
    if (!paced) continue;
    const Nanoseconds now = since_begin();
    PhaseLoad& load = load_at(worker, *turn);
    ++load.scheduled;
    ++load.sent;
    if (left - *turn > late_min) ++load.late;
    load.sojourn_ns += (now - *turn).count();
    if (asked.served) load.intended.of(asked.function).record((now - *turn).count());
    turn = next_turn();
    const Nanoseconds until = std::min(now, Nanoseconds(stopped_ns_.load()));
    for (; turn && until - *turn > backlog_max; turn = next_turn())
      drop(worker, *turn, asked.function, now - *turn);
  }
}

std::optional<Nanoseconds> Crew::claim() {
  const std::lock_guard lock(arrivals_mutex_);
  return arrivals_->next();
}

void Crew::work_open(Worker& worker) {
  std::optional<Request> request;
  std::uint64_t sent = 0;
  while (const std::optional<Nanoseconds> due = claim()) {
    if (!request) request = worker.generator->next();
    const Nanoseconds claimed = since_begin();
    const bool in_time = claimed <= *due + late_min;
    if (in_time) sleep_until(begin_ + *due);
    if (stopping()) {
      // It was free to send it, so that the load ended before the request was due; or it was not.
      if (!in_time && due->count() <= stopped_ns_.load())
        drop(worker, *due, request->function, claimed - *due);
      return;
    }
    if (!in_time && claimed - *due > settings_.request_timeout) {
      drop(worker, *due, request->function, claimed - *due);
      continue;
    }
    const Nanoseconds left = since_begin();
    const Asked asked = ask(worker, *std::exchange(request, std::nullopt));
    const Nanoseconds now = since_begin();
    PhaseLoad& load = load_at(worker, *due);
    ++load.scheduled;
    ++load.sent;
    if (!in_time)
      ++load.late;
    else if (left - *due > overslept_min)
      ++load.overslept;
    load.sojourn_ns += (now - *due).count();
    if (asked.served) load.intended.of(asked.function).record((now - *due).count());
    if (++sent == settings_.requests_max) return;
  }
}

/// What was due before the end and nobody came to claim.
void Crew::drop_unclaimed() {
  const std::int64_t stopped = stopped_ns_.load();
  if (!arrivals_ || stopped == not_stopped) return;
  const Function function = settings_.workload.functions().front();
  for (auto due = arrivals_->next(); due && due->count() <= stopped; due = arrivals_->next())
    drop(*workers_.front(), *due, function, Nanoseconds(stopped) - *due);
}

void Crew::join() {
  for (const auto& worker : workers_)
    if (worker->thread.joinable()) worker->thread.join();
  drop_unclaimed();
  for (const auto& worker : workers_) {
    for (std::size_t i = 0; i < worker->loads.size(); ++i) report_.loads[i].merge(worker->loads[i]);
    keys_.insert(worker->keys.begin(), worker->keys.end());
    next_process_ = std::max({next_process_, worker->session.process() + 1, worker->next_process});
  }
}

CrewCounts Crew::counts() const {
  CrewCounts sum;
  for (const auto& worker : workers_) {
    sum.ok += worker->counts.ok.load(std::memory_order_relaxed);
    sum.fail += worker->counts.fail.load(std::memory_order_relaxed);
    sum.info += worker->counts.info.load(std::memory_order_relaxed);
    sum.dropped += worker->counts.dropped.load(std::memory_order_relaxed);
  }
  return sum;
}

std::optional<Error> Crew::failure() const {
  const std::lock_guard lock(failure_mutex_);
  return failure_;
}

}  // namespace faultline
