#include "harness/run/crew.h"

#include <algorithm>
#include <exception>
#include <system_error>
#include <unordered_set>

#include "harness/core/check.h"

namespace faultline {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr Nanoseconds backlog_max = 100ms;
constexpr Nanoseconds slice = 20ms;  ///< A sleeping worker looks this often whether to stop.
constexpr int pause_doublings_max = 5;

bool is_served(Fate fate) { return fate == Fate::ok || fate == Fate::mismatch; }

}  // namespace

struct Crew::Worker {
  Worker(std::size_t i, const SessionSettings& s, std::unique_ptr<Generator> g, Rng r)
      : index(i), session(s), generator(std::move(g)), rng(r) {}

  std::size_t index;
  Session session;
  std::unique_ptr<Generator> generator;
  Rng rng;
  Latencies intended;
  std::unordered_set<std::string> keys;
  std::thread thread;
  /// On a line of its own: read by the main thread while the worker counts.
  struct alignas(64) {
    std::atomic<std::uint64_t> ok{0}, fail{0}, info{0};
  } counts;
};

Crew::Crew(const CrewSettings& settings) : settings_(settings) {
  const std::vector<Function> functions = settings_.workload.functions();
  const bool tracks_seen =
      std::find(functions.begin(), functions.end(), Function::cas) != functions.end();
  for (std::size_t i = 0; i < settings_.workers; ++i) {
    SessionSettings session{settings_.recorder,
                            settings_.target,
                            settings_.nodes,
                            settings_.request_timeout,
                            i,
                            static_cast<std::uint32_t>(i),
                            static_cast<std::uint32_t>(settings_.workers),
                            tracks_seen};
    auto generator =
        settings_.workload.generator(settings_.rng.fork("requests", i), i, settings_.workers);
    workers_.push_back(
        std::make_unique<Worker>(i, session, std::move(generator), settings_.rng.fork("nodes", i)));
  }
}

Crew::~Crew() {
  stop();
  for (const auto& worker : workers_)
    if (worker->thread.joinable()) worker->thread.join();
}

Status Crew::start() {
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

void Crew::run(Worker& worker) {
  try {
    work(worker);
  } catch (const std::exception& error) {
    const std::lock_guard lock(failure_mutex_);
    failure_ = Error{"worker " + std::to_string(worker.index) + ": " + error.what()};
  }
}

void Crew::work(Worker& worker) {
  const auto stopping = [this] { return stopping_.load(std::memory_order_relaxed); };
  const auto sleep_until = [&](Clock::time_point until) {
    for (auto now = Clock::now(); now < until && !stopping(); now = Clock::now())
      std::this_thread::sleep_until(std::min(until, now + slice));
  };
  const bool paced = settings_.rate > 0;
  const Nanoseconds interval(
      paced
          ? static_cast<std::int64_t>(1e9 * static_cast<double>(settings_.workers) / settings_.rate)
          : 0);
  auto turn = Clock::now() + interval * static_cast<std::int64_t>(worker.index) /
                                 static_cast<std::int64_t>(settings_.workers);
  int failures = 0;
  for (std::uint64_t sent = 0; settings_.requests_max == 0 || sent < settings_.requests_max;
       ++sent) {
    if (paced) sleep_until(turn);
    if (stopping()) return;
    Request request = worker.generator->next();
    if (!request.key.empty()) worker.keys.insert(request.key);
    const Function function = request.function;
    const std::size_t node =
        settings_.affinity == Affinity::spread
            ? worker.index % settings_.nodes.size()
            : static_cast<std::size_t>(worker.rng.below(settings_.nodes.size()));
    const Fate fate = worker.session.ask(node, std::move(request));

    auto& counter = is_served(fate)      ? worker.counts.ok
                    : fate == Fate::fail ? worker.counts.fail
                                         : worker.counts.info;
    counter.fetch_add(1, std::memory_order_relaxed);
    failures = is_served(fate) ? 0 : failures + 1;
    if (failures > 0)
      sleep_until(Clock::now() + (1ms * (1 << std::min(failures - 1, pause_doublings_max))));
    if (!paced) continue;
    const auto now = Clock::now();
    if (is_served(fate)) worker.intended.of(function).record((now - turn) / 1ns);
    turn += interval;
    for (; now - turn > backlog_max; turn += interval)
      worker.intended.of(function).record((now - turn) / 1ns);
  }
}

void Crew::join() {
  for (const auto& worker : workers_) {
    if (worker->thread.joinable()) worker->thread.join();
    intended_.merge(worker->intended);
    keys_.insert(worker->keys.begin(), worker->keys.end());
    next_process_ = std::max(next_process_, worker->session.process() + 1);
  }
}

CrewCounts Crew::counts() const {
  CrewCounts sum;
  for (const auto& worker : workers_) {
    sum.ok += worker->counts.ok.load(std::memory_order_relaxed);
    sum.fail += worker->counts.fail.load(std::memory_order_relaxed);
    sum.info += worker->counts.info.load(std::memory_order_relaxed);
  }
  return sum;
}

std::optional<Error> Crew::failure() const {
  const std::lock_guard lock(failure_mutex_);
  return failure_;
}

}  // namespace faultline
