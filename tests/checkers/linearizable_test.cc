#include <atomic>
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/checkers/linearizable_check.h"

namespace faultline {
namespace {

using script::Script;

std::uint64_t counted(const Verdict& verdict, const std::string& what) {
  for (const auto& [name, count] : verdict.counted)
    if (name == what) return count;
  return 0;
}

const std::vector<std::string> both_engines{"zones", "search"};

TEST_CASE("linearizable: a read that sees the last acknowledged write is valid") {
  const Verdict v = check(Script().write(0, 1, 1).write(2, 3, 2).read(4, 5, 2));
  CHECK(v.validity == Validity::valid);
  CHECK(v.name == "linearizable");
  CHECK(v.engine == "zones");
  CHECK(v.model == "register");
  CHECK(v.reason.empty());
  CHECK(v.witness.empty());
  CHECK(v.summary == "3 operations on 1 key: linearizable");
}

TEST_CASE("linearizable: a concurrent write may be seen or not") {
  CHECK(check(Script().write(0, 9, 1).read(1, 2, {}).read(3, 4, 1)).validity == Validity::valid);
  CHECK(check(Script().write(0, 9, 1).read(1, 2, 1).read(3, 4, {})).validity == Validity::invalid);
}

TEST_CASE("linearizable: stale-read, with its sentence, table and witness, by both engines") {
  Script script;
  script.add({Function::write, 7, 7, Fate::ok, 100, 110, "k3", "n1"});
  script.add({Function::write, 9, 9, Fate::ok, 300, 305, "k3", "n1"});
  script.add({Function::read, {}, 9, Fate::ok, 306, 308, "k3", "n3"});
  script.add({Function::read, {}, 7, Fate::ok, 310, 320, "k3", "n2"});
  script.with_times();
  for (const std::string& engine : both_engines) {
    CAPTURE(engine);
    const Verdict v = check(script, {{"engine", engine}});
    CHECK(v.validity == Validity::invalid);
    CHECK(v.engine == engine);
    CHECK(v.summary == "key k3: n2 read 7 at 3.20 s although 9 had been acknowledged at 3.05 s");
    CHECK(v.anomalies == decltype(v.anomalies){{"stale-read", 1}});
    CHECK(v.refuted == std::vector<std::string>{"linearizable"});
    CHECK(v.not_refuted == std::vector<std::string>{"sequential"});
    CHECK(v.keys_invalid == std::vector<std::string>{"k3"});
    CHECK(v.witness == std::vector<OperationId>{0, 1, 3});
    CHECK(v.explanation ==
          "key k3: n2 read 7 at 3.20 s although 9 had been acknowledged at 3.05 s (stale-read)\n"
          "  from        to          process  node  operation  answer  index\n"
          "  1.000000 s  1.100000 s  0        n1    write 7    ok      0\n"
          "  3.000000 s  3.050000 s  1        n1    write 9    ok      2\n"
          "  3.100000 s  3.200000 s  3        n2    read       7       6\n");
  }
}

TEST_CASE("linearizable: without times and nodes, events and processes are named") {
  const Verdict v = check(Script().write(0, 1, 7).write(2, 3, 9).read(4, 5, 7).read(6, 7, 9));
  CHECK(v.summary ==
        "key k: process 2 read 7 at event 5 although 9 had been acknowledged at "
        "event 3");
}

TEST_CASE("linearizable: moments that look alike get more decimals") {
  Script script;
  script.add({Function::write, 1, 1, Fate::ok, 0, 1}).write(2, 100, 2);
  script.read(101, 1001, 1).read(1002, 1003, 2).with_times();
  CHECK(contains(check(script).summary, "at 10.01 s although 2 had been acknowledged at 1.00 s"));
}

TEST_CASE("linearizable: phantom-read, of a value that nobody wrote, or nobody yet") {
  for (const std::string& engine : both_engines) {
    CAPTURE(engine);
    const Verdict never_written =
        check(Script().write(0, 1, 1).read(2, 3, 5), {{"engine", engine}});
    CHECK(never_written.validity == Validity::invalid);
    CHECK(never_written.anomalies == decltype(never_written.anomalies){{"phantom-read", 1}});
    CHECK(never_written.summary ==
          "key k: process 1 read 5 at event 3 although nobody ever wrote 5");
    CHECK(never_written.witness == std::vector<OperationId>{1});
    CHECK(never_written.not_refuted.empty());
    const Verdict too_early = check(Script().read(0, 1, 5).write(2, 3, 5), {{"engine", engine}});
    CHECK(too_early.anomalies == decltype(too_early.anomalies){{"phantom-read", 1}});
    CHECK(too_early.summary ==
          "key k: process 0 read 5 at event 1 although 5 was only asked to "
          "be written at event 2");
  }
}

TEST_CASE("linearizable: aborted-read, only if no other write of the value can explain it") {
  // Correction 2: a failed write's value is no abort if somebody else wrote the same.
  for (const char* engine : {"auto", "search"}) {
    CAPTURE(engine);
    const Verdict aborted =
        check(Script().failed_write(0, 1, 3).read(2, 3, 3), {{"engine", engine}});
    CHECK(aborted.anomalies == decltype(aborted.anomalies){{"aborted-read", 1}});
    CHECK(aborted.summary ==
          "key k: process 1 read 3 at event 3 although the only write of it "
          "failed at event 1");
    CHECK(aborted.witness == std::vector<OperationId>{0, 1});  // The failed write is shown,
    const Verdict later = check(Script().read(0, 1, 3).failed_write(2, 3, 3), {{"engine", engine}});
    CHECK(later.witness == std::vector<OperationId>{0, 1});  // in time order.
    CHECK(check(Script().failed_write(0, 1, 3).write(2, 3, 3).read(4, 5, 3), {{"engine", engine}})
              .validity == Validity::valid);
    CHECK(check(Script().failed_write(0, 1, 3).info_write(2, 3).read(4, 5, 3), {{"engine", engine}})
              .validity == Validity::valid);
  }
}

TEST_CASE("linearizable: lost-write, if nobody sees the acknowledged value again") {
  const Verdict v = check(Script().write(0, 1, 1).write(2, 3, 2).read(4, 5, 1).read(6, 7, 1));
  CHECK(v.anomalies == decltype(v.anomalies){{"lost-write", 1}});
  CHECK(contains(v.summary,
                 "read 1 at event 7 although 2 had been acknowledged at event 3, and "
                 "nobody saw that again"));
  // One look is too little to call it lost, and a later look makes it merely stale.
  const Verdict once = check(Script().write(0, 1, 1).write(2, 3, 2).read(4, 5, 1));
  CHECK(once.anomalies == decltype(once.anomalies){{"stale-read", 1}});
  const Verdict later =
      check(Script().write(0, 1, 1).write(2, 3, 2).read(4, 5, 1).read(6, 7, 1).read(8, 9, 2));
  CHECK(later.anomalies == decltype(later.anomalies){{"stale-read", 1}});
}

TEST_CASE("linearizable: two compare-and-sets that replace the same value lose one") {
  const Verdict v = check(Script().write(0, 1, 5).cas(2, 6, 5, 6).cas(3, 7, 5, 7));
  CHECK(v.model == "cas-register");
  CHECK(v.anomalies == decltype(v.anomalies){{"lost-write", 1}});
  CHECK(v.summary ==
        "key k: process 2's compare-and-set from 5 to 7 succeeded at event 5 although "
        "process 1's compare-and-set from 5 to 6 had succeeded at event 4: both "
        "replaced the same 5");
  CHECK(v.witness == std::vector<OperationId>{0, 1, 2});
}

TEST_CASE("linearizable: non-monotonic-read, older after newer while the write is still pending") {
  const Verdict v = check(Script().write(0, 1, 1).write(2, 9, 2).read(3, 4, 2).read(5, 6, 1));
  CHECK(v.anomalies == decltype(v.anomalies){{"non-monotonic-read", 1}});
  CHECK(v.summary ==
        "key k: process 3 read 1 at event 6 although process 2 had read 2 at event 4, "
        "which came after it");
}

TEST_CASE("linearizable: chains of compare-and-sets in the wrong order") {
  // 2 came out of 1, so a later read of 1 is stale.
  Script stale = Script().write(0, 1, 1).cas(2, 3, 1, 2).read(4, 5, 1);
  CHECK(check(stale).anomalies.front().first == "stale-read");
  // The chain's end is observed before its middle was requested.
  Script early = Script().write(0, 1, 1).cas(2, 9, 2, 3).read(3, 4, 3).cas(5, 6, 1, 2);
  CHECK(check(early).validity == Validity::invalid);
  CHECK(check(early).anomalies.front().first == "phantom-read");
  Script circle = Script().cas(0, 5, 1, 2).cas(1, 6, 2, 1);
  const Verdict v = check(circle);
  CHECK(v.validity == Validity::invalid);
  CHECK(v.anomalies.front().first == "phantom-read");
  CHECK(contains(v.summary, "was only ever set by compare-and-sets that begin with it"));
}

TEST_CASE("linearizable: correction 3, a mismatch is an observation") {
  const Verdict v = check(Script().write(0, 1, 1).cas(2, 3, 1, 2, Fate::mismatch));
  CHECK(v.validity == Validity::invalid);
  CHECK(v.engine == "search");
  CHECK(v.model == "cas-register");
  CHECK(v.anomalies == decltype(v.anomalies){{"not-linearizable", 1}});
  CHECK(contains(v.summary, "process 1's compare-and-set from 1 to 2 was refused at event 3"));
  CHECK(v.witness == std::vector<OperationId>{0, 1});
  CHECK(contains(v.explanation, "refused: mismatch"));
  // An unobserved info can be why the state differed: it must not be dropped.
  CHECK(check(Script().write(0, 1, 1).info_write(2, 9).cas(3, 4, 1, 2, Fate::mismatch)).validity ==
        Validity::valid);
  CHECK(check(Script().write(0, 1, 1).cas(3, 4, 1, 2, Fate::mismatch).info_write(5, 9)).validity ==
        Validity::invalid);
  // A plain fail says nothing.
  CHECK(check(Script().write(0, 1, 1).cas(2, 3, 1, 2, Fate::fail).read(4, 5, 1)).validity ==
        Validity::valid);
}

TEST_CASE("linearizable: correction 19, thousands of infos on one key") {
  Script script;
  int now = 0;
  for (int i = 0; i < 1000; ++i) {
    script.info_write(now, 1 + i % 3);
    script.add({Function::cas, List{1 + i % 3, 1 + (i + 1) % 3}, {}, Fate::info, now + 1, 0});
    script.read(now + 2, now + 3, 1 + (i * 7) % 3);
    now += 4;
  }
  const Verdict valid = check(script);
  CHECK(valid.validity == Validity::valid);
  CHECK(valid.engine == "search");
  CHECK(counted(valid, "infos") == 2000);
  script.read(now, now + 1, {});
  const Verdict invalid = check(script);
  CHECK(invalid.validity == Validity::invalid);
  CHECK(!invalid.witness.empty());
}

TEST_CASE("linearizable: more than 64 calls pending at a time") {
  Script script;
  for (int i = 0; i < 100; ++i) script.write(i, 1000 + i, 1 + i % 2);
  for (int i = 0; i < 50; ++i) script.read(400 + 2 * i, 401 + 2 * i, 1 + i % 2);
  CHECK(check(script).validity == Validity::valid);
  script.read(2000, 2001, 1).read(2002, 2003, 2);
  const Verdict v = check(script);
  CHECK(v.engine == "search");
  CHECK(v.validity == Validity::invalid);
}

TEST_CASE("linearizable: a violation in a long history of few values has a small witness") {
  Script script;
  for (int i = 0; i < 2000; ++i) {
    script.write(10 * i, 10 * i + 3, 1 + i % 4);
    script.read(10 * i + 2, 10 * i + 6, 1 + i % 4);
    if (i == 1500) script.read(10 * i + 7, 10 * i + 8, 1 + (i + 2) % 4);
  }
  const Verdict v = check(script);
  CHECK(v.validity == Validity::invalid);
  CHECK(v.engine == "search");
  CHECK(v.witness.size() <= 3);
  CHECK(v.anomalies.front().first == "stale-read");
  CHECK(!contains(v.explanation, "not a minimal one"));
}

TEST_CASE("linearizable: repeated values, and the initial value written again, go to the search") {
  CHECK(check(Script().write(0, 1, 1).write(2, 3, 1).read(4, 5, 1)).engine == "search");
  CHECK(check(Script().write(0, 1, 1).write(2, 3, {}).read(4, 5, {})).engine == "search");
  const Verdict v =
      check(Script().write(0, 1, 1).write(2, 3, 1).read(4, 5, 1), {{"engine", "zones"}});
  CHECK(v.validity == Validity::unknown);
  CHECK(v.reason == "inapplicable");
  CHECK(contains(v.summary, "key k"));
}

TEST_CASE("linearizable: engines are chosen key by key") {
  const Script script = Script()
                            .write(0, 1, 1, "a")
                            .read(2, 3, 1, "a")
                            .write(4, 5, 1, "b")
                            .write(6, 7, 1, "b")
                            .read(8, 9, 1, "b");
  CHECK(check(script).engine == "zones+search");
  CHECK(check(script).validity == Validity::valid);
  CHECK(counted(check(script), "keys") == 2);
}

TEST_CASE("linearizable: a history without keys is one object") {
  Script script;
  script.write(0, 1, 1, "").write(2, 3, 2, "").read(4, 5, 1, "");
  const Verdict v = check(script);
  CHECK(v.validity == Validity::invalid);
  CHECK(v.keys_invalid.empty());
  CHECK(contains(v.summary, "process 2 read 1"));
  CHECK(!contains(v.summary, "key"));
}

TEST_CASE("linearizable: the initial value is nil unless told otherwise") {
  CHECK(check(Script().read(0, 1, {}).write(2, 3, 1)).validity == Validity::valid);
  CHECK(check(Script().read(0, 1, 0)).validity == Validity::invalid);
  CHECK(check(Script().read(0, 1, 0).write(2, 3, 1), {{"initial", "0"}}).validity ==
        Validity::valid);
  CHECK(check(Script().read(0, 1, {}).write(2, 3, 1), {{"initial", "0"}}).validity ==
        Validity::invalid);
  CHECK(check(Script().read(0, 1, 1.5).write(2, 3, 1), {{"initial", "1.5"}}).validity ==
        Validity::valid);
  CHECK(check(Script().write(2, 3, 0).read(4, 5, 0), {{"initial", "0"}}).engine == "search");
  CHECK(check(Script().read(0, 1, "x").write(2, 3, 1), {{"initial", "x"}}).validity ==
        Validity::valid);
  CHECK(check(Script().read(0, 1, "y").write(2, 3, 1), {{"initial", "x"}}).validity ==
        Validity::invalid);
}

TEST_CASE("linearizable: values may be anything, lists too") {
  const Value one = List{1, "a"}, two = List{2, List{}};
  CHECK(check(Script().write(0, 1, one).write(2, 3, two).read(4, 5, two)).validity ==
        Validity::valid);
  const Verdict v = check(Script().write(0, 1, one).write(2, 3, two).read(4, 5, one));
  CHECK(v.validity == Validity::invalid);
  CHECK(contains(v.summary, "read [1, \"a\"] at event 5 although [2, []] had been acknowledged"));
  const std::int64_t far = INT64_MAX;
  CHECK(check(Script().write(0, 1, far).write(2, 3, -5).read(4, 5, -5)).validity ==
        Validity::valid);
  CHECK(check(Script().write(0, 1, far).write(2, 3, "t").read(4, 5, far)).validity ==
        Validity::invalid);
}

TEST_CASE("linearizable: other functions are not guessed at") {
  Script script = Script().write(0, 1, 1).read(2, 3, 1);
  script.add({Function::enqueue, 1, 1, Fate::ok, 4, 5});
  script.add({Function::txn, List{}, List{}, Fate::ok, 6, 7});
  const Verdict v = check(script);
  CHECK(v.validity == Validity::unknown);
  CHECK(v.reason == "unsupported");
  CHECK(contains(v.summary, "enqueue (1), txn (1)"));
  Script malformed = Script().write(0, 1, 1).read(2, 3, 1);
  malformed.add({Function::cas, 7, {}, Fate::ok, 4, 5});
  const Verdict m = check(malformed);
  CHECK(m.validity == Validity::unknown);
  CHECK(m.summary == "the cas with invoke index 4 has the value 7, expected [old, new]");
}

TEST_CASE("linearizable: a history in which nothing was observed is vacuous") {
  for (const Script& script :
       {Script(), Script().write(0, 1, 1).write(2, 3, 2), Script().info_write(0, 1)}) {
    const Verdict v = check(script);
    CHECK(v.validity == Validity::unknown);
    CHECK(v.reason == "vacuous");
    CHECK(contains(v.summary, "nothing was observed"));
  }
  CHECK(check(Script().cas(0, 1, 5, 6, Fate::mismatch)).validity == Validity::valid);
}

TEST_CASE("linearizable: counts what it looked at") {
  const Verdict v = check(Script()
                              .write(0, 1, 1)
                              .read(2, 3, 1)
                              .read(4, 5, 1)
                              .cas(6, 7, 1, 2)
                              .cas(8, 9, 1, 3, Fate::mismatch)
                              .failed_write(10, 11, 9)
                              .info_write(12, 8));
  CHECK(v.validity == Validity::valid);
  CHECK(v.counted ==
        decltype(v.counted){
            {"reads", 2}, {"writes", 1}, {"cas", 1}, {"mismatches", 1}, {"infos", 1}, {"keys", 1}});
}

/// Few values and many clients, so that the search has work to do.
Script crowded(int operations) {
  Script script;
  for (int i = 0; i < operations; ++i) script.cas(10 * i, 10 * i + 85, 1 + i % 3, 1 + (i + 1) % 3);
  return script.write(1, 2, 1);
}

TEST_CASE("linearizable: a used up budget is unknown, and says how far it got") {
  Budget budget;
  budget.steps_max = 60'000;
  const Verdict v = check(crowded(20'000), {}, budget);
  CHECK(v.validity == Validity::unknown);
  CHECK(v.reason == "steps");
  CHECK(contains(v.summary, "valid up to operation "));
  CHECK(contains(v.summary, " of 20,001 on key k"));
  CHECK(!contains(v.summary, "operation 0 of"));
}

TEST_CASE("linearizable: a raised stop flag is unknown") {
  std::atomic<bool> stop{true};
  Budget budget;
  budget.stop = &stop;
  for (const Script& script : {crowded(6000), [] {
                                 Script unique;
                                 for (int i = 0; i < 6000; ++i)
                                   unique.write(2 * i, 2 * i + 1, i + 1);
                                 return unique.read(20'000, 20'001, 6000);
                               }()}) {
    const Verdict v = check(script, {}, budget);
    CHECK(v.validity == Validity::unknown);
    CHECK(v.reason == "stopped");
    CHECK(!v.summary.empty());
  }
}

TEST_CASE("linearizable: too little memory is unknown") {
  Budget budget;
  budget.bytes_max = 1000;
  const Verdict v = check(crowded(1000), {}, budget);
  CHECK(v.validity == Validity::unknown);
  CHECK(v.reason == "memory");
  CHECK(!v.summary.empty());
}

TEST_CASE("linearizable: an undecided key does not hide an invalid one, before or after it") {
  Budget budget;
  budget.steps_max = 60'000;
  for (const bool first : {true, false}) {
    Script script = crowded(20'000);
    const std::string other = first ? "a" : "z";
    const int at = first ? -10 : 300'000;
    script.write(at, at + 1, 1, other).write(at + 2, at + 3, 2, other);
    script.read(at + 4, at + 5, 1, other);
    const Verdict v = check(script, {}, budget);
    CHECK(v.validity == Validity::invalid);
    CHECK(v.keys_invalid == std::vector<std::string>{other});
    CHECK(v.reason.empty());
  }
}

/// Forty-two overlapping operations that no order explains: too many orders to look at.
Script hopeless(const std::string& key) {
  Script script;
  const auto cas = [&](int at, int from, int to) {
    script.add({Function::cas, List{from, to}, {}, Fate::ok, at, 5000 + at, key});
  };
  for (int i = 0; i < 14; ++i) {
    cas(i, i % 4, 10 + i);
    cas(i, 10 + i, (i + 1) % 4);
    script.write(i, 5000 + i, 20 + i, key);
  }
  return script.read(6000, 6001, 20, key).read(6002, 6003, 3, key);
}

/// Beside it, one with more operations, which are easily seen to be wrong.
Script hopeless_and_longer() {
  Script script = hopeless("k");
  for (int i = 0; i < 2000; ++i) script.write(10 * i, 10 * i + 1, i % 2, "longer");
  return script.read(30'000, 30'001, 0, "longer");
}

TEST_CASE("linearizable: a key too hard leaves the others their share of the steps") {
  for (const char* engine : {"auto", "general"}) {
    CAPTURE(engine);
    Budget budget;
    budget.steps_max = 40'000;
    REQUIRE(check(hopeless("k"), {{"engine", engine}}, budget).validity == Validity::unknown);
    const Verdict v = check(hopeless_and_longer(), {{"engine", engine}}, budget);
    CHECK(v.validity == Validity::invalid);
    CHECK(v.keys_invalid == std::vector<std::string>{"longer"});
  }
}

TEST_CASE("linearizable: what one thread has the memory for, two decide as well") {
  for (const char* engine : {"auto", "general"}) {
    CAPTURE(engine);
    int decided = 0;
    for (std::uint64_t kib = 40; kib <= 280; kib += 8) {
      CAPTURE(kib);
      Budget budget;
      budget.steps_max = 60'000;
      budget.bytes_max = kib << 10;
      const Verdict one = check(hopeless_and_longer(), {{"engine", engine}}, budget);
      if (one.validity == Validity::unknown) continue;
      ++decided;
      budget.threads = 2;
      CHECK(check(hopeless_and_longer(), {{"engine", engine}}, budget).validity == one.validity);
    }
    CHECK(decided > 0);
    CHECK(decided < 30);
  }
}

TEST_CASE("linearizable: many invalid keys are listed, a few are told") {
  Script script;
  for (int k = 0; k < 150; ++k) {
    const std::string key = "k" + std::to_string(k);
    script.write(10 * k, 10 * k + 1, 1, key).write(10 * k + 2, 10 * k + 3, 2, key);
    script.read(10 * k + 4, 10 * k + 5, 1, key);
  }
  const Verdict v = check(script);
  CHECK(v.keys_invalid.size() == 100);
  CHECK(counted(v, "keys_invalid") == 150);
  CHECK(v.anomalies == decltype(v.anomalies){{"stale-read", 150}});
  CHECK(contains(v.summary, "key k0: "));
  CHECK(contains(v.summary, "(and 149 more keys)"));
  CHECK(contains(v.explanation, "key k2: process "));
  CHECK(!contains(v.explanation, "key k3:"));
}

TEST_CASE("linearizable: parameters are checked") {
  CHECK(contains(try_make({{"engine", "zone"}}).error().what, "did you mean \"zones\""));
  CHECK(contains(try_make({{"modle", "register"}}).error().what, "did you mean \"model\""));
  CHECK(check(Script().write(0, 1, 1).read(2, 3, 1), {{"model", "cas-register"}}).model ==
        "cas-register");
}

}  // namespace
}  // namespace faultline
