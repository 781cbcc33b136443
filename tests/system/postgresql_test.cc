// A real PostgreSQL: registers, transactions and their isolation, through kills and pauses.
#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <map>
#include <thread>

#include "tests/system/postgresql_server.h"
#include "tests/system/stage.h"
#include "tests/system/test_threads.h"

namespace faultline::system_test::postgresql {

TEST_CASE("postgresql: registers and lists, through a kill and a pause") {
  if (!installed()) return;
  Server server;
  server.start();
  // A first start that is cut short begins anew.
  REQUIRE(eventually(
      [&] { return std::filesystem::exists(server.node().data_dir / "postgresql.new/base"); }));
  CHECK_FALSE(server.ready());
  server.signal(SIGKILL);
  server.start();
  server.await_ready();

  Asker asker(server.node());
  CHECK(is_ok(asker.ask(Function::read, "k"), {}));
  CHECK(asker.ask(Function::cas, "k", List{1, 2}).fate() == Fate::mismatch);
  CHECK(asker.ask(Function::cas, "k", List{{}, 7}).fate() == Fate::ok);
  CHECK(asker.ask(Function::cas, "k", List{{}, 8}).fate() == Fate::mismatch);
  CHECK(is_ok(asker.ask(Function::read, "k"), 7));
  CHECK(asker.ask(Function::cas, "k", List{7, "é\n'"}).fate() == Fate::ok);
  CHECK(is_ok(asker.ask(Function::write, "z", List{1, 2}), List{1, 2}));
  CHECK(is_ok(asker.ask(Function::read, "z"), List{1, 2}));

  const List both{
      append("l", 1), append("l", "a,\"b"), get("l"), get("k"), get("none"), put(7, 1), get(7),
      get("7")};
  const List answer{append("l", 1),
                    append("l", "a,\"b"),
                    List{"r", "l", List{1, "a,\"b"}},
                    List{"r", "k", "é\n'"},
                    get("none"),
                    put(7, 1),
                    List{"r", 7, 1},
                    get("7")};
  CHECK(is_ok(asker.transact(both), answer));
  // A key is one or the other, and a transaction that says otherwise leaves nothing.
  CHECK(asker.transact({put("other", 1), append("k", 1)}).why().starts_with("23514"));
  CHECK(asker.transact({put("l", 1)}).fate() == Fate::fail);
  CHECK(is_ok(asker.ask(Function::read, "other"), {}));
  CHECK(is_ok(asker.transact({get("l")}), List{List{"r", "l", List{1, "a,\"b"}}}));

  server.signal(SIGKILL);
  CHECK(server.processes() == 0);
  CHECK_FALSE(server.ready());
  CHECK(asker.ask(Function::read, "k").fate() == Fate::fail);
  CHECK(asker.ask(Function::write, "k", 1).fate() == Fate::fail);  // refused: it never left
  CHECK(asker.transact({append("l", 2)}).fate() == Fate::fail);
  server.start();
  server.await_ready();
  CHECK(is_ok(asker.ask(Function::read, "k"), "é\n'"));
  CHECK(is_ok(asker.ask(Function::read, "l"), List{1, "a,\"b"}));

  server.signal(SIGSTOP);
  const Deadline begin = std::chrono::steady_clock::now();
  CHECK(asker.ask(Function::write, "k", 9, 300ms).fate() == Fate::info);
  CHECK(asker.ask(Function::write, "k", 9, 300ms).fate() == Fate::fail);  // connects to nobody
  CHECK(asker.ask(Function::read, "k", {}, 300ms).fate() == Fate::fail);
  CHECK(asker.transact({append("l", 2)}, 300ms).fate() == Fate::fail);
  CHECK_FALSE(server.ready());
  CHECK(std::chrono::steady_clock::now() - begin < 4s);
  server.signal(SIGCONT);
  server.await_ready();
  CHECK(is_ok(asker.ask(Function::read, "l"), List{1, "a,\"b"}));
  CHECK(server.deaths() == 0);
}

namespace {

struct Race {
  int both_committed = 0;  ///< Though neither saw what the other did.
  int serialization_failures = 0;
  int other_failures = 0;
};

/// Rounds of two transactions at once: each reads x and y, and much else so that they overlap, and
/// then does `change(own, element)`, where `own` is x for the one and y or x for the other.
Race race(const Node& node, const std::string& isolation, bool same_key, int rounds) {
  std::vector<std::vector<Outcome>> outcomes(2);
  std::barrier together(2);
  std::array<Asker, 2> askers = {Asker(node, isolation), Asker(node, isolation)};
  const auto side = [&](std::size_t me) {  // Nothing here throws: the other would wait for ever.
    Asker& asker = askers[me];
    for (int i = 0; i < rounds; ++i) {
      const std::string name = isolation + std::to_string(same_key) + std::to_string(i);
      List operations{get("x" + name), get("y" + name)};
      for (int j = 0; j < 20; ++j) operations.push_back(get("z"));
      const std::string own = (me == 0 || same_key ? "x" : "y") + name;
      operations.push_back(same_key ? put(own, static_cast<int>(me))
                                    : append(own, static_cast<int>(me)));
      together.arrive_and_wait();
      outcomes[me].push_back(asker.transact(std::move(operations)));
    }
  };
  std::thread other(side, 1);
  side(0);
  other.join();

  const auto saw_nothing = [](const Outcome& outcome) {
    if (outcome.fate() != Fate::ok) return false;
    const List& answers = *outcome.output().list();
    return answers[0].list()->at(2).is_nil() && answers[1].list()->at(2).is_nil();
  };
  Race result;
  for (std::size_t i = 0; i < outcomes[0].size(); ++i) {
    if (saw_nothing(outcomes[0][i]) && saw_nothing(outcomes[1][i])) ++result.both_committed;
    for (const auto& mine : outcomes) {
      if (mine[i].fate() == Fate::ok) continue;
      const bool aborted = mine[i].fate() == Fate::fail && mine[i].why().starts_with("40001");
      ++(aborted ? result.serialization_failures : result.other_failures);
    }
  }
  return result;
}

}  // namespace

TEST_CASE("postgresql: the isolation that is asked for is the one that is had") {
  if (!installed()) return;
  Server server;
  server.start();
  server.await_ready();
  constexpr int rounds = 30;
  struct Expectation {
    std::string isolation;
    bool lost_update, write_skew;
  };
  for (const auto& [isolation, lost_update, write_skew] :
       {Expectation{"read-committed", true, true}, Expectation{"repeatable-read", false, true},
        Expectation{"serializable", false, false}}) {
    CAPTURE(isolation);
    for (const bool same_key : {true, false}) {
      CAPTURE(same_key);
      const Race found = race(server.node(), isolation, same_key, rounds);
      CHECK((found.both_committed > 0) == (same_key ? lost_update : write_skew));
      CHECK((found.serialization_failures > 0) == !(same_key ? lost_update : write_skew));
      CHECK(found.other_failures == 0);
      MESSAGE(isolation << std::string(same_key ? ", lost updates: " : ", write skews: ")
                        << found.both_committed << ", aborted " << found.serialization_failures
                        << " of " << rounds);
    }
  }
}

namespace {

constexpr std::size_t list_keys = 4;

/// An element goes to two lists, always to the lesser first, so that nobody waits in a circle.
std::pair<std::size_t, std::size_t> lists_of(int element) {
  const auto at = static_cast<std::size_t>(element);
  return std::minmax({at % list_keys, (at + 1) % list_keys});
}
std::string list_name(std::size_t i) { return "list" + std::to_string(i); }

/// Threads that append to two lists in one transaction, again and again, until it is destroyed.
class Appenders {
 public:
  explicit Appenders(const Node& node) {
    for (std::size_t me = 0; me < fates_.size(); ++me) {
      threads_.start([this, me, &node] { work(me, node); });
    }
  }
  ~Appenders() { stop(); }
  Appenders(const Appenders&) = delete;
  Appenders& operator=(const Appenders&) = delete;

