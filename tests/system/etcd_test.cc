// A real etcd of three nodes on loopback. Skipped, and said so, where etcd is not installed.
#include "targets/targets.h"
#include "tests/system/local_cluster.h"

using namespace faultline;
using namespace faultline::system_test;
using std::chrono::seconds;

TEST_CASE("etcd: reads, writes and compare-and-set; a leader, lost and found") {
  auto target = target_of(make_etcd, {});
  if (const auto here = target->available(); !here) {
    MESSAGE("skipped: ", here.error().what);
    return;
  }
  CHECK(target->version().starts_with("3."));
  LocalCluster cluster(std::move(target), 3);
  cluster.start_all();
  REQUIRE(cluster.await_ready());

  CHECK(is_ok(cluster.read(0, "k"), {}));
  CHECK(cluster.ask(0, Function::cas, "k", List{1, 2}).fate() == Fate::mismatch);
  CHECK(cluster.ask(1, Function::cas, "k", List{{}, 7}).fate() == Fate::ok);
  CHECK(cluster.ask(1, Function::cas, "k", List{{}, 8}).fate() == Fate::mismatch);
  CHECK(is_ok(cluster.read(2, "k"), 7));
  CHECK(cluster.ask(2, Function::cas, "k", List{7, "é"}).fate() == Fate::ok);
  CHECK(is_ok(cluster.read(0, "k"), "é"));
  CHECK(is_ok(cluster.write(0, "k", 9), 9));

  const auto leaders = [&] { return cluster.target().leaders(cluster.nodes(), in(seconds(2))); };
  const auto before = leaders();
  REQUIRE(before.size() == 1);
  const std::size_t old_leader = before[0], other = (old_leader + 1) % 3;
  cluster.kill(old_leader);
  CHECK(cluster.read(old_leader, "k").fate() == Fate::fail);
  CHECK(cluster.write(old_leader, "k", 1).fate() == Fate::fail);  // refused: it never left
  CHECK(eventually([&] { return is_ok(cluster.read(other, "k"), 9); }));
  CHECK(eventually([&] {
    const auto now = leaders();
    return now.size() == 1 && now[0] != old_leader;
  }));

  // Without a majority: a write may still happen, a read fails, both by the client's deadline.
  cluster.kill((old_leader + 2) % 3);
  CHECK_FALSE(cluster.ready(other));
  const Deadline begin = std::chrono::steady_clock::now();
  CHECK(cluster.ask(other, Function::write, "k", 10, seconds(1)).fate() == Fate::info);
  CHECK(cluster.ask(other, Function::read, "k", {}, seconds(1)).fate() == Fate::fail);
  CHECK(std::chrono::steady_clock::now() - begin < seconds(4));
  cluster.start_all();
  REQUIRE(cluster.await_ready());
  CHECK(eventually([&] { return cluster.write(other, "k", 11).fate() == Fate::ok; }));
}

TEST_CASE("etcd: a serializable read is answered without a majority") {
  auto target = target_of(make_etcd, {{"reads", "serializable"}});
  if (!target->available()) return;
  LocalCluster cluster(std::move(target), 3);
  cluster.start_all();
  REQUIRE(cluster.await_ready());
  CHECK(cluster.write(0, "k", 1).fate() == Fate::ok);
  CHECK(eventually([&] { return is_ok(cluster.read(2, "k"), 1); }));
  cluster.kill(0);
  cluster.kill(1);
  CHECK(is_ok(cluster.read(2, "k"), 1));
}
