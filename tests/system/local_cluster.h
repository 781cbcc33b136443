// A target's nodes as plain processes on loopback addresses of this machine, for tests of targets
// and their clients: no namespaces, no faults but signals. Everything dies with the test.
#pragma once

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/core/client.h"
#include "harness/core/params.h"
#include "harness/core/target.h"
#include "tests/system/fixture.h"

namespace faultline::system_test {

class LocalCluster {
 public:
  LocalCluster(std::unique_ptr<Target> target, std::size_t count) : target_(std::move(target)) {
    std::string name = (nodes_directory() / "faultline-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    directory_ = name;
    // 127.0.0.0/8 is all loopback; an address per node, so that ports may be the same.
    static int clusters = 0;
    const std::string network = "127." + std::to_string(100 + clusters++ % 100) + "." +
                                std::to_string(::getpid() % 250) + ".";
    for (std::size_t i = 0; i < count; ++i) {
      Node node;
      node.index = i;
      node.name = "n" + std::to_string(i + 1);
      node.address = network + std::to_string(i + 1);
      node.data_dir = directory_ / node.name / "data";
      node.log_dir = directory_ / node.name / "log";
      std::filesystem::create_directories(node.data_dir);
      std::filesystem::create_directories(node.log_dir);
      nodes_.push_back(std::move(node));
    }
    pids_.resize(count, 0);
  }
  ~LocalCluster() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) kill(i);
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }
  LocalCluster(const LocalCluster&) = delete;
  LocalCluster& operator=(const LocalCluster&) = delete;

  const Target& target() const { return *target_; }
  const std::vector<Node>& nodes() const { return nodes_; }
  const Node& node(std::size_t i) const { return nodes_.at(i); }

  void start(std::size_t i) {
    if (pids_.at(i) != 0) return;
    const auto launch = target_->launch(nodes_[i], nodes_);
    REQUIRE(launch);
    std::vector<char*> argv;
    for (const std::string& word : launch->argv) argv.push_back(const_cast<char*>(word.c_str()));
    argv.push_back(nullptr);
    const std::string log = (nodes_[i].log_dir / "out").string();
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
      ::dup2(fd, 1);
      ::dup2(fd, 2);
      ::execv(argv[0], argv.data());
      ::_exit(127);
    }
    pids_[i] = pid;
  }
  void start_all() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) start(i);
  }
  void kill(std::size_t i) {
    if (pids_.at(i) == 0) return;
    ::kill(pids_[i], SIGKILL);
    ::waitpid(pids_[i], nullptr, 0);
    pids_[i] = 0;
  }
  void kill_all() {
    for (const pid_t pid : pids_) {
      if (pid != 0) ::kill(pid, SIGKILL);
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) kill(i);
  }
  void pause(std::size_t i) { ::kill(pids_.at(i), SIGSTOP); }
  void resume(std::size_t i) { ::kill(pids_.at(i), SIGCONT); }

  bool ready(std::size_t i) const {
    return static_cast<bool>(target_->ready(nodes_[i], in(std::chrono::milliseconds(500))));
  }
  bool await_ready() const {
    return eventually([this] {
      for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (pids_[i] != 0 && !ready(i)) return false;
      }
      return true;
    });
  }

  /// One request on a connection of its own.
  Outcome ask(std::size_t i, Function function, const std::string& key, Value value = {},
              std::chrono::milliseconds timeout = std::chrono::seconds(5)) const {
    auto client = target_->connect(nodes_[i]);
    REQUIRE(client);
    return (*client)->invoke({.function = function, .key = key, .value = std::move(value)},
                             in(timeout));
  }
  Outcome read(std::size_t i, const std::string& key) const { return ask(i, Function::read, key); }
  Outcome write(std::size_t i, const std::string& key, Value value) const {
    return ask(i, Function::write, key, std::move(value));
  }
  /// Asked again until they succeed: a store gives up early where a crowded disk takes its time.
  bool writes(std::size_t i, const std::string& key, const Value& value) const {
    return eventually([&] { return write(i, key, value).fate() == Fate::ok; });
  }
  bool reads(std::size_t i, const std::string& key, const Value& value) const {
    Outcome got = Outcome::fail("");
    return eventually([&] { return (got = read(i, key)).fate() == Fate::ok; }) &&
           got.output() == value;
  }

 private:
  std::unique_ptr<Target> target_;
  std::filesystem::path directory_;
  std::vector<Node> nodes_;
  std::vector<pid_t> pids_;
};

/// A target made from parameters as a configuration would have them.
template <typename Make>
std::unique_ptr<Target> target_of(Make make,
                                  const std::vector<std::pair<std::string, std::string>>& members) {
  ConfigNode mapping;
  for (const auto& [key, value] : members) {
    mapping.members.push_back({key, {}, ConfigNode::of(value)});
  }
  Params params(mapping, "target");
  auto target = make(params);
  REQUIRE(target);
  return *std::move(target);
}

inline bool is_ok(const Outcome& outcome, const Value& value) {
  return outcome.fate() == Fate::ok && outcome.output() == value;
}

}  // namespace faultline::system_test
