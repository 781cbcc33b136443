// What `run --dry-run` shows of a configuration, and what it refuses as the run itself would.
#include <fstream>

#include "tests/cli/command.h"

namespace faultline {
namespace {

struct Config {
  explicit Config(const std::string& text) : path(folder.path() / "test.yaml") {
    std::ofstream(path) << text;
  }
  const TemporaryFolder folder;
  std::filesystem::path path;
};

TEST_CASE("dry run: packets on links that cannot shape them are refused as the run refuses them") {
  const Config config(
      "target: { name: refkv, nodes: 3 }\n"
      "workload: { name: register, keys: 2 }\n"
      "time: 20s\n"
      "faults: [{ fault: packets, at: 3s }]\n");
  for (const std::string lever : {"bridge", "iptables"}) {
    const Answered refused =
        faultline_command({"run", config.path, "--dry-run", "--set", "links=" + lever});
    CHECK(refused.code == 69);
    CHECK(refused.out.empty());
    CHECK(
        refused.err ==
        "faultline: fault packets: packets cannot be delayed, lost or changed on this data plane; "
        "say links: switch\n");
  }
  for (const auto& set : std::vector<std::vector<std::string>>{{}, {"--set", "links=switch"}}) {
    std::vector<std::string> arguments = {"run", config.path, "--dry-run"};
    arguments.insert(arguments.end(), set.begin(), set.end());
    const Answered shown = faultline_command(arguments);
    CHECK(shown.code == 0);
    CHECK(shown.out.find("links: switch\n") != std::string::npos);
    CHECK(shown.out.find("netem delay 100ms") != std::string::npos);
  }
  // A fault that cuts alone is no matter.
  CHECK(faultline_command({"run", config.path, "--dry-run", "--set", "links=bridge", "--set",
                           "faults=[{ fault: partition, at: 3s }]"})
            .code == 0);
}

TEST_CASE("dry run: strikes on packets that are on at the same time have classes of their own") {
  const Config config(
      "target: { name: refkv, nodes: 3 }\n"
      "workload: { name: register, keys: 2 }\n"
      "time: 20s\n"
      "faults:\n"
      "  - { fault: packets, victims: n1, at: 1s, for: 4s }\n"
      "  - { fault: packets, victims: n1, at: 2s, for: 6s, loss: 5% }\n"
      "  - { fault: packets, victims: n1, at: 6s, for: 1s, delay: 7ms }\n"
      "  - { fault: packets, victims: n1, at: 10s, for: 1s, kind: flapping }\n");
  const std::string text = faultline_command({"run", config.path, "--dry-run"}).out;
  // The third has that of the first, which is healed by then.
  const auto has = [&](const std::string& line) {
    return text.find(line + "\n") != std::string::npos;
  };
  CHECK(has("tc qdisc add dev eth0 parent 1:10 netem delay 100ms 20ms"));
  CHECK(has("tc qdisc add dev eth0 parent 1:f netem loss 5%"));
  CHECK(has("tc qdisc add dev eth0 parent 1:10 netem delay 7ms"));
  CHECK(
      has("  heal    n1: tc filter del dev eth0 parent 1: protocol ip pref 0xf; tc filter del dev "
          "eth0 parent 1: protocol ipv6 pref 0x1f; tc qdisc del dev eth0 parent 1:f"));
  CHECK(text.find("$band") == std::string::npos);
  CHECK(text.find("qdisc add dev eth0 root") == std::string::npos);
  CHECK(has("# Faultline adds them up."));
  const Answered document = faultline_command({"run", config.path, "--dry-run", "--json"});
  CHECK(document.out.find("parent 1:f netem loss 5%") != std::string::npos);
  const std::string cuts = faultline_command({"run", config.path, "--dry-run", "--set",
                                              "faults=[{ fault: partition, at: 3s }]"})
                               .out;
  CHECK(cuts.find("adds them up") == std::string::npos);
}

}  // namespace
}  // namespace faultline
