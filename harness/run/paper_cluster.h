// A cluster of which there are only the names: for what is decided before anything starts. Nothing
// can be done to it, and it promises that everything could be that its configuration allows.
#pragma once

#include <vector>

#include "harness/core/cluster.h"

namespace faultline {

class PaperCluster : public Cluster {
 public:
  /// `shapes`: its links are on a lever that shapes packets.
  PaperCluster(std::size_t nodes, std::size_t clients, bool shapes = true) : shapes_(shapes) {
    for (std::size_t i = 0; i < nodes + clients; ++i) {
      Node machine;
      machine.index = i;
      machine.name = i < nodes ? "n" + std::to_string(i + 1) : "c" + std::to_string(i - nodes + 1);
      (i < nodes ? nodes_ : clients_).push_back(std::move(machine));
    }
  }
  std::span<const Node> nodes() const override { return nodes_; }
  std::span<const Node> clients() const override { return clients_; }
  std::string rung() const override { return "paper"; }
  Status can_shape() const override { return shapes_ ? Ok{} : Cluster::can_shape(); }
  Clocks& clocks() const override { return clocks_; }

  Status start(std::size_t) override { return nothing(); }
  Status signal(std::size_t, int) override { return nothing(); }
  Result<std::vector<ProcessInfo>> processes(std::size_t) override { return nothing(); }
  Result<bool> answers(std::size_t, std::chrono::milliseconds) override { return nothing(); }
  Status cut(std::span<const Edge>) override { return nothing(); }
  Result<std::vector<std::uint64_t>> drops(std::span<const Edge>) override { return nothing(); }
  Status send_probe(const Edge&) override { return nothing(); }
  Result<bool> probe(const Edge&, std::chrono::milliseconds) override { return nothing(); }
  Result<std::uint64_t> launch_probe(const Edge&) override { return nothing(); }
  std::optional<std::chrono::nanoseconds> landed(std::uint64_t) override { return std::nullopt; }
  Result<std::size_t> destroy_connections(std::size_t) override { return nothing(); }
  std::vector<Death> take_deaths() override { return {}; }

 private:
  static Error nothing() { return Error{"nothing runs"}; }

  class PaperClocks : public Clocks {
    Status usable() override { return Ok{}; }
    std::int64_t now_ns() const override { return 0; }
    Status set(std::size_t, std::span<const Skew>) override { return nothing(); }
    Result<ClockReading> read(std::size_t) override { return nothing(); }
  };

  bool shapes_;
  std::vector<Node> nodes_, clients_;
  mutable PaperClocks clocks_;
};

}  // namespace faultline
