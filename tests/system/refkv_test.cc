// refkv as real processes on loopback: its promises, and that each bug breaks one.
#include <atomic>

#include "harness/core/rng.h"
#include "targets/targets.h"
#include "tests/system/local_cluster.h"

namespace {

using namespace faultline;
using namespace faultline::system_test;

class RefkvCluster : public LocalCluster {
 public:
  RefkvCluster(const std::string& mode, const std::string& bug, std::size_t count,
               const std::string& ack = "majority")
      : LocalCluster(target_of(make_refkv, {{"mode", mode}, {"bug", bug}, {"ack", ack}}), count) {
    REQUIRE(target().available());
    start_all();
    REQUIRE(await_ready());
  }
  void restart_all() {
    kill_all();
    start_all();
    REQUIRE(await_ready());
  }
};

bool tests_can_find_refkv() {
  // The test programs stand one folder below it.
  ::setenv("FAULTLINE_REFKV", FAULTLINE_BINARY_DIR "/refkv", 0);
  return true;
}
const bool prepared = tests_can_find_refkv();

}  // namespace

TEST_CASE("refkv: a register, seen alike from every node, and after a crash of all") {
  for (const std::string mode : {"quorum", "leader"}) {
    CAPTURE(mode);
    RefkvCluster cluster(mode, "none", 5);
    for (std::size_t i = 0; i < 5; ++i) {
      CHECK(is_ok(cluster.read(i, "k"), i == 0 ? Value() : Value(static_cast<int>(i) - 1)));
      CHECK(is_ok(cluster.write(i, "k", static_cast<int>(i)), static_cast<int>(i)));
    }
    CHECK(is_ok(cluster.write(2, "text", "\"é\n"), "\"é\n"));
    cluster.restart_all();
    for (std::size_t i = 0; i < 5; ++i) {
      CHECK(is_ok(cluster.read(i, "k"), 4));
      CHECK(is_ok(cluster.read(i, "text"), "\"é\n"));
    }
  }
}

TEST_CASE("refkv leader: compare-and-set, on the leader and forwarded") {
  RefkvCluster cluster("leader", "none", 3, "all");
  CHECK(cluster.target().leaders(cluster.nodes(), in(std::chrono::seconds(1))) ==
        std::vector<std::size_t>{0});
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string key = "k" + std::to_string(i);
    CHECK(cluster.ask(i, Function::cas, key, List{{}, 1}).fate() == Fate::ok);
    CHECK(cluster.ask(i, Function::cas, key, List{{}, 2}).fate() == Fate::mismatch);
    CHECK(cluster.ask(i, Function::cas, key, List{1, 2}).fate() == Fate::ok);
    CHECK(is_ok(cluster.read(i, key), 2));
  }
  // Without the leader a forwarded call never leaves: certainly no effect.
  cluster.kill(0);
  CHECK(eventually([&] { return cluster.write(1, "k", 7).fate() == Fate::fail; }));
  // With --ack all a write needs everybody; a read does not.
  cluster.start(0);
  REQUIRE(cluster.await_ready());
  cluster.kill(2);
  CHECK(cluster.write(0, "k", 8).fate() == Fate::info);
  CHECK(cluster.read(0, "k").fate() == Fate::ok);
  cluster.start(2);
  CHECK(eventually([&] { return is_ok(cluster.read(1, "k"), 8); }));
}

TEST_CASE(
    "refkv transactions: open ones on every node wait for each other, and end with their client") {
  RefkvCluster cluster("transactions", "none", 3);
  const auto begun = [&](std::size_t node) {
    auto open = cluster.target().open_transaction(cluster.nodes()[node]);
    REQUIRE(open);
    (*open)->send({Step::Kind::begin, {}}, in(std::chrono::seconds(5)));
    CHECK((*open)->look(in(std::chrono::seconds(5))).kind == StepReport::Kind::done);
    return std::move(*open);
  };
  const auto ask = [&](OpenTransaction& open, const Step& step) {
    open.send(step, in(std::chrono::seconds(5)));
    return open.look(in(std::chrono::seconds(5))).kind;
  };
  for (std::size_t node = 0; node < 3; ++node) {
    const std::string key = "k" + std::to_string(node);
    auto holder = begun(node), waiter = begun((node + 1) % 3);
    CHECK(ask(*holder, {Step::Kind::access, List{"w", key, 1}}) == StepReport::Kind::done);
    CHECK(ask(*waiter, {Step::Kind::access, List{"w", key, 2}}) == StepReport::Kind::waiting);
    holder.reset();
    CHECK(eventually(
        [&] { return waiter->look(in(std::chrono::seconds(5))).kind == StepReport::Kind::done; }));
    CHECK(ask(*waiter, {Step::Kind::commit, {}}) == StepReport::Kind::done);
  }
}

