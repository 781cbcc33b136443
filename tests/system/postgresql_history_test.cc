// Transactions of appends and reads on a real PostgreSQL, judged by the checker of list-append:
// what each level of isolation is documented to allow, and nothing worse, is what is found.
#include <algorithm>
#include <mutex>

#include "checkers/checkers.h"
#include "harness/core/rng.h"
#include "tests/system/postgresql_server.h"
#include "tests/system/test_threads.h"

namespace faultline::system_test::postgresql {
namespace {

/// What several threads see, in one order.
class Observed {
 public:
  void invoke(std::uint32_t process, const Value& transaction) {
    const std::lock_guard lock(mutex_);
    HistoryBuilder::Invoke event;
    event.process = process;
    event.function = Function::txn;
    event.argument = builder_.values().add(transaction);
    require_ok(builder_.invoke(event));
  }
  void complete(std::uint32_t process, const Outcome& outcome) {
    const std::lock_guard lock(mutex_);
    HistoryBuilder::Complete event;
    event.process = process;
    event.fate = outcome.fate();
    if (outcome.fate() == Fate::ok) event.output = builder_.values().add(outcome.output());
    require_ok(builder_.complete(event));
    ++ended_[static_cast<std::size_t>(outcome.fate())];
  }
  std::size_t ended(Fate fate) {
    const std::lock_guard lock(mutex_);
    return ended_[static_cast<std::size_t>(fate)];
  }
  History finish() { return builder_.finish(); }

 private:
  std::mutex mutex_;
  HistoryBuilder builder_;
  std::array<std::size_t, 4> ended_{};
};

constexpr std::uint32_t workers = 6;
constexpr std::size_t wanted = 800;  ///< Transactions that succeed.
constexpr std::uint64_t keys_at_once = 4, transactions_per_key = 40;

std::string key_name(std::uint64_t key) { return "k" + std::to_string(key); }

/// One to four appends and reads, of few keys at a time so that they meet. Where an update may be
/// lost, there are some: who reads a key and appends to it.
List some_transaction(Rng& rng, std::uint64_t oldest_key, std::int64_t& next_element,
                      bool updates) {
  List operations;
  if (updates && rng.below(3) == 0) {
    const std::string key = key_name(oldest_key + rng.below(keys_at_once));
    operations.push_back(get(key));
    operations.push_back(append(key, next_element));
    next_element += workers;
    return operations;
  }
  for (std::uint64_t i = 1 + rng.below(4); i > 0; --i) {
    const std::string key = key_name(oldest_key + rng.below(keys_at_once));
    operations.push_back(rng.below(2) == 0 ? get(key) : append(key, next_element));
    next_element += workers;
  }
  return operations;
}

void work(Observed& observed, const TestThreads& all, const Node& node,
          const std::string& isolation, std::uint32_t me) {
  Asker asker(node, isolation);
  Rng rng = Rng(7).fork(isolation + std::to_string(me));
  std::uint32_t process = me;
  std::int64_t next_element = me;
  for (std::size_t done = 0; !all.over() && (done = observed.ended(Fate::ok)) < wanted;) {
    List operations = some_transaction(rng, done / transactions_per_key, next_element,
                                       isolation == "read-committed");
    observed.invoke(process, operations);
    const Outcome outcome = asker.transact(std::move(operations), 1s);
    observed.complete(process, outcome);
    if (outcome.fate() == Fate::info) process += workers;
    if (outcome.why().starts_with("connect")) std::this_thread::sleep_for(5ms);
  }
  // Every list once more, so that the order of its elements is known.
  constexpr std::uint64_t keys = wanted / transactions_per_key + keys_at_once;
  for (std::uint64_t key = me; key < keys && !all.over(); key += workers) {
    const List read{get(key_name(key))};
    Outcome outcome = Outcome::fail("not asked");
    CHECK(eventually([&] {
      observed.invoke(process, read);
      outcome = asker.transact(read);
      observed.complete(process, outcome);
      return outcome.fate() == Fate::ok;
    }));
  }
}

History observe(const std::string& isolation, bool faults) {
  Server server;
  server.start();
  server.await_ready();
  Observed observed;
  TestThreads threads;
  for (std::uint32_t me = 0; me < workers; ++me) {
    threads.start([&, me] { work(observed, threads, server.node(), isolation, me); });
  }
  for (std::size_t part = 1; faults && part <= 4; ++part) {
    CHECK(eventually(
        [&] { return threads.over() || observed.ended(Fate::ok) >= wanted * part / 5; }));
    server.signal(part % 2 == 0 ? SIGSTOP : SIGKILL);
    std::this_thread::sleep_for(200ms);
    if (part % 2 == 0) {
      server.signal(SIGCONT);
    } else {
      server.start();
    }
    server.await_ready();
  }
  threads.join();
  REQUIRE_FALSE(threads.over());  // Else nothing is whole that could be judged.
  MESSAGE(isolation << ": ok " << observed.ended(Fate::ok) << ", fail "
                    << observed.ended(Fate::fail) << ", info " << observed.ended(Fate::info));
  return observed.finish();
}

Verdict judged(const History& history, const std::string& model) {
  ConfigNode mapping;
  mapping.members.push_back({"model", {}, ConfigNode::of(model)});
  Params params(mapping, "checker");
  const auto checker = make_list_append(params);
  REQUIRE(checker);
  Verdict verdict = (*checker)->check(history, Budget{});
  std::string found;
  for (const auto& [name, count] : verdict.anomalies) {
    found += " " + name + " " + std::to_string(count);
  }
  MESSAGE(model << ": " << std::string(name_of(verdict.validity)) << found);
  return verdict;
}

}  // namespace

TEST_CASE("postgresql: serializable is strictly serializable, through kills and pauses") {
  if (!installed()) return;
  const History history = observe("serializable", true);
  const Verdict verdict = judged(history, "strict-serializable");
  CHECK_MESSAGE(verdict.validity == Validity::valid, verdict.explanation);
}

TEST_CASE("postgresql: repeatable read is snapshot isolation, and not serializable") {
  if (!installed()) return;
  const History history = observe("repeatable-read", true);
  const Verdict snapshots = judged(history, "strong-snapshot-isolation");
  CHECK_MESSAGE(snapshots.validity == Validity::valid, snapshots.explanation);
  const Verdict serial = judged(history, "serializable");
  CHECK(serial.validity == Validity::invalid);
  for (const auto& [name, count] : serial.anomalies) CHECK(name.starts_with("G2-item"));
  CHECK_FALSE(serial.anomalies.empty());
}

TEST_CASE("postgresql: read committed is that, and no more") {
  if (!installed()) return;
  const History history = observe("read-committed", false);
  const Verdict committed = judged(history, "read-committed");
  CHECK_MESSAGE(committed.validity == Validity::valid, committed.explanation);
  CHECK(judged(history, "snapshot-isolation").validity == Validity::invalid);
  const Verdict stable = judged(history, "cursor-stability");
  CHECK(stable.validity == Validity::invalid);
  const bool is_lost = std::ranges::any_of(
      stable.anomalies, [](const auto& found) { return found.first == "lost-update"; });
  CHECK_MESSAGE(is_lost, stable.summary);
}

}  // namespace faultline::system_test::postgresql
