// Fakes shared by unit tests: a cluster in memory, with no processes and no network.
#pragma once

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "harness/core/clocks.h"
#include "harness/core/cluster.h"
#include "harness/core/packets.h"

namespace faultline::fakes {

/// Clocks that do as they are told, or not.
class FakeClocks : public Clocks {
 public:
  // What a test sets.
  std::string unusable;          ///< Why; empty if they can be shifted.
  bool shifts_are_lost = false;  ///< set() says Ok and does nothing.
  bool set_fails = false;
  std::map<std::size_t, std::string> problems;  ///< Of a node's second process.
  std::map<std::size_t, std::vector<std::string>> absolute_waits;
  std::map<std::size_t, std::int64_t> kernel_calls, kernel_calls_missed;
  std::int64_t now = 1'000'000'000'000'000'000;
  // What a test reads.
  std::map<std::size_t, std::vector<Skew>> skews;
  std::vector<std::string> calls;  ///< "n1 2": two skews set on n1.
  std::function<std::vector<ProcessInfo>(std::size_t)> processes;

  Status usable() override {
    return unusable.empty() ? Status(Ok{}) : Error{unusable, ErrorKind::capability};
  }
  std::int64_t now_ns() const override { return now; }
  Status set(std::size_t node, std::span<const Skew> wanted) override {
    calls.push_back("n" + std::to_string(node + 1) + " " + std::to_string(wanted.size()));
    if (set_fails) return Error{"told to fail"};
    if (!shifts_are_lost) skews[node].assign(wanted.begin(), wanted.end());
    return Ok{};
  }
  Result<ClockReading> read(std::size_t node) override {
    const std::int64_t offset = sum_of(skews[node], now)->at(now);
    ClockReading reading;
    reading.at_ns = now;
    for (const ProcessInfo& process : processes(node))
      reading.processes.push_back(
          {process.pid, process.command, {}, !skews[node].empty(), offset, 1, 100'000});
    if (problems.contains(node) && reading.processes.size() > 1) {
      reading.processes[1].problem = problems[node];
      reading.processes[1].shifted = false;
      reading.processes[1].offset_ns = 0;
    }
    reading.series = {{now, offset, offset, 2}};
    reading.absolute_waits = absolute_waits[node];
    reading.kernel_calls = kernel_calls[node];
    reading.kernel_calls_missed = kernel_calls_missed[node];
    if (reading.kernel_calls > 0) reading.kernel_callers = {"raw"};
    return reading;
  }
};

/// Does to the n-th packet of a link what its policy asks of one in 1/p: n counts from 1.
class FakePackets : public PacketPlane {
 public:
  std::vector<LinkPolicies> shapes;  ///< As asked, in order; the last holds.
  bool fails = false, shapes_are_lost = false;
  bool heals_are_lost = false;  ///< shape() of nothing says Ok and leaves what there is.
  std::uint64_t PacketCounters::* never = nullptr;  ///< This one does not rise.
  std::set<Edge> left_alone;                        ///< Links whose packets go as they came.

  const LinkPolicies& now() const {
    static const LinkPolicies none;
    return shapes.empty() ? none : shapes.back();
  }
  void packet(const Edge& edge) {
    const auto found = now().find(edge);
    if (found == now().end() || shapes_are_lost || left_alone.contains(edge)) return;
    const LinkPolicy& policy = found->second;
    PacketCounters& counts = counters_[edge];
    ++counts.shaped;
    const auto every = [&](double chance, std::uint64_t PacketCounters::* counter) {
      const bool due =
          chance > 0 &&
          counts.shaped % std::max<std::uint64_t>(1, static_cast<std::uint64_t>(1 / chance)) == 0;
      if (due && counter != never) ++(counts.*counter);
    };
    every(policy.delay.count() + policy.jitter.count() > 0, &PacketCounters::delayed);
    every(policy.loss, &PacketCounters::lost);
    every(policy.duplicate, &PacketCounters::duplicated);
    every(policy.reorder, &PacketCounters::reordered);
    every(policy.corrupt, &PacketCounters::corrupted);
    every(policy.corrupt_unseen, &PacketCounters::corrupted_unseen);
    every(policy.rate > 0, &PacketCounters::slowed);
    every(!policy.flaps.empty(), &PacketCounters::flapped);
  }
  /// The store sends one.
  void message(const Edge& edge) {
    packet(edge);
    const auto found = now().find(edge);
    if (found == now().end() || found->second.nth.empty()) return;
    PacketCounters& counts = counters_[edge];
    ++counts.messages;
    for (const NthMessage& nth : found->second.nth) {
      const bool met = nth.every ? counts.messages % nth.n == 0 : counts.messages == nth.n;
      if (met) ++(nth.fate == NthMessage::Fate::drop ? counts.dropped : counts.cut_short);
    }
  }

  Status shape(const LinkPolicies& policies) override {
    if (fails) return Error{"told to fail"};
    if (heals_are_lost && policies.empty()) return Ok{};
    shapes.push_back(policies);
    return Ok{};
  }
  Status set_nature(const LinkPolicies& nature) override {
    nature_ = nature;
    return Ok{};
  }
  const LinkPolicies& nature() const override { return nature_; }
  std::vector<PacketCounters> counters(std::span<const Edge> edges) const override {
    std::vector<PacketCounters> counters;
    for (const Edge& edge : edges) {
      const auto found = counters_.find(edge);
      counters.push_back(found == counters_.end() ? PacketCounters{} : found->second);
    }
    return counters;
  }
  std::vector<LinkTraffic> traffic(std::span<const Edge> edges) const override {
    std::vector<LinkTraffic> traffic;
    for (const Edge& edge : edges) {
      const auto found = carried.find(edge);
      traffic.push_back(found == carried.end() ? LinkTraffic{} : found->second);
    }
    return traffic;
  }
  PlaneCost cost() const override { return spent; }
  std::map<Edge, LinkTraffic> carried;
  PlaneCost spent;

 private:
  std::map<Edge, PacketCounters> counters_;
  LinkPolicies nature_;
};

/// Behaves like a cluster whose nodes are two processes each, writes down every call ("signal n1
/// 9"), and can be told to misbehave. Every node runs at first, as after the start of a run.
class FakeCluster : public Cluster {
 public:
  explicit FakeCluster(std::size_t nodes, std::size_t clients = 0) {
    for (std::size_t i = 0; i < nodes + clients; ++i) {
      Node node;
      node.index = i;
      node.name = (i < nodes ? "n" : "c") + std::to_string(i < nodes ? i + 1 : i - nodes + 1);
      node.address = "10.88.0." + std::to_string(i + 1);
      (i < nodes ? nodes_ : clients_).push_back(node);
      processes_.push_back(fresh(i));
    }
    fake_clocks.processes = [this](std::size_t node) { return processes_[node]; };
  }
  FakeCluster(const FakeCluster&) = delete;

  mutable FakeClocks fake_clocks;

  // What a test sets.
  std::set<std::size_t> failing_calls;  ///< Numbers of the calls that fail, from 1: see calls.
  std::set<std::size_t> unstartable;    ///< start() of these nodes fails.
  bool signals_are_lost = false;        ///< signal() says Ok and does nothing.
  bool stopped_answer = false;          ///< Client machines answer although they are stopped.
  std::set<std::size_t> mute;           ///< Client machines that never answer.
  bool cuts_are_lost = false;           ///< cut() says Ok and cuts nothing.
  std::string cannot_cut;               ///< Why; empty if it can.
  std::string cannot_destroy;           ///< Why; empty if connections can be destroyed.
  bool connections_last = false;        ///< They cannot be destroyed, though it says they can.
  std::set<Edge> broken;                ///< Links that pass nothing although nobody cut them.
  std::map<std::size_t, std::string> dies_at_start;
  FakePackets plane;
  bool has_plane = true;
  std::optional<std::chrono::nanoseconds> takes;  ///< Every probe; else as long as it is delayed.

  // What a test reads.
  /// Only those that change something: start, signal, cut, destroy connections.
  std::vector<std::string> calls;
  const std::set<Edge>& cut_now() const { return cut_; }
  bool running(std::size_t node) const { return !processes_[node].empty(); }
  bool stopped(std::size_t node) const {
    return running(node) && std::ranges::all_of(processes_[node], [](const ProcessInfo& p) {
             return p.state == 'T';
           });
  }
  void die(std::size_t node, std::string how) {
    processes_[node].clear();
    deaths_.push_back({node, std::move(how), 0});
  }
  /// Traffic of the store's own over a cut link.
  void traffic(const Edge& edge, std::uint64_t frames) { drops_[edge] += frames; }

  // Cluster.
  std::span<const Node> nodes() const override { return nodes_; }
  std::span<const Node> clients() const override { return clients_; }
  std::string rung() const override { return "fake"; }

  Status start(std::size_t node) override {
    if (Status called = call("start " + machine_of(*this, node).name); !called) return called;
    if (running(node)) return Error{"it runs already"};
    if (unstartable.contains(node)) return Error{"exec: no such file"};
    if (dies_at_start.contains(node)) {
      die(node, dies_at_start[node]);
      return Ok{};
    }
    processes_[node] = fresh(node);
    return Ok{};
  }

  Status signal(std::size_t node, int number) override {
    const Status called =
        call("signal " + machine_of(*this, node).name + " " + std::to_string(number));
    if (!called) return called;
    if (signals_are_lost) return Ok{};
    if (number == SIGKILL) processes_[node].clear();
    for (ProcessInfo& process : processes_[node]) {
      if (number == SIGSTOP) process.state = 'T';
      if (number == SIGCONT) process.state = 'S';
    }
    return Ok{};
  }

  Result<std::vector<ProcessInfo>> processes(std::size_t node) override { return processes_[node]; }

  Result<bool> answers(std::size_t client, std::chrono::milliseconds) override {
    return running(client) && (stopped_answer || !stopped(client)) && !mute.contains(client);
  }

  Status cut(std::span<const Edge> edges) override {
    std::string text = "cut";
    for (const Edge& edge : edges)
      text += " " + std::string(end_name(*this, edge.from)) + ">" +
              std::string(end_name(*this, edge.to));
    if (Status called = call(text); !called) return called;
    cut_.clear();
    if (!cuts_are_lost) cut_.insert(edges.begin(), edges.end());
    return Ok{};
  }

  Status can_cut() const override {
    return cannot_cut.empty() ? Status(Ok{}) : Error{cannot_cut, ErrorKind::capability};
  }

  Result<std::vector<std::uint64_t>> drops(std::span<const Edge> edges) override {
    std::vector<std::uint64_t> counters;
    for (const Edge& edge : edges) counters.push_back(drops_[edge]);
    return counters;
  }

  Status send_probe(const Edge& edge) override {
    if (cut_.contains(edge))
      ++drops_[edge];
    else
      plane.packet(edge);
    return Ok{};
  }

  Result<bool> probe(const Edge& edge, std::chrono::milliseconds) override {
    probed.push_back(edge);
    if (!cut_.contains(edge)) plane.packet(edge);
    return !cut_.contains(edge) && !broken.contains(edge);
  }
  Result<std::uint64_t> launch_probe(const Edge& edge) override {
    if (!cannot_probe.empty()) return Error{cannot_probe};
    const auto passed = probe(edge, {});
    const std::size_t nth = ++launched_[edge];
    flights_.push_back({edge, *passed && nth > loses_first});
    return flights_.size() - 1;
  }
  std::optional<std::chrono::nanoseconds> landed(std::uint64_t probe) override {
    const Flight& flight = flights_.at(probe);
    if (!flight.passed || in_flight) return std::nullopt;
    return duration(flight.edge);
  }
  std::string cannot_probe;     ///< Why no probe is launched; empty if they are.
  bool in_flight = false;       ///< Launched probes have not arrived yet.
  std::size_t loses_first = 0;  ///< So many launched probes of each link are lost.
  std::vector<Edge> probed;
  Result<std::optional<std::chrono::nanoseconds>> transit(
      const Edge& edge, std::chrono::milliseconds timeout) override {
    const auto arrived = probe(edge, timeout);
    if (!arrived) return arrived.error();
    if (!*arrived) return std::optional<std::chrono::nanoseconds>();
    return duration(edge);
  }
  PacketPlane* packets() override { return has_plane ? &plane : nullptr; }
  Status can_shape() const override { return has_plane ? Ok{} : Cluster::can_shape(); }

  Result<std::size_t> destroy_connections(std::size_t node) override {
    if (Status called = call("destroy connections " + nodes_[node].name); !called)
      return called.error();
    return running(node) || connections_last ? 1 : 0;
  }
  Status can_destroy_connections() const override {
    return cannot_destroy.empty() ? Status(Ok{}) : Error{cannot_destroy, ErrorKind::capability};
  }

  Clocks& clocks() const override { return fake_clocks; }

  std::vector<Death> take_deaths() override { return std::exchange(deaths_, {}); }

 private:
  struct Flight {
    Edge edge;
    bool passed;
  };
  std::optional<std::chrono::nanoseconds> duration(const Edge& edge) const {
    const auto policy = plane.now().find(edge);
    const bool late = policy != plane.now().end();
    return takes ? takes : late ? policy->second.delay : std::chrono::nanoseconds(0);
  }
  std::vector<ProcessInfo> fresh(std::size_t node) {
    const int pid = next_pid_;
    next_pid_ += 2;
    return {{pid, 'S', "store" + std::to_string(node + 1)}, {pid + 1, 'R', "helper"}};
  }
  Status call(std::string text) {
    calls.push_back(std::move(text));
    if (failing_calls.contains(calls.size())) return Error{"told to fail"};
    return Ok{};
  }

  std::vector<Node> nodes_, clients_;
  std::vector<std::vector<ProcessInfo>> processes_;
  std::set<Edge> cut_;
  std::map<Edge, std::uint64_t> drops_;
  std::map<Edge, std::size_t> launched_;
  std::vector<Flight> flights_;
  std::vector<Death> deaths_;
  int next_pid_ = 100;
};

}  // namespace faultline::fakes