TEST_CASE("refkv quorum: a minority of dead or paused peers costs next to nothing") {
  RefkvCluster cluster("quorum", "none", 5);
  cluster.kill(3);
  cluster.pause(4);
  for (int i = 0; i < 200; ++i) {
    const Outcome written = cluster.ask(0, Function::write, "k", i, std::chrono::milliseconds(900));
    CHECK(written.fate() == Fate::ok);
  }
  cluster.pause(2);  // a majority is gone: refused while asking, which is definite, or in doubt
  const Outcome refused = cluster.write(0, "k", 1000);
  CHECK(refused.fate() != Fate::ok);
  CHECK(cluster.read(1, "k").fate() == Fate::fail);
  CHECK_FALSE(cluster.ready(0));
  cluster.resume(2);
  CHECK(eventually([&] { return cluster.read(1, "k").fate() == Fate::ok; }));
}

TEST_CASE("refkv: a kill at any moment loses no acknowledged write") {
  Rng rng(7);
  for (const std::string mode : {"quorum", "leader"}) {
    CAPTURE(mode);
    RefkvCluster cluster(mode, "none", 3);
    std::int64_t next = 0, acknowledged = -1;
    for (int round = 0; round < 8; ++round) {
      CAPTURE(round);
      std::atomic<std::int64_t> progress = acknowledged;
      std::atomic<bool> stop = false;
      std::thread writer([&] {
        auto client = cluster.target().connect(cluster.node(0));
        while (!stop) {
          const Request write{.function = Function::write, .key = "k", .value = next++};
          const Outcome outcome = (*client)->invoke(write, in(std::chrono::seconds(2)));
          if (outcome.fate() == Fate::ok) progress = *write.value.integer();
        }
      });
      const std::int64_t until = acknowledged + 1 + static_cast<std::int64_t>(rng.below(40));
      const bool came = eventually([&] { return progress >= until; });
      stop = true;
      cluster.kill_all();
      writer.join();
      REQUIRE(came);
      acknowledged = progress;
      cluster.start_all();
      REQUIRE(cluster.await_ready());
      const Outcome read = cluster.read(rng.below(3), "k");
      REQUIRE(read.fate() == Fate::ok);
      REQUIRE(read.output().integer() != nullptr);
      CHECK(*read.output().integer() >= acknowledged);
      CHECK(*read.output().integer() < next);
    }
  }
}

TEST_CASE("refkv multi: every node accepts, and they converge") {
  RefkvCluster cluster("multi", "none", 3);
  cluster.kill(1);
  CHECK(cluster.write(0, "a", 1).fate() == Fate::ok);
  CHECK(cluster.write(2, "b", 2).fate() == Fate::ok);
  cluster.start(1);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(eventually([&] { return is_ok(cluster.read(i, "a"), 1); }));
    CHECK(eventually([&] { return is_ok(cluster.read(i, "b"), 2); }));
  }
}

TEST_CASE("refkv bugs: ack-before-write and forgets-on-restart lose what was acknowledged") {
  for (const std::string mode : {"quorum", "leader"}) {
    CAPTURE(mode);
    {
      RefkvCluster forgetful(mode, "forgets-on-restart", 3);
      CHECK(forgetful.writes(0, "k", 1));
      forgetful.restart_all();
      CHECK(forgetful.reads(0, "k", {}));
    }
    RefkvCluster hasty(mode, "ack-before-write", 3);
    bool lost = false;
    for (int i = 0; i < 10 && !lost; ++i) {
      // Lost unless the half-second flush happens to fall between these two lines.
      const std::string key = std::to_string(i);
      CHECK(hasty.writes(0, key, 1));
      hasty.restart_all();
      lost = hasty.reads(0, key, {});
    }
    CHECK(lost);
  }
}

TEST_CASE("refkv bugs: local-reads and follower-reads are stale") {
  for (const std::string bug : {"none", "local-reads"}) {
    CAPTURE(bug);
    RefkvCluster cluster("quorum", bug, 3);
    cluster.kill(2);
    CHECK(cluster.writes(0, "k", 1));
    // With the first node dies what it may still have to send to the third, which starts quickly.
    cluster.restart_all();
    CHECK(cluster.reads(2, "k", bug == "none" ? Value(1) : Value()));
  }
  RefkvCluster cluster("leader", "follower-reads", 3);
  cluster.kill(2);
  CHECK(cluster.writes(0, "k", 1));
  cluster.pause(0);
  cluster.start(2);
  Outcome read = Outcome::fail("");
  CHECK(eventually([&] { return (read = cluster.read(2, "k")).fate() == Fate::ok; }));
  CHECK(is_ok(read, {}));
}

TEST_CASE("refkv bugs: sloppy-quorum acknowledges on two of five and reads from two others") {
  for (const std::string bug : {"none", "sloppy-quorum"}) {
    CAPTURE(bug);
    RefkvCluster cluster("quorum", bug, 5);
    for (const std::size_t i : {2, 3, 4}) cluster.kill(i);
    const Outcome written = cluster.write(0, "k", 1);
    if (bug == "none") {
      CHECK(written.fate() == Fate::fail);
      continue;
    }
    CHECK(written.fate() == Fate::ok);
    cluster.kill_all();
    for (const std::size_t i : {2, 3, 4}) cluster.start(i);
    REQUIRE(cluster.await_ready());
    CHECK(cluster.reads(2, "k", {}));
  }
}
