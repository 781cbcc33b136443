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

}  // namespace
}  // namespace faultline
