#include "harness/run/crew.h"

#include <map>
#include <set>

#include <doctest/doctest.h>

#include "tests/io/temporary_folder.h"
#include "tests/run/components.h"

using namespace faultline;
using namespace faultline::run_fakes;
using namespace std::chrono_literals;

namespace {

std::vector<Node> nodes_of(std::size_t count) {
  std::vector<Node> nodes(count);
  for (std::size_t i = 0; i < count; ++i) {
    nodes[i].index = i;
    nodes[i].name = "n" + std::to_string(i + 1);
  }
  return nodes;
}

std::vector<std::string> names_of(const std::vector<Node>& nodes) {
  std::vector<std::string> names;
  for (const Node& node : nodes) names.push_back(node.name);
  return names;
}

/// Answers from a script, in order; "!" throws.
class ScriptedTarget : public StoreTarget {
 public:
  explicit ScriptedTarget(std::vector<Outcome> outcomes)
      : StoreTarget(std::make_shared<Store>()), outcomes_(std::move(outcomes)) {}
  Result<std::unique_ptr<Client>> connect(const Node&) const override {
    if (refuses_connections) return Error{"no route"};
    ++connections;
    struct Scripted : Client {
      explicit Scripted(const ScriptedTarget& t) : target(t) {}
      Outcome invoke(const Request& request, Deadline) override {
        target.requests.push_back(request);
        const Outcome outcome = target.outcomes_.at(target.next_++);
        if (outcome.why() == "!") throw std::runtime_error("client broke");
        return outcome;
      }
      const ScriptedTarget& target;
    };
    return std::unique_ptr<Client>(std::make_unique<Scripted>(*this));
  }
  bool refuses_connections = false;
  mutable int connections = 0;
  mutable std::vector<Request> requests;

 private:
  std::vector<Outcome> outcomes_;
  mutable std::size_t next_ = 0;
};

Request request_of(Function function, Value value = {}, bool last_seen = false) {
  return {function, "k", std::move(value), last_seen};
}

struct SessionStage {
  TemporaryFolder folder;
  std::vector<Node> nodes = nodes_of(2);
  ScriptedTarget target;
  std::unique_ptr<Recorder> recorder;
  Session session;

  explicit SessionStage(std::vector<Outcome> outcomes)
      : target(std::move(outcomes)),
        recorder(*Recorder::create(folder.path() / "h.jsonl", 1, names_of(nodes),
                                   std::chrono::steady_clock::now())),
        session({*recorder, target, nodes, 2s, 0, 7, 10, true}) {}
};

}  // namespace

TEST_CASE("session: an info retires the process and its connections, a fail does not") {
  SessionStage stage({Outcome::ok(Value(1)), Outcome::fail("refused"), Outcome::info("timeout"),
                      Outcome::ok(Value(2))});
  CHECK(stage.session.ask(0, request_of(Function::read)) == Fate::ok);
  CHECK(stage.session.ask(0, request_of(Function::write, 1)) == Fate::fail);
  CHECK(stage.target.connections == 1);
  CHECK(stage.session.process() == 7);
  CHECK(stage.session.ask(0, request_of(Function::write, 2)) == Fate::info);
  CHECK(stage.session.process() == 17);
  CHECK(stage.session.ask(0, request_of(Function::read)) == Fate::ok);
  CHECK(stage.target.connections == 2);
  const History history = stage.recorder->finish();
  REQUIRE(history.size() == 4);
  CHECK(history.process()[2] == 7);
  CHECK(history.process()[3] == 17);
  CHECK(history.fate()[2] == Fate::info);
  CHECK(history.end()[2] == never);
}

TEST_CASE("session: a thrown exception may have happened, unless it was a read") {
  SessionStage stage({Outcome::info("!"), Outcome::info("!")});
  CHECK(stage.session.ask(0, request_of(Function::write, 1)) == Fate::info);
  CHECK(stage.session.ask(0, request_of(Function::read)) == Fate::fail);
  const History history = stage.recorder->finish();
  CHECK(history.error_text(history.error()[0]) == "exception: client broke");
}

TEST_CASE("session: what could not even connect did not happen, and is recorded") {
  SessionStage stage({});
  stage.target.refuses_connections = true;
  CHECK(stage.session.ask(1, request_of(Function::write, 1)) == Fate::fail);
  const History history = stage.recorder->finish();
  REQUIRE(history.size() == 1);
  CHECK(history.error_text(history.error()[0]) == "connect: no route");
  CHECK(history.node_name(history.node()[0]) == "n2");
}

TEST_CASE("session: a compare-and-set expects what its process saw last under that key") {
  const auto cas = [](int value) { return request_of(Function::cas, List{Value(), value}, true); };
  SessionStage stage({Outcome::mismatch(), Outcome::ok(Value(5)), Outcome::ok(Value()),
                      Outcome::ok(Value()), Outcome::ok(Value()), Outcome::fail("no"),
                      Outcome::mismatch(), Outcome::info("timeout"), Outcome::mismatch()});
  const auto expected = [&] { return (*stage.target.requests.back().value.list())[0]; };
  stage.session.ask(0, cas(1));  // nothing seen yet
  CHECK(expected() == Value());
  stage.session.ask(0, request_of(Function::read));  // saw 5
  stage.session.ask(0, cas(6));
  CHECK(expected() == Value(5));
  stage.session.ask(1, cas(7));  // its own, acknowledged; another node, the same process
  CHECK(expected() == Value(6));
  stage.session.ask(0, request_of(Function::write, 8));
  stage.session.ask(0, request_of(Function::write, 9));  // failed: not seen
  stage.session.ask(0, cas(10));
  CHECK(expected() == Value(8));
  stage.session.ask(0, request_of(Function::write, 11));  // info: a new process has seen nothing
  stage.session.ask(0, cas(12));
  CHECK(expected() == Value());
  const History history = stage.recorder->finish();
  const Value recorded = history.values().value(history.argument()[2]);
  CHECK(recorded == Value(List{5, 6}));  // as sent
}