  int succeeded() const { return succeeded_; }
  int unclear() const { return unclear_; }
  /// What became of every element.
  std::map<int, Fate> stop() {
    stop_ = true;
    threads_.join();
    std::map<int, Fate> all;
    for (const auto& mine : fates_) all.insert(mine.begin(), mine.end());
    return all;
  }

 private:
  void work(std::size_t me, const Node& node) {
    Asker asker(node, me % 2 == 0 ? "repeatable-read" : "read-committed");
    for (int i = 0; !stop_; ++i) {
      const int element = i * static_cast<int>(fates_.size()) + static_cast<int>(me);
      const auto [first, second] = lists_of(element);
      const Outcome outcome =
          asker.transact({append(list_name(first), element), get(list_name(first)),
                          append(list_name(second), element)},
                         400ms);
      fates_[me][element] = outcome.fate();
      if (outcome.fate() == Fate::info) ++unclear_;
      if (outcome.fate() == Fate::ok) {
        ++succeeded_;
      } else if (outcome.why().starts_with("connect")) {
        std::this_thread::sleep_for(5ms);
      }
    }
  }

  std::array<std::map<int, Fate>, 8> fates_;
  std::atomic<bool> stop_ = false;
  std::atomic<int> succeeded_ = 0, unclear_ = 0;
  TestThreads threads_;
};

}  // namespace

TEST_CASE("postgresql: what was acknowledged is there once, and what failed is not") {
  if (!installed()) return;
  Server server;
  server.start();
  server.await_ready();
  Appenders appenders(server.node());
  for (int round = 0; round < 6 || (appenders.unclear() == 0 && round < 30); ++round) {
    const int before = appenders.succeeded();
    REQUIRE(eventually([&] { return appenders.succeeded() >= before + 50; }));
    if (round % 2 == 0) {
      server.signal(SIGKILL);
      server.start();
    } else {
      server.signal(SIGSTOP);
      std::this_thread::sleep_for(600ms);
      server.signal(SIGCONT);
    }
    server.await_ready();
  }
  const auto fates = appenders.stop();

  // All at once: a commit that nobody waits for any more may still come.
  List reads;
  for (std::size_t i = 0; i < list_keys; ++i) reads.push_back(get(list_name(i)));
  Asker asker(server.node());
  const Outcome all = asker.transact(reads);
  REQUIRE_MESSAGE(all.fate() == Fate::ok, all.why());
  std::array<std::map<int, int>, list_keys> seen;
  for (std::size_t i = 0; i < list_keys; ++i) {
    const List* elements = all.output().list()->at(i).list()->at(2).list();
    REQUIRE(elements);
    for (const Value& element : *elements) ++seen[i][static_cast<int>(*element.integer())];
  }
  std::map<Fate, int> tally;
  std::size_t wrong = 0;
  for (const auto& [element, fate] : fates) {
    ++tally[fate];
    const auto [first, second] = lists_of(element);
    const int here = seen[first][element], there = seen[second][element];
    if (here != there || here > 1) ++wrong;
    if ((fate == Fate::ok && here != 1) || (fate == Fate::fail && here != 0)) ++wrong;
  }
  CHECK(wrong == 0);
  CHECK(tally[Fate::ok] >= 300);
  CHECK(tally[Fate::fail] > 0);
  CHECK(tally[Fate::info] > 0);
  MESSAGE("ok " << tally[Fate::ok] << ", fail " << tally[Fate::fail] << ", info "
                << tally[Fate::info]);
}

namespace {

const std::string registers =
    "name: system\n"
    "target: { name: postgresql, nodes: 1 }\n"
    "workload: { name: register, keys: 5, concurrency: 6, rate: 300/s }\n"
    "seed: 5\n";

}  // namespace

TEST_CASE("postgresql: a run with kills and pauses is valid; more nodes than one are refused") {
  if (!installed()) return;
  Stage stage;
  stage.output = {"--json"};
  const ChildResult result =
      stage.run(registers +
                "time: 6s\n"
                "faults:\n"
                "  - { fault: kill, victims: all, at: 1s, every: 9s, for: 500ms }\n"
                "  - { fault: pause, victims: all, at: 4s, every: 9s, for: 500ms }\n"
                "clients: { separate: 2 }\n"
                "expect: valid\n");
  INFO(stage.errors());
  CHECK(result.exit_code == 0);
  const Value results = parsed(result.output);
  CHECK(text_in(results, "verdict") == "valid");
  CHECK(stage.run(registers, {"--set", "target.nodes=3"}).exit_code == 64);
  CHECK(stage.errors().find("postgresql is a single server here: say nodes: 1") !=
        std::string::npos);
}

TEST_CASE("postgresql: nothing is left of a run that was killed") {
  if (!installed()) return;
  Adopter adopter;
  Stage stage;
  for (const auto life : {400ms, 1500ms, 4000ms}) {
    const int pid = stage.start(stage.command(registers + "time: 100s\n"));
    std::this_thread::sleep_for(life);
    REQUIRE(::kill(pid, SIGKILL) == 0);
    CHECK(eventually([] { return Adopter::alone(); }, vanish_limit));
  }
}

}  // namespace faultline::system_test::postgresql
