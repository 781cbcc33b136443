#include "harness/run/start_stores.h"

#include <optional>
#include <string>
#include <vector>

#include "harness/core/text.h"
#include "harness/run/nodes_up.h"

namespace faultline {

Status start_stores(const StartStores& start) {
  for (const Node& node : start.nodes)
    if (const Status started = start.journal.start(node.index); !started)
      return Error{"start " + node.name + ": " + started.error().what, ErrorKind::target};
  std::optional<Cluster::Death> death;
  bool stopped = false;
  const auto deadline = std::chrono::steady_clock::now() + start.within;
  AwaitReady wait{start.target, start.nodes, deadline, {}, {}};
  wait.dead = [](std::size_t) { return false; };
  wait.stop = [&] {
    stopped = start.stop() || stopped;
    // A store that ends during the start never came up, whatever the others do.
    if (const auto deaths = start.journal.take_deaths(); !deaths.empty() && !death)
      death = deaths.front();
    return death.has_value() || stopped;
  };
  const std::vector<NotReady> missing = await_ready(wait);
  const auto failed = [&](std::size_t index, const std::string& how) {
    const Node& node = start.nodes[index];
    return Error{node.name + how + "\n" + log_tail(node.log_dir), ErrorKind::target};
  };
  if (death) return failed(death->node, " ended while it started: " + death->how);
  if (missing.empty() || stopped) return Ok{};
  return failed(missing.front().node, " did not serve within " + format_duration(start.within) +
                                          ": " + missing.front().why);
}

}  // namespace faultline
