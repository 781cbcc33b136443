// rw-register while the history grows: each anomaly as soon as it is certain, and no sooner. Beside
// the checker of whole histories: tests/oracle/online_rw_register_test.cc.
#include <string>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "tests/checkers/online_told.h"

namespace faultline::online_rw_register_tests {
namespace {

using Micro = Told::Micro;
Micro w(const char* key, int value) {
  const Value all = List{"w", key, value};
  return {all, all};
}
Micro r(const char* key, const Value& value = {}) {
  return {List{"r", key, Value()}, List{"r", key, value}};
}

struct ToldRegisters : Told {
  explicit ToldRegisters(const std::string& model = "strict-serializable", Budget budget = {})
      : Told(&make_rw_register, {{"model", model}}, budget) {}
};

TEST_CASE("online rw-register: nothing is found where nothing is wrong") {
  ToldRegisters told;
  told.both(0, {r("x"), w("x", 1)}).both(1, {r("x", 1), w("x", 2), r("x", 2)});
  told.both(0, {w("x", 3)}, Fate::fail).both(2, {r("x", 2), r("y")});
  told.both(3, {w("y", 1)}, Fate::info).both(2, {r("y", 1)});
  told.begin(4, {w("y", 2)}).begin(5, {w("y", 3)}).both(6, {r("y", 1)}).both(6, {r("y", 3)});
  told.both(6, {r("y", 2)}).end(4, {w("y", 2)}).end(5, {w("y", 3)});
  CHECK(told.found().empty());
  told.online().finish();
  CHECK(told.found().empty());
  CHECK(told.online().findings().refuted.empty());
  CHECK(told.online().findings().ended.empty());
  CHECK(told.online().bytes() > 0);
  CHECK_FALSE(told.online().finds_all());
}

TEST_CASE("online rw-register: write skew is found when both have ended") {
  ToldRegisters told("serializable");
  told.begin(0, {r("x"), w("y", 1)}).begin(1, {r("y"), w("x", 1)});
  told.end(0, {r("x"), w("y", 1)});
  CHECK(told.found().empty());
  told.end(1, {r("y"), w("x", 1)});
  CHECK(told.found() == "G2-item 1");
  CHECK(told.online().findings().refuted.front() == "repeatable-read");
}

TEST_CASE("online rw-register: what the model permits is no violation") {
  ToldRegisters told("snapshot-isolation");
  told.begin(0, {r("x"), w("y", 1)}).begin(1, {r("y"), w("x", 1)});
  told.end(0, {r("x"), w("y", 1)}).end(1, {r("y"), w("x", 1)});
  CHECK(told.found().empty());
}

TEST_CASE("online rw-register: a stale read is one of real time alone") {
  SUBCASE("of nil") {
    ToldRegisters told;
    told.both(0, {w("x", 1)}).both(1, {r("x")});
    CHECK(told.found() == "G-single-item-realtime 1");
  }
  SUBCASE("of what was written before") {
    ToldRegisters told;
    told.both(0, {w("x", 1)}).both(0, {w("x", 2)}).both(1, {r("x", 1)});
    CHECK(told.found().find("G-single-item-realtime") != std::string::npos);
  }
  SUBCASE("of one's own process") {
    ToldRegisters told("strong-session-snapshot-isolation");
    told.both(0, {w("x", 1)}).both(0, {r("x")});
    CHECK(told.found() == "G-single-item-process 1");
  }
  SUBCASE("by the order of a process of two versions") {
    ToldRegisters told("strong-session-snapshot-isolation");
    told.begin(0, {w("x", 1)}).begin(1, {w("x", 2)});
    told.end(0, {w("x", 1)}).end(1, {w("x", 2)});
    told.both(2, {r("x", 1)}).both(2, {r("x", 2)}).both(3, {r("x", 2)});
    CHECK(told.found().empty());
    told.both(3, {r("x", 1)});
    CHECK(told.found().find("cyclic-versions-process 1") != std::string::npos);
  }
  SUBCASE("and no other model knows of it") {
    ToldRegisters told("serializable");
    told.both(0, {w("x", 1)}).both(1, {r("x")});
    CHECK(told.found().empty());
  }
}

TEST_CASE("online rw-register: versions go round") {
  ToldRegisters told("consistent-view");
  told.begin(0, {r("x", 2), w("x", 1)}).begin(1, {r("x", 1), w("x", 2)});
  told.end(0, {r("x", 2), w("x", 1)});
  CHECK(told.found().empty());
  told.end(1, {r("x", 1), w("x", 2)});
  CHECK(told.found() == "G1c 1, cyclic-versions 1");
}

TEST_CASE("online rw-register: versions go round in real time") {
  ToldRegisters told;
  SUBCASE("by those who met them") {
    told.begin(0, {w("x", 1)}).begin(1, {w("x", 2)}).both(2, {r("x", 1)}).both(3, {r("x", 2)});
    told.both(4, {r("x", 1)}).end(0, {w("x", 1)}).end(1, {w("x", 2)});
  }
  SUBCASE("and as one was asked for when the other had been met") {
    told.begin(2, {r("x", 2)}).both(0, {w("x", 1)}).both(1, {w("x", 2)}, Fate::info);
    told.end(2, {r("x", 2)}).both(3, {r("x", 1)});
  }
  SUBCASE("and as one was written by who had read the other") {
    told.begin(0, {w("x", 1)}).both(1, {r("x", 1), w("x", 2)}).both(2, {r("x", 1)});
    told.end(0, {w("x", 1)});
  }
  CHECK(told.found().find("cyclic-versions-realtime 1") != std::string::npos);
}

TEST_CASE("online rw-register: a read of what is still open waits for its end") {
  ToldRegisters told("read-committed");
  told.begin(0, {w("x", 1), w("x", 2)}).both(1, {r("x", 1), w("x", 3)});
  CHECK(told.found().empty());
  SUBCASE("an aborted read, and what was written after it") {
    told.end(0, {w("x", 1), w("x", 2)}, Fate::fail);
    CHECK(told.found() == "G1a 1, dirty-update 1");
    told.both(1, {r("x", 2)});
    CHECK(told.found() == "G1a 2, dirty-update 1");
  }
  SUBCASE("an intermediate read") {
    told.end(0, {w("x", 1), w("x", 2)});
    CHECK(told.found() == "G1b 1");
  }
  SUBCASE("an intermediate read of what may have happened, and so did") {
    told.end(0, {}, Fate::info);
    CHECK(told.found() == "G1b 1");
  }
  SUBCASE("which never comes") {
    told.online().finish();
    CHECK(told.found() == "G1b 1");
  }
}

TEST_CASE("online rw-register: what a process did next waits with it, in its order") {
  ToldRegisters told("strong-session-snapshot-isolation");
  told.begin(0, {w("x", 1)}).begin(1, {w("x", 2)}).both(2, {r("x", 1)});
  told.end(1, {w("x", 2)}).both(2, {r("x", 2)});
  told.both(3, {r("x", 2)}).both(3, {r("x", 1)});
  CHECK(told.found().empty());
  SUBCASE("until it is known") {
    told.end(0, {w("x", 1)});
    CHECK(told.found().find("cyclic-versions-process 1") != std::string::npos);
  }
  SUBCASE("an info counts, once it was read") {
    told.end(0, {}, Fate::info);
    CHECK(told.found().find("cyclic-versions-process 1") != std::string::npos);
  }
  SUBCASE("what failed has no order") {
    told.end(0, {}, Fate::fail);
    CHECK(told.found() == "G1a 2");
  }
}

TEST_CASE("online rw-register: who waited tells of what was met after it") {
  ToldRegisters told;
  const Told::Micros first{w("x", 1), w("a", 1)}, between{r("a", 1), w("b", 1)},
      second{r("b", 1), w("x", 2)};
  told.begin(0, first).begin(1, between).begin(2, second).begin(3, {r("x", 2)});
  told.end(0, first).end(1, between).end(3, {r("x", 2)});
  SUBCASE("that the one is before the other") {
    told.both(4, {r("x", 1)});
    CHECK(told.found().empty());
    told.end(2, second);
    CHECK(told.found() == "G-single-item-realtime 2");
  }
  SUBCASE("the other one having been met by others of the key before that") {
    told.both(4, {r("x", 1)});
    for (int i = 3; i < 6; ++i) told.both(4, {w("x", i)});
    CHECK(told.found().empty());
    told.end(2, second);
    CHECK(told.found() == "G-single-item-realtime 2");
  }
  SUBCASE("and not of what was met before") {
    told.end(2, second).both(4, {r("x", 2)});
    CHECK(told.found().empty());
  }
}

TEST_CASE("online rw-register: an info is the last of its process, behind those that wait") {
  ToldRegisters told("strong-session-snapshot-isolation");
  told.begin(0, {w("x", 1)}).both(1, {r("x", 1)}).both(1, {w("x", 2)}, Fate::info);
  told.both(2, {r("x", 2)});
  CHECK(told.found().empty());
  told.end(0, {w("x", 1)});
  CHECK(told.found().empty());
  told.both(2, {r("x", 1)});
  CHECK(told.found().find("cyclic-versions-process 1") != std::string::npos);
}

TEST_CASE("online rw-register: what nobody asked for breaks real time at once") {
  ToldRegisters told;
  told.both(0, {r("x", 7)});
  CHECK(told.found() == "garbage-read 1");
  SUBCASE("it is garbage in the end") {
    told.online().finish();
    CHECK(told.found() == "garbage-read 1");
    CHECK(told.online().findings().refuted.front() == "read-uncommitted");
  }
  SUBCASE("somebody asks later") {
    told.both(1, {w("x", 7)});
    CHECK(told.found() == "G1c-realtime 1");
  }
  SUBCASE("somebody asks later, and fails") {
    told.both(1, {w("x", 7)}, Fate::fail);
    CHECK(told.found() == "G1a 1");
  }
}

TEST_CASE("online rw-register: what single transactions prove") {
  ToldRegisters told("snapshot-isolation");
  SUBCASE("two values of one key") {
    told.both(0, {w("x", 1)}).both(1, {r("x"), r("x", 1)});
    CHECK(told.found().find("internal 1") != std::string::npos);
  }
  SUBCASE("not one's own write") {
    told.both(1, {w("x", 1), r("x")});
    CHECK(told.found() == "internal 1");
  }
  SUBCASE("one's own write before it") {
    told.both(1, {r("x", 1), w("x", 1)});
    CHECK(told.found() == "future-read 1");
  }
  SUBCASE("a lost update, when the second one ends") {
    told.begin(0, {r("x"), w("x", 1)}).begin(1, {r("x"), w("x", 2)});
    told.end(0, {r("x"), w("x", 1)});
    CHECK(told.found().empty());
    told.end(1, {r("x"), w("x", 2)});
    CHECK(told.found().find("lost-update 1") != std::string::npos);
  }
  SUBCASE("who first read what nobody wrote so far lost nothing") {
    told.begin(0, {r("x", 9), r("x"), w("x", 1)}).begin(1, {r("x"), w("x", 2)});
    told.end(0, {r("x", 9), r("x"), w("x", 1)}).end(1, {r("x"), w("x", 2)});
    CHECK(told.found().find("lost-update") == std::string::npos);
  }
}

TEST_CASE("online rw-register: what it cannot judge, it says nothing of") {
  ToldRegisters told("consistent-view");
  told.begin(0, {r("x"), w("x", 1)}).begin(1, {r("x"), w("x", 2)});
  told.end(0, {r("x"), w("x", 1)}).end(1, {r("x"), w("x", 2)});
  CHECK_FALSE(told.found().empty());
  SUBCASE("a value that is written twice") { told.begin(2, {w("x", 2)}); }
  SUBCASE("no transaction") { told.feed(2, true, Fate::info, 7); }
  SUBCASE("no such micro-operation") {
    told.feed(2, true, Fate::info, List{Value(List{"append", "x", 9})});
  }
  SUBCASE("a value that is a list") { told.begin(2, {r("x")}).end(2, {r("x", Value(List{}))}); }
  SUBCASE("an answer to what nobody asked") { told.end(2, {r("x")}); }
  SUBCASE("an answer with another write") { told.begin(2, {w("x", 3)}).end(2, {w("x", 4)}); }
  SUBCASE("an answer with a write less") {
    told.begin(2, {w("x", 3), w("x", 4)}).end(2, {w("x", 3)});
  }
  SUBCASE("an answer with a write more") {
    told.begin(2, {w("x", 3)}).end(2, {w("x", 3), w("x", 4)});
  }
  CHECK(told.online().findings().ended == "unsupported");
  CHECK(told.found().empty());
  CHECK(told.online().findings().refuted.empty());
}

TEST_CASE("online rw-register: out of memory it keeps what it found") {
  ToldRegisters told("snapshot-isolation", {.bytes_max = 1000});
  told.begin(0, {r("x"), w("x", 1)}).begin(1, {r("x"), w("x", 2)});
  told.end(0, {r("x"), w("x", 1)}).end(1, {r("x"), w("x", 2)});
  for (int i = 0; i < 4096; ++i) told.both(2, {w("y", i)});
  CHECK(told.online().findings().ended == "memory");
  CHECK(told.found().find("lost-update 1") != std::string::npos);
}

TEST_CASE("online rw-register: an initial value is there before any write") {
  Told told(&make_rw_register, {{"model", "strict-serializable"}, {"initial", "0"}});
  told.both(0, {r("x", 0), w("x", 1)}).both(1, {r("x", 1)});
  CHECK(told.found().empty());
  SUBCASE("a read of it that comes too late") {
    told.both(1, {r("x", 0)});
    CHECK(told.found().find("G-single-item-realtime") != std::string::npos);
  }
  SUBCASE("nil was there never") {
    told.both(1, {r("x")});
    CHECK(told.online().findings().ended == "unsupported");
  }
  SUBCASE("written again, it could be either") {
    told.begin(1, {w("x", 0)});
    CHECK(told.online().findings().ended == "unsupported");
  }
}

TEST_CASE("online rw-register: who read what has long been replaced missed each that came after") {
  ToldRegisters told("snapshot-isolation");
  const int late = 200;
  for (int i = 1; i < late; ++i) told.both(0, {w("x", i), w("y", i)});
  SUBCASE("and the last one was yet to come") {
    told.begin(1, {r("x"), r("y")}).begin(0, {w("x", late), w("y", late)});
    told.end(0, {w("x", late), w("y", late)}).end(1, {r("x", late), r("y")});
    CHECK(told.found() == "G-single-item 1");
  }
  SUBCASE("and it is known only now that the last one came after it") {
    told.begin(1, {w("z", 1)}).both(0, {r("z", 1), w("x", late), w("y", late)});
    told.both(2, {r("x", late), r("y")});
    CHECK(told.found().empty());
    told.end(1, {w("z", 1)});
    CHECK(told.found() == "G-single-item 1");
  }
  SUBCASE("an early one, too") {
    told.both(1, {r("x", 1), r("y")});
    CHECK(told.found() == "G-single-item 1");
  }
}

TEST_CASE(
    "online rw-register: who replaced what had long been replaced does not come after itself") {
  ToldRegisters told("serializable");
  for (int i = 1; i < 200; ++i) told.both(0, {w("x", i)});
  told.both(1, {r("x"), w("x", 1000)});
  CHECK(told.found().empty());
  told.both(2, {r("x"), w("x", 1001)});
  CHECK_FALSE(told.found().empty());
}

TEST_CASE("online rw-register: without real time it is not fed") {
  CHECK(Told::made(&make_rw_register, {{"model", "serializable"}, {"real_time", "false"}})
            ->online({}) == nullptr);
}

TEST_CASE("online rw-register: texts are the same in every pool") {
  ToldRegisters told("serializable");
  const auto of = [](const char* f, const char* key, const Value& value) {
    return List{Value(List{f, key, value})};
  };
  told.feed(0, true, Fate::info, of("w", "x", "a")).feed(0, false, Fate::ok, of("w", "x", "a"));
  told.feed(1, true, Fate::info, of("r", "x", {})).feed(1, false, Fate::ok, of("r", "x", "a"));
  CHECK(told.found().empty());
  told.online().finish();
  CHECK(told.found().empty());
}

}  // namespace
}  // namespace faultline::online_rw_register_tests
