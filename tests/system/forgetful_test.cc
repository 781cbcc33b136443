// A program that makes clusters and whose main() does not run the hidden subcommands: it starts
// itself again and again, if nothing stops it.
#include "harness/os/capabilities.h"
#include "tests/system/stage.h"

namespace faultline::system_test {
namespace {

constexpr int depth_max = 4;  ///< Of what must never get beyond 1.

/// tests/main.cc runs this case whatever the program was started for.
TEST_CASE("helper: forget the hidden subcommands" * doctest::skip()) {
  const int depth = amount("FAULTLINE_FORGETFUL_DEPTH", 0);
  const std::string file = std::getenv("FAULTLINE_FORGETFUL_LOG");
  const auto tell = [&](const std::string& what) {
    std::ofstream(file, std::ios::app) << depth << ": " << what << std::endl;
  };
  tell("started");
  if (depth == depth_max) return;
  REQUIRE(::setenv("FAULTLINE_FORGETFUL_DEPTH", std::to_string(depth + 1).c_str(), 1) == 0);
  if (std::getenv("FAULTLINE_FORGETFUL_PROBES") != nullptr)
    for (const Capability& each : probe_capabilities()) tell(each.detail);
  const Folder folder;
  ClusterOptions options;
  options.nodes = 1;
  options.directory = folder.path();
  options.launch = [](const Node&, std::span<const Node>) -> Result<Launch> {
    return Launch{{"/bin/true"}, {}};
  };
  if (const Status entered = enter_world(); !entered) return tell(entered.error().what);
  const auto cluster = make_cluster(options);
  tell(cluster ? "a cluster" : cluster.error().what);
}

TEST_CASE(
    "a program that forgets the hidden subcommands ends with a sentence, not with a machine") {
  for (const bool probes : {false, true}) {
    CAPTURE(probes);
    const Adopter adopter;
    const Folder folder;
    const std::string log = folder.path() / "log";
    const std::string command =
        "ulimit -u 200; FAULTLINE_FORGETFUL='helper: forget the hidden*' FAULTLINE_FORGETFUL_LOG=" +
        log + (probes ? " FAULTLINE_FORGETFUL_PROBES=1" : "") + " exec /proc/$PPID/exe";
    const auto ended = run_program({"/bin/bash", "-c", command}, "", std::chrono::seconds(60));
    REQUIRE_MESSAGE(ended, (ended ? "" : ended.error().what));
    const std::string told = read_file(log);
    CAPTURE(told);
    CHECK(told.starts_with("0: started\n"));
    CHECK(told.find("1: started\n") != std::string::npos);
    CHECK(told.find(", but its main() does not call run_hidden_subcommand() first of all\n") !=
          std::string::npos);
    CHECK(told.find("2: ") == std::string::npos);
    CHECK(told.find("a cluster") == std::string::npos);
    CHECK(eventually(Adopter::alone, vanish_limit));
  }
}

}  // namespace
}  // namespace faultline::system_test
