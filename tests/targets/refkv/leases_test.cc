// Read leases of refkv's mode leader: three nodes whose messages, disks and clocks a test moves.
#include "targets/refkv/leases.h"

#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include <doctest/doctest.h>

namespace {

using namespace refkv;
using std::chrono::milliseconds;

class Trio {
 public:
  explicit Trio(Bug bug = Bug::none, milliseconds round_trip = {}) : one_way_(round_trip / 2) {
    Options options;
    options.round_trip = round_trip;
    options.mode = Mode::leader;
    options.leases = true;
    options.bug = bug;
    options.nodes.resize(3);
    for (options.self = 0; options.self < 3; ++options.self)
      nodes_.push_back(std::make_unique<OneOfThree>(*this, options));
    for (const auto& node : nodes_) node->boot();
    pass(milliseconds(1000));
  }

  /// Time passes for all in steps, and what is not cut arrives.
  void pass(milliseconds time) {
    for (milliseconds gone{0}; gone < time; gone += Engine::tick_interval) {
      tick();
      deliver();
    }
  }
  void tick() {
    now_ += Engine::tick_interval;
    for (const auto& node : nodes_) node->engine->tick();
  }
  void deliver() {
    while (deliver_one()) {
    }
  }
  bool deliver_one() {
    if (wire_.empty() || wire_.front().due > now_) return false;
    const Envelope e = std::move(wire_.front());
    wire_.pop_front();
    if (!cut.contains(e.from) && !cut.contains(e.to))
      nodes_[e.to]->engine->receive(e.from, e.message);
    for (const auto& node : nodes_) node->flush();
    return true;
  }

  struct Pending {
    std::optional<Answer> answer;
    bool ok() const { return answer && answer->kind == Answer::Kind::ok; }
  };
  /// What it is answered, now or later.
  std::shared_ptr<Pending> call(std::size_t node, Call what) {
    auto result = std::make_shared<Pending>();
    nodes_[node]->engine->call(what, [result](const Answer& answer) { result->answer = answer; });
    for (const auto& each : nodes_) each->flush();
    return result;
  }
  std::shared_ptr<Pending> write(const std::string& value, const std::string& key = "k") {
    auto result = call(0, {.op = Op::write, .key = key, .value = value});
    deliver();
    return result;
  }
  /// What the node answers by itself, without a message: nothing if it asks the leader.
  std::string read_alone(std::size_t node, const std::string& key = "k") {
    const auto result = call(node, {.op = Op::read, .key = key});
    return result->ok() ? result->answer->value : "";
  }
  void restart(std::size_t node) { nodes_[node]->boot(); }

  std::set<std::size_t> full;                ///< Their disks.
  std::set<std::size_t> cut;                 ///< From all others.
  std::vector<std::int64_t> ahead{0, 0, 0};  ///< Of the true time of day, nanoseconds.

 private:
  struct OneOfThree final : Runtime {
    OneOfThree(Trio& its_trio, const Options& its_options) : trio(its_trio), options(its_options) {}
    void boot() {
      engine = make_engine(options, *this);
      for (const Record& record : disk) engine->replay(record);
      disk.push_back({.epoch = engine->epoch()});
      engine->start();
    }
    void flush() {
      while (!unwritten.empty()) {
        const auto done = std::move(unwritten.front());
        unwritten.pop_front();
        done();
      }
    }
    void send(std::size_t to, Message message, Clock::time_point) override {
      trio.wire_.push_back({options.self, to, std::move(message), trio.now_ + trio.one_way_});
    }
    bool withdraw(std::size_t, std::uint64_t) override { return false; }
    void persist(const Record& record, std::function<void()> done) override {
      disk.push_back(record);
      unwritten.push_back(std::move(done));
    }
    void after_persist(std::function<void()> done) override {
      unwritten.push_back(std::move(done));
    }
    bool disk_full() const override { return trio.full.contains(options.self); }
    Clock::time_point now() const override { return trio.now_; }
    std::uint64_t wall_clock_ns() const override {
      const std::chrono::nanoseconds now = trio.now_.time_since_epoch();
      return static_cast<std::uint64_t>(now.count() + trio.ahead[options.self]);
    }

    Trio& trio;
    const Options options;
    std::unique_ptr<Engine> engine;
    std::vector<Record> disk;
    std::deque<std::function<void()>> unwritten;
  };
  struct Envelope {
    std::size_t from, to;
    Message message;
    Clock::time_point due;
  };