TEST_CASE("crew: knows the keys of transactions") {
  struct Transactions : Generator {
    Request next() override {
      return {Function::txn, {}, List{List{"r", "x", Value()}, List{"append", 7, 1}}, false};
    }
  };
  struct Workload : RegisterWorkload {
    Workload() : RegisterWorkload(1, false) {}
    std::unique_ptr<Generator> generator(Rng, std::size_t, std::size_t) const override {
      return std::make_unique<Transactions>();
    }
  } workload;
  TemporaryFolder folder;
  const std::vector<Node> nodes = nodes_of(1);
  const StoreTarget target(std::make_shared<Store>());
  auto recorder = *Recorder::create(folder.path() / "h.jsonl", 1, names_of(nodes),
                                    std::chrono::steady_clock::now());
  Crew crew({*recorder, target, workload, nodes, 1, {}, Affinity::spread, 2s, Rng(5), 3});
  REQUIRE(crew.start());
  crew.join();
  CHECK(crew.keys() == std::set<std::string>{"x", "7"});
}

TEST_CASE("crew: sends what the seed says, each process alone, and counts it") {
  TemporaryFolder folder;
  const std::vector<Node> nodes = nodes_of(3);
  const auto record = [&](const char* name, Affinity affinity) {
    const StoreTarget target(std::make_shared<Store>());
    const RegisterWorkload workload(3, true);
    auto recorder = *Recorder::create(folder.path() / name, 4, names_of(nodes),
                                      std::chrono::steady_clock::now());
    Crew crew({*recorder, target, workload, nodes, 4, {}, affinity, 2s, Rng(5), 200});
    REQUIRE(crew.start());
    crew.join();
    CHECK(crew.counts().ok == 800);
    CHECK(crew.next_process() == 4);
    CHECK(crew.keys() == std::set<std::string>{"k0", "k1", "k2"});
    CHECK_FALSE(crew.failure());
    return recorder->finish();
  };
  const auto asked = [](const History& history) {
    std::map<std::uint32_t, std::string> by_process;
    for (OperationId id = 0; id < history.size(); ++id)
      by_process[history.process()[id]] +=
          std::string(name_of(history.function()[id])) + history.key_text(history.key()[id]) + " ";
    return by_process;
  };
  const History a = record("a", Affinity::spread), b = record("b", Affinity::spread);
  CHECK(a.size() == 800);
  CHECK(asked(a) == asked(b));
  for (OperationId id = 0; id < a.size(); ++id)
    CHECK(a.node_name(a.node()[id]) == nodes[a.process()[id] % 3].name);
  const History roaming = record("c", Affinity::roam);
  std::set<NodeId> used;
  for (OperationId id = 0; id < roaming.size(); ++id)
    if (roaming.process()[id] == 0) used.insert(roaming.node()[id]);
  CHECK(used.size() == 3);
}

TEST_CASE("crew: a dead store is not flooded, and a rate is kept") {
  TemporaryFolder folder;
  const std::vector<Node> nodes = nodes_of(1);
  const auto store = std::make_shared<Store>();
  const StoreTarget target(store);
  const RegisterWorkload workload(1, false);
  // How long two workers take for their requests: a slow machine takes longer, and never less.
  const auto time_for = [&](const char* name, const LoadProfile& load, std::uint64_t of_each) {
    auto recorder = *Recorder::create(folder.path() / name, 2, names_of(nodes),
                                      std::chrono::steady_clock::now());
    Crew crew({*recorder, target, workload, nodes, 2, load, Affinity::spread, 2s, Rng(5), of_each});
    const auto begin = std::chrono::steady_clock::now();
    REQUIRE(crew.start());
    crew.join();
    const auto end = std::chrono::steady_clock::now();
    CHECK(recorder->finish().size() == 2 * of_each);
    return end - begin;
  };
  CHECK(time_for("rate", LoadProfile::constant(1000), 25) >= 48ms);  // One a millisecond.
  store->refuses = true;
  CHECK(time_for("dead", {}, 6) >= 31ms);  // Pauses of 1 + 2 + 4 + 8 + 16 ms.
}

TEST_CASE("crew: a worker that breaks is reported, not the end of the program") {
  TemporaryFolder folder;
  const std::vector<Node> nodes = nodes_of(1);
  const StoreTarget target(std::make_shared<Store>());
  struct Broken : RegisterWorkload {
    Broken() : RegisterWorkload(1, false) {}
    std::unique_ptr<Generator> generator(Rng, std::size_t, std::size_t) const override {
      struct Own : Generator {
        Request next() override { throw std::runtime_error("out of ideas"); }
      };
      return std::make_unique<Own>();
    }
  };
  const Broken workload;
  auto recorder =
      *Recorder::create(folder.path() / "h", 1, names_of(nodes), std::chrono::steady_clock::now());
  Crew crew({*recorder, target, workload, nodes, 1, {}, Affinity::spread, 2s, Rng(5), 0});
  REQUIRE(crew.start());
  crew.join();
  REQUIRE(crew.failure());
  CHECK(crew.failure()->what == "worker 0: out of ideas");
}
