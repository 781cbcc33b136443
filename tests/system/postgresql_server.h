// A real PostgreSQL in a node of its own, and clients of it. Skipped, and said so, where it is not
// installed.
#pragma once

#include <memory>
#include <string>

#include "targets/targets.h"
#include "tests/system/local_cluster.h"

namespace faultline::system_test::postgresql {

using namespace std::chrono_literals;

inline std::unique_ptr<Target> with_isolation(const std::string& isolation) {
  return target_of(make_postgresql, {{"isolation", isolation}});
}

inline bool installed() {
  const Status here = with_isolation("serializable")->available();
  if (!here) MESSAGE("SKIPPED: ", here.error().what);
  return static_cast<bool>(here);
}

inline Value append(Value key, Value element) {
  return List{"append", std::move(key), std::move(element)};
}
inline Value put(Value key, Value value) { return List{"w", std::move(key), std::move(value)}; }
inline Value get(Value key) { return List{"r", std::move(key), {}}; }

/// One server.
class Server {
 public:
  Server() {
    require_world();
    ClusterOptions options;
    options.nodes = 1;
    options.directory = folder_.path();
    options.launch = [this](const Node& node, std::span<const Node> all) {
      return target_->launch(node, all);
    };
    auto made = make_cluster(options);
    if (!made) FAIL(made.error().what);
    cluster_ = std::move(*made);
  }

  const Node& node() const { return cluster_->nodes()[0]; }
  void start() { require_ok(cluster_->start(0)); }
  void signal(int number) { require_ok(cluster_->signal(0, number)); }
  std::size_t processes() { return cluster_->processes(0)->size(); }
  bool ready() const { return static_cast<bool>(target_->ready(node(), in(500ms))); }
  void await_ready() const {
    REQUIRE_MESSAGE(eventually([this] { return ready(); }, 60s),
                    read_file(node().log_dir / "stderr.log"));
  }
  std::size_t deaths() { return cluster_->take_deaths().size(); }

 private:
  Folder folder_;
  std::unique_ptr<Target> target_ = with_isolation("serializable");
  std::unique_ptr<Cluster> cluster_;
};

/// One process's connection, at an isolation of its own.
class Asker {
 public:
  explicit Asker(const Node& node, const std::string& isolation = "serializable")
      : target_(with_isolation(isolation)) {
    auto made = target_->connect(node);
    REQUIRE(made);
    client_ = std::move(*made);
  }
  Outcome ask(Function function, const std::string& key, Value value = {},
              std::chrono::milliseconds limit = 5s) {
    return client_->invoke({.function = function, .key = key, .value = std::move(value)},
                           in(limit));
  }
  Outcome transact(List operations, std::chrono::milliseconds limit = 5s) {
    return ask(Function::txn, "", std::move(operations), limit);
  }

 private:
  std::unique_ptr<Target> target_;
  std::unique_ptr<Client> client_;
};

}  // namespace faultline::system_test::postgresql
