// A cluster for system tests: enters the world once per process, and keeps nodes' files in a folder
// that is deleted at the end.
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "harness/os/world.h"

namespace faultline::system_test {

inline Deadline in(std::chrono::milliseconds timeout) {
  return std::chrono::steady_clock::now() + timeout;
}

/// Polls until `condition` holds; false if it does not within `limit`.
inline bool eventually(const std::function<bool()>& condition,
                       std::chrono::milliseconds limit = std::chrono::seconds(60)) {
  const auto deadline = std::chrono::steady_clock::now() + limit;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// Where nodes keep their files: in memory, if there is room. Who is killed loses no more there
/// than on a disk; but one that others crowd may take a second to synchronize, and by then a store
/// gives up, or elects somebody else.
inline std::filesystem::path nodes_directory() {
  constexpr const char* memory = "/dev/shm";
  constexpr std::uintmax_t wanted_bytes = std::uintmax_t{2} << 30;  // etcd allocates ahead
  struct statfs found{};
  const bool fits =
      ::statfs(memory, &found) == 0 && found.f_type == TMPFS_MAGIC &&
      ::access(memory, W_OK | X_OK) == 0 &&
      static_cast<std::uintmax_t>(found.f_bavail) * static_cast<std::uintmax_t>(found.f_bsize) >=
          wanted_bytes;
  return fits ? std::filesystem::path(memory) : std::filesystem::temp_directory_path();
}

/// A folder that is deleted with it.
class Folder {
 public:
  explicit Folder(const std::filesystem::path& parent = std::filesystem::temp_directory_path()) {
    std::string name = (parent / "faultline-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Entered once per process. A machine that cannot fails the test: it must not pass in silence.
inline void require_world() {
  static const Status entered = enter_world();
  if (!entered) FAIL(entered.error().what);
}

/// Makes a test case run once for every lever on links.
inline LinksLever each_lever() {
  LinksLever lever = LinksLever::bridge;
  SUBCASE("bridge") {}
  SUBCASE("iptables") { lever = LinksLever::iptables; }
  SUBCASE("switch") { lever = LinksLever::packet_switch; }
  return lever;
}

/// Nodes that run `/bin/sh -c SCRIPT`, with NODE in the environment.
struct Shells {
  explicit Shells(std::size_t nodes, std::string node_script = "exec sleep 1000")
      : Shells(nodes, LinksLever::bridge, std::move(node_script)) {}
  Shells(std::size_t nodes, LinksLever links, std::string node_script = "exec sleep 1000",
         std::uint64_t seed = 0,
         const std::filesystem::path& parent = std::filesystem::temp_directory_path())
      : folder(parent), script(std::move(node_script)) {
    require_world();
    ClusterOptions options;
    options.links = links;
    options.seed = seed;
    options.nodes = nodes;
    options.directory = folder.path();
    options.launch = [this](const Node& node, std::span<const Node>) -> Result<Launch> {
      return Launch{argv.empty() ? std::vector<std::string>{"/bin/sh", "-c", script} : argv,
                    environment_of(node)};
    };
    auto made = make_cluster(options);
    if (!made) FAIL(made.error().what);
    cluster = std::move(*made);
  }
  /// Runs `text` in a node until it ends; what it printed to standard output.
  std::string output(std::size_t node, const std::string& text) {
    const std::string previous = std::exchange(script, text + "\necho end-of-script");
    const auto log = cluster->nodes()[node].log_dir / "stdout.log";
    const std::size_t before = read_file(log).size();
    const Status started = cluster->start(node);
    if (!started) FAIL(started.error().what);
    std::string printed;
    const bool ended = eventually([&] {
      printed = read_file(log).substr(before);
      return printed.ends_with("end-of-script\n");
    });
    CHECK_MESSAGE(ended, text, " printed: ", printed);
    (void)eventually([&] { return !cluster->take_deaths().empty(); });
    script = previous;
    return printed.substr(0, printed.size() - std::string("end-of-script\n").size());
  }

  std::vector<std::pair<std::string, std::string>> environment_of(const Node& node) const {
    auto variables = environment;
    variables.emplace_back("NODE", node.name);
    return variables;
  }

  Folder folder;
  std::string script;
  std::vector<std::string> argv;  ///< Instead of the script, if not empty.
  std::vector<std::pair<std::string, std::string>> environment;
  std::unique_ptr<Cluster> cluster;
};

inline void require_ok(const Status& status) {
  if (!status) FAIL(status.error().what);
}

}  // namespace faultline::system_test
