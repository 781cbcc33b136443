// Nodes whose monotonic clocks are ahead from their start on; programs in them say so.
#include "harness/os/time_namespace.h"

#include <cstdio>
#include <sstream>

#include <time.h>

#include "tests/system/clock_bed.h"

namespace faultline::system_test {
namespace {

TEST_CASE("helper: tell monotonic clocks" * doctest::skip()) {
  for (;; ::usleep(2000)) {
    const std::int64_t before = own_ns(CLOCK_MONOTONIC);
    timespec brief{0, 1'000'000};
    ::clock_nanosleep(CLOCK_MONOTONIC, 0, &brief, nullptr);
    timespec until{};
    ::clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += 1'000'000;
    until.tv_sec += until.tv_nsec / 1'000'000'000;
    until.tv_nsec %= 1'000'000'000;
    ::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr);
    const bool slept = own_ns(CLOCK_MONOTONIC) - before >= 2'000'000;
    std::printf("%lld %lld %lld %s\n", static_cast<long long>(own_ns(CLOCK_MONOTONIC)),
                static_cast<long long>(own_ns(CLOCK_BOOTTIME)),
                static_cast<long long>(own_ns(CLOCK_REALTIME)), slept ? "slept" : "did not sleep");
    std::fflush(stdout);
  }
}

struct AheadBed {
  explicit AheadBed(std::vector<std::int64_t> offsets) {
    require_world();
    ClusterOptions options;
    options.nodes = 2;
    options.directory = folder.path();
    options.monotonic_offsets = std::move(offsets);
    options.launch = [](const Node&, std::span<const Node>) -> Result<Launch> {
      return Launch{helper("helper: tell monotonic clocks"), {}};
    };
    auto made = make_cluster(options);
    if (!made) FAIL(made.error().what);
    cluster = std::move(*made);
  }
  struct Said {
    long long monotonic = 0, boot = 0, real = 0;
    bool slept = false;
  };
  /// What the node says from now on, first.
  Said said(std::size_t node) {
    const auto log = cluster->nodes()[node].log_dir / "stdout.log";
    // Before its init answers it has written down all that was said until now.
    REQUIRE(cluster->processes(node));
    const std::size_t before = read_file(log).size();
    Said said;
    CHECK(eventually([&] {
      std::istringstream lines(read_file(log).substr(before));
      std::string line;
      std::getline(lines, line);  // Perhaps a part, or the test program's own.
      while (std::getline(lines, line) && !lines.eof()) {
        char word[32] = "";
        const int fields = std::sscanf(line.c_str(), "%lld %lld %lld %31s", &said.monotonic,
                                       &said.boot, &said.real, word);
        said.slept = std::string_view(word) == "slept";
        if (fields == 4) return true;
      }
      return false;
    }));
    return said;
  }
  void check(std::size_t node, std::int64_t offset) {
    const std::int64_t monotonic = own_ns(CLOCK_MONOTONIC), boot = own_ns(CLOCK_BOOTTIME),
                       real = own_ns(CLOCK_REALTIME);
    const Said now = said(node);
    CHECK(now.monotonic >= monotonic + offset);
    CHECK(now.monotonic <= own_ns(CLOCK_MONOTONIC) + offset);
    CHECK(now.boot >= boot + offset);
    CHECK(now.boot <= own_ns(CLOCK_BOOTTIME) + offset);
    CHECK(now.real >= real);
    CHECK(now.real <= own_ns(CLOCK_REALTIME));
    CHECK(now.slept);
  }
  Folder folder;
  std::unique_ptr<Cluster> cluster;
};

TEST_CASE("monotonic clocks: each node's are ahead by its own offset, also when it starts again") {
  const Status can = try_monotonic_offset();
  if (!can) {
    MESSAGE("SKIPPED: ", can.error().what);
    return;
  }
  const std::int64_t hundred_days = 2400 * one_hour + 7;
  AheadBed bed({hundred_days, 0});
  for (int life = 0; life < 2; ++life) {
    require_ok(bed.cluster->start(0));
    require_ok(bed.cluster->start(1));
    bed.check(0, hundred_days);
    bed.check(1, 0);
    for (const std::size_t node : {0, 1}) require_ok(bed.cluster->signal(node, SIGKILL));
  }
}

TEST_CASE("monotonic clocks: wall clocks can be shifted on top of that") {
  if (!try_monotonic_offset()) return;  // Said above.
  AheadBed bed({2400 * one_hour, 0});
  require_ok(bed.cluster->clocks().usable());
  require_ok(bed.cluster->start(0));
  bed.check(0, 2400 * one_hour);
  const std::vector<Skew> skews = {{.since_ns = own_ns(CLOCK_REALTIME), .by_ns = one_hour}};
  require_ok(bed.cluster->clocks().set(0, skews));
  const std::int64_t monotonic = own_ns(CLOCK_MONOTONIC), real = own_ns(CLOCK_REALTIME);
  const AheadBed::Said now = bed.said(0);
  CHECK(now.monotonic >= monotonic + 2400 * one_hour);
  CHECK(now.monotonic <= own_ns(CLOCK_MONOTONIC) + 2400 * one_hour);
  CHECK(now.real >= real + one_hour);
  CHECK(now.real <= own_ns(CLOCK_REALTIME) + one_hour);
  require_ok(bed.cluster->clocks().set(0, {}));
  bed.check(0, 2400 * one_hour);
}

TEST_CASE("monotonic clocks: an offset that the kernel does not take is refused before any start") {
  require_world();
  Folder folder;
  ClusterOptions options;
  options.nodes = 1;
  options.directory = folder.path();
  options.monotonic_offsets = {std::int64_t{280} * 365 * 24 * one_hour};
  options.launch = [](const Node&, std::span<const Node>) -> Result<Launch> { return Launch{}; };
  const auto made = make_cluster(options);
  REQUIRE_FALSE(made);
  CHECK(made.error().kind == ErrorKind::capability);
  CHECK(made.error().what.find("monotonic clocks ahead") != std::string::npos);
}

}  // namespace
}  // namespace faultline::system_test
