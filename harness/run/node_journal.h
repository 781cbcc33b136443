// What happened to the stores' processes, written to nodes.jsonl: started, killed by a fault, died
// by themselves. A wrapper around a cluster, because restarts happen deep inside a fault's heal.
//
// {"node":"n2","event":"died","time":12.003412,"how":"exit status 2"}; times are seconds since the
// load began, so those of the start are negative.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "harness/core/checker.h"
#include "harness/core/cluster.h"
#include "harness/core/value.h"

namespace faultline {

class NodeJournal : public Cluster {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit NodeJournal(Cluster& cluster);

  /// Time 0 of the lines; until it is known they are kept back. Then every line goes to `write`, in
  /// order.
  void set_origin(TimePoint origin, std::function<void(const Value&)> write);
  const std::vector<Value>& lines() const { return lines_; }
  /// Died by itself and was not started again.
  bool crashed(std::size_t node) const { return crashed_[node]; }

  std::span<const Node> nodes() const override { return cluster_.nodes(); }
  std::span<const Node> clients() const override { return cluster_.clients(); }
  std::string rung() const override { return cluster_.rung(); }
  Status start(std::size_t node) override;
  Status signal(std::size_t node, int number) override;
  Result<std::vector<ProcessInfo>> processes(std::size_t node) override {
    return cluster_.processes(node);
  }
  Result<bool> answers(std::size_t client, std::chrono::milliseconds timeout) override {
    return cluster_.answers(client, timeout);
  }
  Status cut(std::span<const Edge> edges) override { return cluster_.cut(edges); }
  Status can_cut() const override { return cluster_.can_cut(); }
  Result<std::vector<std::uint64_t>> drops(std::span<const Edge> edges) override {
    return cluster_.drops(edges);
  }
  Status send_probe(const Edge& edge) override { return cluster_.send_probe(edge); }
  Result<bool> probe(const Edge& edge, std::chrono::milliseconds timeout) override {
    return cluster_.probe(edge, timeout);
  }
  Result<std::uint64_t> launch_probe(const Edge& edge) override {
    return cluster_.launch_probe(edge);
  }
  std::optional<std::chrono::nanoseconds> landed(std::uint64_t probe) override {
    return cluster_.landed(probe);
  }
  Result<std::optional<std::chrono::nanoseconds>> transit(
      const Edge& edge, std::chrono::milliseconds timeout) override {
    return cluster_.transit(edge, timeout);
  }
  PacketPlane* packets() override { return cluster_.packets(); }
  Status can_shape() const override { return cluster_.can_shape(); }
  Result<std::size_t> destroy_connections(std::size_t node) override {
    return cluster_.destroy_connections(node);
  }
  Status can_destroy_connections() const override { return cluster_.can_destroy_connections(); }
  Clocks& clocks() const override { return cluster_.clocks(); }
  /// Of nodes, and journals them as well. A client machine's is none of the store's findings: it is
  /// kept apart.
  std::vector<Death> take_deaths() override;
  /// The first death of a client machine that take_deaths() met: our failure.
  const std::optional<Error>& client_death() const { return client_death_; }

 private:
  struct Entry {
    std::size_t node;
    const char* event;
    std::int64_t steady_ns;
    std::string how;
  };
  void add(Entry entry);
  void emit(const Entry& entry);

  Cluster& cluster_;
  std::vector<bool> crashed_;
  std::optional<Error> client_death_;
  std::vector<Entry> kept_;
  std::optional<TimePoint> origin_;
  std::function<void(const Value&)> write_;
  std::vector<Value> lines_;
};

/// The check that is always on: no store's process ended by itself. A pure function of the lines of
/// nodes.jsonl; unknown if there is none that says a node was started. `disk_full`: the run's files
/// could not be written, of which a store may have died as well; that is no finding.
Verdict check_crash_free(std::span<const Value> node_lines, bool disk_full = false);

}  // namespace faultline
