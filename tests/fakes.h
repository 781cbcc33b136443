// Fakes shared by unit tests: a cluster in memory, with no processes and no network.
#pragma once

#include <algorithm>
#include <csignal>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "harness/core/clocks.h"
#include "harness/core/cluster.h"

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
    return reading;
  }
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
    if (cut_.contains(edge)) ++drops_[edge];
    return Ok{};
  }

  Result<bool> probe(const Edge& edge, std::chrono::milliseconds) override {
    probed.push_back(edge);
    return !cut_.contains(edge) && !broken.contains(edge);
  }
  std::vector<Edge> probed;

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
  std::vector<Death> deaths_;
  int next_pid_ = 100;
};

}  // namespace faultline::fakes
