// list-append while the history grows: each anomaly as soon as it is certain, and no sooner. Beside
// the checker of whole histories: tests/oracle/online_list_append_test.cc.
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "tests/checkers/online_told.h"

namespace faultline::online_list_append_tests {
namespace {

using Micro = Told::Micro;
Micro append(int key, int element) {
  const Value all = List{"append", key, element};
  return {all, all};
}
Micro read(int key, const std::vector<int>& list = {}) {
  return {List{"r", key, Value()}, List{"r", key, Value(List(list.begin(), list.end()))}};
}

struct ToldLists : Told {
  explicit ToldLists(const std::string& model = "strict-serializable", Budget budget = {})
      : Told(&make_list_append, {{"model", model}}, budget) {}
};

TEST_CASE("online list-append: nothing is found where nothing is wrong") {
  ToldLists told;
  told.both(0, {append(1, 1)}).both(1, {read(1, {1}), append(1, 2), read(1, {1, 2})});
  told.both(0, {append(1, 3)}, Fate::fail).both(2, {read(1, {1, 2}), read(2)});
  told.both(3, {append(2, 1)}, Fate::info).both(2, {read(2, {1})});
  CHECK(told.found().empty());
  told.online().finish();
  CHECK(told.found().empty());
  CHECK(told.online().findings().refuted.empty());
  CHECK(told.online().findings().ended.empty());
  CHECK(told.online().bytes() > 0);
}

TEST_CASE("online list-append: write skew is found when what was appended is read") {
  ToldLists told("serializable");
  told.begin(0, {read(1), append(2, 1)}).begin(1, {read(2), append(1, 1)});
  told.end(0, {read(1), append(2, 1)}).end(1, {read(2), append(1, 1)});
  CHECK(told.found().empty());
  told.both(2, {read(1, {1})});
  CHECK(told.found().empty());
  told.both(2, {read(2, {1})});
  CHECK(told.found() == "G2-item 1");
  SUBCASE("and counted once") {
    told.both(2, {read(1, {1}), read(2, {1})});
    CHECK(told.found() == "G2-item 1");
  }
  SUBCASE("and the next one, too") {
    told.begin(0, {read(3), append(4, 1)}).begin(1, {read(4), append(3, 1)});
    told.end(0, {read(3), append(4, 1)}).end(1, {read(4), append(3, 1)});
    told.both(2, {read(3, {1}), read(4, {1})});
    CHECK(told.found() == "G2-item 2");
  }
}

TEST_CASE("online list-append: a cycle that comes to another one is not counted beside it") {
  ToldLists told("serializable");
  told.begin(0, {read(1), append(2, 1)}).begin(1, {read(2), append(1, 1)});
  told.begin(2, {read(1), read(2, {1})});
  told.end(0, {read(1), append(2, 1)}).end(1, {read(2), append(1, 1)});
  told.both(3, {read(1, {1}), read(2, {1})});
  CHECK(told.found() == "G2-item 1");
  told.end(2, {read(1), read(2, {1})});
  CHECK(told.found() == "G2-item 1");
}

TEST_CASE("online list-append: what the model permits is no violation") {
  ToldLists told("snapshot-isolation");
  told.begin(0, {read(1), append(2, 1)}).begin(1, {read(2), append(1, 1)});
  told.end(0, {read(1), append(2, 1)}).end(1, {read(2), append(1, 1)});
  told.both(2, {read(1, {1}), read(2, {1})});
  CHECK(told.found().empty());
  CHECK(told.online().findings().refuted.front() == "repeatable-read");
}

TEST_CASE("online list-append: what was appended and not read counts in the end") {
  ToldLists told("serializable");
  told.begin(0, {read(1), append(2, 1)}).begin(1, {read(2), append(1, 1)});
  told.end(0, {read(1), append(2, 1)}).end(1, {read(2), append(1, 1)});
  CHECK(told.found().empty());
  told.online().finish();
  CHECK(told.found() == "G2-item 1");
}

TEST_CASE("online list-append: a read of what is still open waits for its end") {
  ToldLists told("read-committed");
  told.begin(0, {append(1, 1), append(1, 2)}).both(1, {read(1, {1})});
  CHECK(told.found().empty());
  SUBCASE("an aborted read") {
    told.end(0, {append(1, 1), append(1, 2)}, Fate::fail);
    CHECK(told.found() == "G1a 1");
    told.both(1, {read(1, {1})});
    CHECK(told.found() == "G1a 2");
  }
  SUBCASE("an intermediate read") {
    told.end(0, {append(1, 1), append(1, 2)});
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

TEST_CASE("online list-append: a cycle through what is still open waits for its end") {
  ToldLists told("serializable");
  told.begin(0, {read(1), append(2, 1)}).begin(1, {read(2), append(1, 1)});
  told.end(0, {read(1), append(2, 1)});
  told.both(2, {read(1, {1}), read(2, {1})});
  CHECK(told.found().empty());
  SUBCASE("ok") {
    told.end(1, {read(2), append(1, 1)});
    CHECK(told.found() == "G2-item 1");
  }
  SUBCASE("an info's reads are not known") {
    told.end(1, {}, Fate::info);
    CHECK(told.found().empty());
  }
  SUBCASE("failed") {
    told.end(1, {}, Fate::fail);
    CHECK(told.found() == "G1a 1");
  }
}

TEST_CASE("online list-append: what nobody asked for breaks real time at once") {
  ToldLists told;
  told.both(0, {read(1, {7})});
  CHECK(told.found() == "garbage-read 1");
  SUBCASE("it is garbage in the end") {
    told.online().finish();
    CHECK(told.found() == "garbage-read 1");
    CHECK(told.online().findings().refuted.front() == "read-uncommitted");
  }
  SUBCASE("somebody asks later") {
    CHECK(told.online().findings().refuted.front() == "strong-read-committed");
    told.both(1, {append(1, 7)});
    CHECK(told.found() == "G1c-realtime 1");
  }
}

TEST_CASE("online list-append: a model without real time waits for who may ask later") {
  ToldLists told("serializable");
  told.both(0, {read(1, {7})});
  CHECK(told.found().empty());
  SUBCASE("somebody does") {
    told.both(1, {append(1, 7)});
    told.online().finish();
    CHECK(told.found().empty());
  }
  SUBCASE("nobody does") {
    told.online().finish();
    CHECK(told.found() == "garbage-read 1");
  }
}

TEST_CASE(
    "online list-append: what nobody asked for, in a list that does not fit, and then in one") {
  ToldLists told("read-uncommitted");
  told.both(0, {read(1, {3}), read(1, {6})}).both(1, {read(1, {3, 6})});
  CHECK(told.found().empty());
  told.both(2, {append(1, 3)}, Fate::fail).both(2, {append(1, 6)}, Fate::fail);
  told.online().finish();
  CHECK(told.found().empty());
  CHECK(told.online().findings().refuted.front() == "read-committed");
}

TEST_CASE("online list-append: what single transactions prove") {
  ToldLists told;
  told.both(0, {append(1, 1), append(1, 2)});
  SUBCASE("an element twice") {
    told.both(1, {read(1, {1, 2, 1})});
    CHECK(told.found() == "duplicate-elements 1");
  }
  SUBCASE("neither list can have become the other") {
    told.both(1, {read(1, {1, 2})}).both(2, {read(1, {2})});
    CHECK(told.found() == "incompatible-order 1");
  }
  SUBCASE("what failed, in a list that does not fit") {
    told.both(1, {append(1, 3)}, Fate::fail).both(1, {read(1, {1, 2})}).both(2, {read(1, {3})});
    CHECK(told.found() == "G1a 1, incompatible-order 1");
  }
  SUBCASE("two of one transaction the other way round") {
    told.both(1, {read(1, {2, 1})});
    CHECK(told.found() == "G1b 1, internal 1");
  }
  SUBCASE("a list that shrank") {
    told.both(1, {read(1, {1, 2}), read(1, {1})});
    CHECK(told.found() == "G-single-item 1, G-single-item-realtime 1, G1b 1, internal 1");
  }
  SUBCASE("not one's own append") {
    told.both(1, {append(1, 3), read(1, {1, 2})}).both(2, {read(1, {1, 2, 3})});
    CHECK(told.found() == "internal 1");
  }
  SUBCASE("one's own append before it") {
    told.both(1, {read(1, {1, 2, 3}), append(1, 3)});
    CHECK(told.found() == "future-read 1");
  }
  SUBCASE("behind what failed") {
    told.both(1, {append(1, 3)}, Fate::fail).both(2, {append(1, 4)});
    CHECK(told.found().empty());
    told.both(2, {append(1, 5)}).both(3, {read(1, {1, 2, 3, 4, 5})});
    CHECK(told.found() == "G1a 1, dirty-update 1");
  }
  SUBCASE("behind what failed, behind what nobody asked for") {
    told.both(1, {append(1, 3)}, Fate::fail).both(2, {append(1, 4)});
    told.both(3, {read(1, {1, 2, 9, 3, 4})});
    CHECK(told.found() == "G1a 1, garbage-read 1");
    told.online().finish();
    CHECK(told.found().find("dirty-update 1") != std::string::npos);
  }
}

TEST_CASE("online list-append: a lost update is found when the second one ends") {
  ToldLists told("consistent-view");
  told.begin(0, {read(1), append(1, 1)}).begin(1, {read(1), append(1, 2)});
  told.end(0, {read(1), append(1, 1)});
  CHECK(told.found().empty());
  told.end(1, {read(1), append(1, 2)});
  CHECK(told.found() == "lost-update 1");
}

TEST_CASE("online list-append: who reads what it writes only later loses no update by that") {
  ToldLists told("snapshot-isolation");
  told.begin(0, {read(1, {1}), append(1, 1)}).begin(1, {read(1, {1}), append(1, 2)});
  told.end(0, {read(1, {1}), append(1, 1)}).end(1, {read(1, {1}), append(1, 2)});
  CHECK(told.found() == "future-read 1");
}

TEST_CASE("online list-append: a stale read is one of real time alone") {
  ToldLists told;
  told.both(0, {append(1, 1)}).both(1, {read(1, {1})});
  CHECK(told.found().empty());
  told.both(2, {read(1)});
  // Of the two that it should have known of.
  CHECK(told.found() == "G-single-item-realtime 2");
}

TEST_CASE("online list-append: a longer list that contradicts takes back what followed from it") {
  ToldLists told("read-uncommitted");
  told.begin(0, {append(1, 1), append(2, 1)}).begin(1, {append(1, 2), append(2, 2)});
  told.end(0, {append(1, 1), append(2, 1)}).end(1, {append(1, 2), append(2, 2)});
  told.both(2, {append(2, 3)});
  told.both(3, {read(1, {1, 2}), read(2, {2, 1})});
  CHECK(told.found() == "G0 1");
  told.both(3, {read(2, {1, 2, 3})});
  CHECK(told.found().empty());
  CHECK(told.online().findings().refuted.front() == "read-committed");
  told.online().finish();
  CHECK(told.found().empty());
}

TEST_CASE("online list-append: what it cannot judge, it says nothing of") {
  ToldLists told("consistent-view");
  told.begin(0, {read(1), append(1, 1)}).begin(1, {read(1), append(1, 2)});
  told.end(0, {read(1), append(1, 1)}).end(1, {read(1), append(1, 2)});
  CHECK(told.found() == "lost-update 1");
  SUBCASE("an element that is appended twice") { told.begin(2, {append(1, 2)}); }
  SUBCASE("no transaction") { told.feed(2, true, Fate::info, 7); }
  SUBCASE("no such micro-operation") {
    told.feed(2, true, Fate::info, List{Value(List{"w", 1, 2})});
  }
  SUBCASE("an element that is a list") {
    told.feed(2, true, Fate::info, List{Value(List{"append", 1, Value(List{})})});
  }
  SUBCASE("an answer to what nobody asked") { told.end(2, {read(1)}); }
  SUBCASE("an answer with another append") { told.begin(2, {append(1, 3)}).end(2, {append(1, 4)}); }
  SUBCASE("an answer with an append less") {
    told.begin(2, {append(1, 3), append(1, 4)}).end(2, {append(1, 3)});
  }
  CHECK(told.online().findings().ended == "unsupported");
  CHECK(told.found().empty());
  CHECK(told.online().findings().refuted.empty());
}

TEST_CASE("online list-append: out of memory it keeps what it found") {
  ToldLists told("consistent-view", {.bytes_max = 1000});
  told.begin(0, {read(1), append(1, 1)}).begin(1, {read(1), append(1, 2)});
  told.end(0, {read(1), append(1, 1)}).end(1, {read(1), append(1, 2)});
  for (int i = 0; i < 4096; ++i) told.both(2, {append(2, i)});
  CHECK(told.online().findings().ended == "memory");
  CHECK(told.found() == "lost-update 1");
}

TEST_CASE("online list-append: what is decided of whole histories alone it may not find") {
  for (const char* model :
       {"read-atomic", "prefix", "causal", "cursor-stability", "update-atomic"}) {
    ToldLists told(model);
    CHECK_MESSAGE(!told.online().finds_all(), model);
    told.both(0, {append(1, 1)}, Fate::fail).both(1, {read(1, {1})});
    CHECK_MESSAGE(told.found() == "G1a 1", model);
  }
  for (const char* model : {"strict-serializable", "serializable", "read-committed"})
    CHECK_MESSAGE(ToldLists(model).online().finds_all(), model);
}

TEST_CASE("online list-append: texts are the same in every pool") {
  ToldLists told("serializable");
  const auto micro = [](const char* f, const char* key, const Value& value) {
    return Value(List{f, key, value});
  };
  const auto transaction = [&](std::uint32_t process, const Value& asked, const Value& answered) {
    told.feed(process, true, Fate::info, asked).feed(process, false, Fate::ok, answered);
  };
  const Value a = List{micro("append", "x", "a")}, b = List{micro("append", "x", "b")};
  transaction(0, a, a);
  transaction(1, b, b);
  const Value nothing = List{micro("r", "x", {})};
  transaction(2, nothing, List{micro("r", "x", List{"a", "b"})});
  transaction(2, nothing, List{micro("r", "x", List{"a"})});
  CHECK(told.found().empty());
  transaction(2, nothing, List{micro("r", "x", List{"b"})});
  CHECK(told.online().findings().refuted.front() == "read-committed");
  CHECK(told.found() == "incompatible-order 1");
}

}  // namespace
}  // namespace faultline::online_list_append_tests
