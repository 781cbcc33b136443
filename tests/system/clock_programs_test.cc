// Programs of others under a shifted clock, where they are installed: they say themselves what time
// it is for them.
#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <string>

#include <time.h>

#include "harness/os/program.h"
#include "targets/targets.h"
#include "tests/system/clock_bed.h"
#include "tests/system/local_cluster.h"
#include "tests/system/test_threads.h"

#if defined(__x86_64__)
namespace faultline::system_test {
namespace {

constexpr std::int64_t one_year = 366 * 24 * one_hour;

/// Of the date so many nanoseconds from now.
std::string year_in(std::int64_t ns) {
  const time_t then = (own_ns(CLOCK_REALTIME) + ns) / one_second;
  tm date{};
  ::gmtime_r(&then, &date);
  return std::to_string(date.tm_year + 1900);
}

TEST_CASE("clocks: a Python program, dynamically linked, is told another time") {
  const std::string python = find_program("python3");
  if (python.empty()) {
    MESSAGE("SKIPPED: no python3 here");
    return;
  }
  ClockBed bed({python, "-u", "-c",
                "import time\nwhile True:\n  print('year', time.gmtime(time.time()).tm_year)\n  "
                "time.sleep(0.01)\n"});
  bed.start();
  CHECK(bed.says("year "));
  bed.jump(3 * one_year);
  CHECK(bed.says("year " + year_in(3 * one_year)));
}

TEST_CASE("clocks: a JVM is told another time, and its threads survive") {
  const std::string java = find_program("java");
  if (java.empty()) {
    MESSAGE("SKIPPED: no java here");
    return;
  }
  ClockBed bed(
      {"/bin/sh", "-c",
       "cat > T.java <<'E'\npublic class T { public static void main(String[] a) throws "
       "Exception { for (;;) { System.out.println(\"year \" + "
       "java.time.Instant.now().toString().substring(0, 4)); Thread.sleep(5); } } }\nE\nexec " +
           java + " -Xmx64m -Xint -XX:+UseSerialGC T.java"});
  bed.start();
  const bool runs = eventually([&] { return bed.output().find("year ") != std::string::npos; },
                               std::chrono::seconds(60));
  if (!runs) {
    MESSAGE("SKIPPED: this java runs no source file: ",
            read_file(bed.shells.cluster->nodes()[0].log_dir / "stderr.log"));
    return;
  }
  for (int i = 0; i < 500; ++i) {
    bed.jump(100 * one_year);
    if (i % 100 == 0) CHECK(bed.says("year 21"));
    bed.heal();
    if (i % 100 == 0) CHECK(bed.says("year 20"));
  }
  CHECK(bed.says("year 20"));
  CHECK(bed.shells.cluster->take_deaths().empty());
}

TEST_CASE("clocks: etcd, a Go program, is told another time, and goes on") {
  const std::string etcd = find_program("etcd");
  if (etcd.empty()) {
    MESSAGE("SKIPPED: no etcd here");
    return;
  }
  ClockBed bed({etcd, "--data-dir", "etcd", "--log-outputs", "stdout"}, 1, nodes_directory());
  const auto log_since = [&](std::size_t from) { return bed.output().substr(from); };
  const std::string now = year_in(0) + "-", later = year_in(3 * one_year) + "-";  // In dates.
  bed.start();
  CHECK(eventually([&] { return bed.output().find("ready to serve") != std::string::npos; }));
  CHECK(bed.output().find(now) != std::string::npos);
  for (int i = 0; i < 500; ++i) {
    bed.jump(3 * one_year);
    CHECK(bed.all_are(3 * one_year));
    bed.heal();
  }
  CHECK(bed.read().processes.front().threads > 1);
  CHECK(bed.shells.cluster->take_deaths().empty());
  // It says something when it is asked to end.
  bed.jump(3 * one_year);
  const std::size_t before = bed.output().size();
  require_ok(bed.shells.cluster->signal(0, SIGTERM));
  CHECK(eventually([&] {
    const auto processes = bed.shells.cluster->processes(0);
    return processes && processes->empty();
  }));
  CHECK(log_since(before).find(later) != std::string::npos);
  CHECK(log_since(before).find(now) == std::string::npos);
  // One that starts under a shift says so from its first line.
  const std::size_t start = bed.output().size();
  // Its init may not have heard yet that the other is gone.
  REQUIRE(eventually([&] { return bool(bed.shells.cluster->start(0)); }));
  CHECK(eventually([&] { return log_since(start).find("ready to serve") != std::string::npos; }));
  CHECK(log_since(start).find(now) == std::string::npos);
  // Go's runtime asks the vDSO; the kernel is asked by nobody.
  CHECK(bed.read().kernel_calls == 0);
}

/// So many lives of so many jumps and heals each. The store says `mark` before them and after, and
/// "failed" if it did.
void cycle_through_lives(ClockBed& bed, int lives, int cycles, const std::string& mark) {
  for (int life = 0; life < lives; ++life) {
    bed.start();
    const std::size_t before = bed.output().size();
    REQUIRE(eventually([&] { return bed.output().find(mark, before) != std::string::npos; },
                       std::chrono::seconds(60)));
    for (int i = 0; i < cycles; ++i) {
      bed.jump(i % 2 == 0 ? one_hour : -one_hour);
      bed.heal();
    }
    CHECK(bed.says(mark));
    CHECK(bed.shells.cluster->take_deaths().empty());
    require_ok(bed.shells.cluster->signal(0, SIGKILL));
  }
  CHECK(bed.output().find("failed") == std::string::npos);
}

TEST_CASE("clocks: etcd under reads and writes, none of which fails for shifts and heals") {
  const std::string etcd = find_program("etcd"), curl = find_program("curl");
  if (etcd.empty() || curl.empty()) {
    MESSAGE("SKIPPED: no etcd or no curl here");
    return;
  }
  ClockBed bed({"/bin/sh", "-c",
                etcd +
                    " --data-dir etcd --log-outputs stderr & kv=http://127.0.0.1:2379/v3/kv; "
                    "until " +
                    curl +
                    " -sf http://127.0.0.1:2379/health | grep -q true; do sleep .05; "
                    "done; while :; do " +
                    curl +
                    " -sSf -d '{\"key\":\"aw==\",\"value\":\"dg==\"}' "
                    "$kv/put >put && " +
                    curl +
                    " -sSf -d '{\"key\":\"aw==\"}' $kv/range | "
                    "grep -q '\"value\":\"dg==\"' && echo done || echo failed; done"},
               1, nodes_directory());
  cycle_through_lives(bed, 4, 125, "done\n");
}

/// A client of the node that writes a number and reads it back, again and again, until the test is
/// over. No other has its key.
void write_and_read(const Target& store, const Node& node, const TestThreads& all,
                    std::atomic<int>& done) {
  auto client = store.connect(node);
  REQUIRE(client);
  const auto ask = [&](Function function, Value value) {
    return (*client)->invoke({.function = function, .key = node.name, .value = std::move(value)},
                             in(std::chrono::seconds(30)));
  };
  for (int i = 0; !all.over(); ++i, ++done) {
    const Outcome written = ask(Function::write, i);
    REQUIRE_MESSAGE(written.fate() == Fate::ok, written.why());
    const Outcome read = ask(Function::read, {});
    REQUIRE_MESSAGE(read.fate() == Fate::ok, read.why());
    REQUIRE(read.output() == Value(i));
  }
}

TEST_CASE("clocks: refkv under reads and writes, none of which fails for shifts and heals") {
  ::setenv("FAULTLINE_REFKV", FAULTLINE_BINARY_DIR "/refkv", 0);
  constexpr std::size_t nodes = 3;
  constexpr int lives = 4, cycles = 125;
  const auto store = target_of(make_refkv, {{"mode", "quorum"}});
  ClockBed bed({}, nodes, nodes_directory());
  // What the machine needs is not what a shift does.
  bed.shells.environment = {{"FAULTLINE_ROUND_TRIP_MS", "1000"}};
  Cluster& cluster = *bed.shells.cluster;
  const auto set = [&](std::size_t node, std::int64_t by) {
    std::vector<Skew> skews;
    if (by != 0)
      skews.push_back({.kind = Skew::Kind::jump, .since_ns = bed.clocks().now_ns(), .by_ns = by});
    require_ok(bed.clocks().set(node, skews));
  };
  // Every start is a first patch under load.
  for (int life = 0; life < lives; ++life) {
    for (const Node& node : cluster.nodes()) {
      const auto launch = store->launch(node, cluster.nodes());
      REQUIRE(launch);
      bed.shells.argv = launch->argv;
      require_ok(cluster.start(node.index));
    }
    for (const Node& node : cluster.nodes())
      REQUIRE(eventually([&] { return bool(store->ready(node, in(std::chrono::seconds(1)))); },
                         std::chrono::seconds(60)));
    std::array<std::atomic<int>, nodes> done{};
    {
      TestThreads clients;
      for (const Node& node : cluster.nodes())
        clients.start([&] { write_and_read(*store, node, clients, done[node.index]); });
      for (int i = 0; i < cycles && !clients.over(); ++i) {
        for (std::size_t node = 0; node < nodes; ++node)
          set(node, (i + static_cast<int>(node)) % 2 == 0 ? one_hour : -one_hour);
        if (i % 25 == 0)
          for (std::size_t node = 0; node < nodes; ++node)
            CHECK(bed.all_are((i + static_cast<int>(node)) % 2 == 0 ? one_hour : -one_hour, node));
        for (std::size_t node = 0; node < nodes; ++node) set(node, 0);
      }
      const int before = done[0];
      CHECK(eventually([&] { return done[0] > before + 1; }));  // One may have been under way.
      CHECK_FALSE(clients.over());
    }
    for (std::size_t node = 0; node < nodes; ++node) {
      CHECK(done[node] > 0);
      CHECK(bed.all_are(0, node));
      CHECK(bed.read(node).kernel_calls == 0);
      CHECK(bed.read(node).processes.front().threads > 0);  // It was patched as it ran.
    }
    CHECK(cluster.take_deaths().empty());
    for (std::size_t node = 0; node < nodes; ++node) require_ok(cluster.signal(node, SIGKILL));
  }
}

TEST_CASE("clocks: a JVM whose threads are busy survives first patches, shifts and heals") {
  const std::string java = find_program("java"), javac = find_program("javac");
  if (java.empty() || javac.empty()) {
    MESSAGE("SKIPPED: no java or no javac here");
    return;
  }
  ClockBed bed(std::vector<std::string>{});
  const std::string directory = bed.shells.cluster->nodes()[0].log_dir;
  std::ofstream(directory + "/T.java")
      << "public class T { public static void main(String[] a) throws Exception { for (int i = 0; "
         "i "
         "< 2; i++) new Thread(() -> { long last = System.nanoTime(); for (;;) { "
         "System.currentTimeMillis(); long now = System.nanoTime(); if (now < last) "
         "System.out.println(\"failed\"); last = now; java.time.Instant.now(); } }).start(); "
         "for (;;) { System.out.println(\"done\"); Thread.sleep(5); } } }\n";
  REQUIRE(std::system((javac + " -d " + directory + " " + directory + "/T.java").c_str()) == 0);
  bed.shells.argv = {java, "-Xmx64m", "-XX:+UseSerialGC", "-cp", directory, "T"};
  cycle_through_lives(bed, 4, 125, "done\n");
}

}  // namespace
}  // namespace faultline::system_test
#endif
