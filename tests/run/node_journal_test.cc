#include "harness/run/node_journal.h"

#include <csignal>

#include <doctest/doctest.h>

#include "harness/io/json.h"
#include "tests/fakes.h"

using namespace faultline;

namespace {

std::vector<std::string> events(const NodeJournal& journal) {
  std::vector<std::string> texts;
  for (const Value& line : journal.lines())
    texts.push_back(*(*line.map())[0].second.text() + " " + *(*line.map())[1].second.text());
  return texts;
}

}  // namespace

TEST_CASE("node journal: starts, kills and deaths, and who is down for good") {
  fakes::FakeCluster cluster(3);
  NodeJournal journal(cluster);
  std::vector<Value> written;
  for (std::size_t i = 0; i < 3; ++i) {
    REQUIRE(cluster.signal(i, SIGKILL));
    REQUIRE(journal.start(i));
  }
  CHECK(journal.lines().empty());  // kept back
  journal.set_origin(std::chrono::steady_clock::now(),
                     [&](const Value& line) { written.push_back(line); });
  CHECK(written.size() == 3);
  REQUIRE(journal.signal(1, SIGKILL));
  REQUIRE(journal.signal(2, SIGSTOP));
  REQUIRE(journal.start(1));
  cluster.die(0, "exit status 2");
  CHECK_FALSE(journal.crashed(0));
  CHECK(journal.take_deaths().size() == 1);
  CHECK(journal.crashed(0));
  CHECK(events(journal) == std::vector<std::string>{"n1 started", "n2 started", "n3 started",
                                                    "n2 killed", "n2 started", "n1 died"});
  CHECK(written.size() == journal.lines().size());
  REQUIRE(journal.start(0));
  CHECK_FALSE(journal.crashed(0));
  CHECK_FALSE(journal.start(0));  // runs already: not journaled
  CHECK(events(journal).size() == 7);
}

TEST_CASE("node journal: the death of a client machine is none of the store's") {
  fakes::FakeCluster cluster(2, 1);
  NodeJournal journal(cluster);
  journal.set_origin(std::chrono::steady_clock::now(), [](const Value&) {});
  CHECK(journal.clients().size() == 1);
  REQUIRE(journal.signal(2, SIGSTOP));
  cluster.die(2, "signal 9 (Killed)");
  cluster.die(0, "exit status 2");
  CHECK_FALSE(journal.client_death());
  CHECK(journal.take_deaths().size() == 1);
  CHECK(events(journal) == std::vector<std::string>{"n1 died"});
  REQUIRE(journal.client_death());
  CHECK(journal.client_death()->what == "client machine c1 ended by itself: signal 9 (Killed)");
}

TEST_CASE("crash-free: valid, invalid, vacuous, from the journal's lines alone") {
  const Value started = Map{{"node", "n1"}, {"event", "started"}, {"time", -1.5}};
  const Value killed = Map{{"node", "n1"}, {"event", "killed"}, {"time", 3}};
  const Value died =
      Map{{"node", "n2"}, {"event", "died"}, {"time", 4.25}, {"how", "signal 6 (Aborted)"}};
  CHECK(check_crash_free({}).validity == Validity::unknown);
  CHECK(check_crash_free({}).reason == "vacuous");
  const std::vector<Value> fine = {started, killed, started, Value(3)};
  CHECK(check_crash_free(fine).validity == Validity::valid);
  const std::vector<Value> bad = {started, died, died};
  const Verdict verdict = check_crash_free(bad);
  CHECK(verdict.validity == Validity::invalid);
  CHECK(verdict.summary == "n2 ended by itself at 4.25 s: signal 6 (Aborted), and 1 more");
  CHECK(verdict.anomalies.at(0).second == 2);
  // A store that dies when the disk is full is not to blame.
  const Verdict starved = check_crash_free(bad, true);
  CHECK(starved.validity == Validity::unknown);
  CHECK(starved.reason == "incomplete");
  CHECK(check_crash_free(fine, true).validity == Validity::valid);
}