  const milliseconds one_way_;
  Clock::time_point now_{std::chrono::hours(100)};
  std::vector<std::unique_ptr<OneOfThree>> nodes_;
  std::deque<Envelope> wire_;
};

constexpr std::int64_t one_hour = 3'600'000'000'000;

TEST_CASE("leases: a follower that holds one answers by itself, others ask the leader") {
  Trio trio;
  CHECK(trio.write("1")->ok());
  trio.pass(milliseconds(100));
  CHECK(trio.read_alone(1) == "1");
  trio.cut = {1};
  trio.pass(milliseconds(300));
  CHECK(trio.read_alone(1) == "1");
  trio.pass(milliseconds(300));
  CHECK(trio.read_alone(1).empty());
  trio.cut = {};
  trio.pass(milliseconds(1000));
  CHECK(trio.read_alone(1) == "1");
}

TEST_CASE("leases: they outlast the way of the next one, however far the leader is") {
  Trio trio(Bug::none, milliseconds(500));
  const auto written = trio.write("1");
  trio.pass(milliseconds(3000));
  CHECK(written->ok());
  for (int i = 0; i < 100; ++i) {
    trio.pass(milliseconds(10));
    CHECK(trio.read_alone(1) == "1");
  }
  // And nothing is committed without a follower that still has one.
  trio.cut = {1};
  const auto next = trio.write("2");
  for (int i = 0; i < 300; ++i) {
    trio.pass(milliseconds(10));
    CHECK_FALSE((next->ok() && !trio.read_alone(1).empty()));
  }
  CHECK(next->ok());
}

TEST_CASE("leases: nothing is committed that a follower with a lease has not got") {
  for (const Bug bug : {Bug::none, Bug::leader_lease_by_clock}) {
    Trio trio(bug);
    CHECK(trio.write("1")->ok());
    trio.pass(milliseconds(100));
    trio.cut = {1};
    const auto written = trio.write("2");
    // At every moment either the write is not acknowledged, or the follower does not answer.
    for (int i = 0; i < 80; ++i) {
      trio.pass(milliseconds(10));
      CHECK_FALSE((written->ok() && !trio.read_alone(1).empty()));
    }
    CHECK(written->ok());  // It is not waited for longer than that.
    // Now everybody but the one that is cut off is asked at once.
    CHECK(trio.write("3")->ok());
    // A lease that comes after it was missed says what is missing.
    trio.cut = {};
    for (int i = 0; i < 100; ++i) {
      trio.pass(milliseconds(10));
      const std::string read = trio.read_alone(1);
      CHECK((read.empty() || read == "3"));
    }
    CHECK(trio.read_alone(1) == "3");
  }
}

TEST_CASE("leases: a key that is about to change is not read alone, others are") {
  Trio trio;
  CHECK(trio.write("1")->ok());
  CHECK(trio.write("1", "other")->ok());
  trio.pass(milliseconds(100));
  trio.cut = {2};  // It holds a lease: nothing can be committed without it.
  const auto written = trio.write("2");
  CHECK_FALSE(written->ok());
  CHECK(trio.read_alone(1).empty());
  CHECK(trio.read_alone(1, "other") == "1");
  trio.pass(milliseconds(700));
  CHECK(written->ok());
  trio.pass(milliseconds(100));
  CHECK(trio.read_alone(1) == "2");
}

TEST_CASE("leases: a follower that lags is not asked, however much it has to catch up with") {
  Trio trio;
  CHECK(trio.write("1")->ok());
  trio.cut = {1};
  trio.pass(milliseconds(1000));
  for (int i = 0; i < 300; ++i) CHECK(trio.write("1", "other" + std::to_string(i))->ok());
  CHECK(trio.write("2")->ok());
  trio.cut = {};
  bool caught_up = false;
  for (int i = 0; i < 100; ++i) {
    trio.tick();
    while (trio.deliver_one()) {
      const std::string read = trio.read_alone(1);
      CHECK((read.empty() || read == "2"));
      caught_up = caught_up || read == "2";
    }
  }
  CHECK(caught_up);
}

TEST_CASE("leases: one that answers, but can store nothing more, holds up nobody for ever") {
  Trio trio;
  CHECK(trio.write("1")->ok());
  trio.pass(milliseconds(100));
  trio.full = {1};
  const auto written = trio.write("2");
  trio.pass(milliseconds(900));
  CHECK_FALSE(written->ok());
  trio.pass(milliseconds(300));
  CHECK(trio.write("3")->ok());
}

TEST_CASE("leases: a leader that has started again knows of leases that it may have granted") {
  Trio trio;
  CHECK(trio.write("1")->ok());
  trio.pass(milliseconds(100));
  trio.cut = {1};
  trio.restart(0);
  bool ok = false;
  for (int i = 0; i < 80; ++i) {
    trio.pass(milliseconds(10));
    ok = trio.write("2")->ok() || ok;
    CHECK_FALSE((ok && !trio.read_alone(1).empty()));
  }
  CHECK(ok);
}

TEST_CASE("leases: clocks that are set make no difference, but with the bug") {
  for (const bool correct : {true, false}) {
    CAPTURE(correct);
    for (const std::size_t who : {0, 1}) {
      CAPTURE(who);
      Trio trio(correct ? Bug::none : Bug::leader_lease_by_clock);
      CHECK(trio.write("1")->ok());
      trio.pass(milliseconds(100));
      trio.cut = {1};
      trio.pass(milliseconds(50));  // What the leader heard of it before is answered with a lease.
      trio.ahead[who] = who == 0 ? one_hour : -one_hour;
      const auto written = trio.write("2");
      trio.pass(milliseconds(who == 0 ? 0 : 700));
      const bool stale = written->ok() && trio.read_alone(1) == "1";
      CHECK(stale == !correct);
    }
  }
}

}  // namespace
