#include "harness/run/final_requests.h"

#include <atomic>
#include <exception>
#include <thread>

namespace faultline {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr Nanoseconds retry_pause = 20ms;

struct Asker {
  std::size_t node = 0;
  std::string unserved;  ///< Empty: all were served.
  std::atomic<bool> done{false};
  std::jthread thread;  ///< Joins when destroyed, also when a later one cannot be made.
};

void ask_all(const FinalRequests& final, const std::atomic<bool>& stopping, Asker& asker) {
  SessionSettings settings{final.recorder,
                           final.target,
                           final.nodes,
                           final.request_timeout,
                           final.first_lane + asker.node,
                           final.first_process + static_cast<std::uint32_t>(asker.node),
                           static_cast<std::uint32_t>(final.nodes.size()),
                           true,
                           final.machines};
  Session session(settings);
  std::size_t left = final.requests.size();
  for (const Request& request : final.requests) {
    for (bool served = false; !served;) {
      const auto now = Clock::now();
      if (stopping || now >= final.end) {
        asker.unserved = std::to_string(left) + " final requests were not asked in time";
        return;
      }
      const Fate fate = session.ask(asker.node, request);
      served = fate == Fate::ok || fate == Fate::mismatch;
      if (served) break;
      if (Clock::now() >= final.recovered_by) {
        asker.unserved = "final request " + std::string(name_of(request.function)) + " " +
                         request.key + " was not served";
        return;
      }
      std::this_thread::sleep_for(retry_pause);
    }
    --left;
  }
}

}  // namespace

std::vector<std::pair<std::size_t, std::string>> ask_final_requests(const FinalRequests& final) {
  std::atomic<bool> stopping{false};
  std::vector<std::unique_ptr<Asker>> askers;
  for (const std::size_t node : final.asked) {
    askers.push_back(std::make_unique<Asker>());
    Asker& asker = *askers.back();
    asker.node = node;
    asker.thread = std::jthread([&final, &stopping, &asker] {
      try {
        ask_all(final, stopping, asker);
      } catch (const std::exception& error) {
        asker.unserved = error.what();
      }
      asker.done = true;
    });
  }
  for (const auto& asker : askers)
    while (!asker->done) {
      if (final.stop()) stopping = true;
      std::this_thread::sleep_for(2ms);
    }
  std::vector<std::pair<std::size_t, std::string>> unserved;
  for (const auto& asker : askers) {
    asker->thread.join();
    if (!asker->unserved.empty()) unserved.emplace_back(asker->node, asker->unserved);
  }
  return unserved;
}

}  // namespace faultline
