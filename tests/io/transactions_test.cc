// The formats of transactions without real time: awdit, plume, dbcop.
#include <cstdint>

#include "tests/io/rows.h"

namespace faultline {
namespace {

TEST_CASE("awdit: transactions and sessions") {
  const Loaded loaded = loaded_from(
      "w 0 1\nr x -2\n-----\nr 0 1\n=====\n-----\nw 0 2\n-----\n-----\nw 0 3\n=====\nr 1 0");
  CHECK(loaded.format == "awdit");
  CHECK_FALSE(loaded.has_real_time);
  CHECK(rows_of(loaded.history) ==
        R"(0..1 p0 txn  [["w", 0, 1], ["r", "x", nil]] ok [["w", 0, 1], ["r", "x", -2]]
2..3 p0 txn  [["r", 0, nil]] ok [["r", 0, 1]]
4..5 p1 txn  [["w", 0, 2]] ok [["w", 0, 2]]
6..7 p1 txn  [["w", 0, 3]] ok [["w", 0, 3]]
8..9 p2 txn  [["r", 1, nil]] ok [["r", 1, 0]]
)");
  CHECK(refusal_of("w 0 1\n=====\nx 1 2\n") == "3:1: expected w, r, ----- or =====, found x 1 2");
  CHECK(refusal_of("w 0 1\nr 1\n") == "2:1: expected a key and a value");
  CHECK(refusal_of("w 0 1 2\n") == "1:7: expected the end of the line, found 2");
}

TEST_CASE("plume: operations of one transaction stand together in its session") {
  const Loaded loaded =
      loaded_from("w(1,1,7,10)\nr( 2 , null , 7 , 10 )\nw(1,2,8,12)\nr(1,1,7,11)\nr(k,,8,12)\n");
  CHECK(loaded.format == "plume");
  CHECK_FALSE(loaded.has_real_time);
  CHECK(rows_of(loaded.history) ==
        R"(0..1 p0 txn  [["w", 1, 1], ["r", 2, nil]] ok [["w", 1, 1], ["r", 2, nil]]
2..3 p1 txn  [["w", 1, 2], ["r", "k", nil]] ok [["w", 1, 2], ["r", "k", nil]]
4..5 p0 txn  [["r", 1, nil]] ok [["r", 1, 1]]
)");
  const std::string apart = ": expected the operations of transaction 10 together in one session";
  CHECK(refusal_of("w(1,1,7,10)\nw(1,2,7,11)\nw(1,3,7,10)") == "3:1" + apart);
  CHECK(refusal_of("w(1,1,7,10)\nw(1,2,8,10)") == "2:1" + apart);
  CHECK(refusal_of("w(1,1,7,10)\nw(1,2,8)") == "2:8: expected \",\", found )");
  CHECK(refusal_of("w(1,1,7,10)\nw(1,2,8,x)") == "2:9: expected a transaction's number, found x)");
  CHECK(refusal_of("w(1,null,7,10)") == "1:1: expected a value to write");
  CHECK(refusal_of("w(,1,7,10)") == "1:3: expected a key, found ,1,7,10)");
  CHECK(refusal_of("w(1,1,7,10)\nx") == "2:1: expected r( or w(, found x");
}

std::string little_endian(std::uint64_t v) {
  std::string out;
  for (int i = 0; i < 8; ++i) out += static_cast<char>(v >> 8 * i & 0xff);
  return out;
}

std::string dbcop_event(bool is_write, std::uint64_t variable, std::uint64_t value, bool success) {
  return std::string(1, static_cast<char>(is_write)) + little_endian(variable) +
         little_endian(value) + std::string(1, static_cast<char>(success));
}

/// One session of two transactions, of which the second failed; and an empty one.
std::string dbcop_history() {
  std::string out;
  for (const std::uint64_t count : {10u, 1u, 2u, 2u, 3u}) out += little_endian(count);
  for (const std::string text : {"info", "then", ""}) out += little_endian(text.size()) + text;
  out += little_endian(2) + little_endian(2);
  out += little_endian(3) + dbcop_event(true, 1, 5, true) + dbcop_event(false, 1, 5, true) +
         dbcop_event(false, 2, 9, false) + '\1';
  out += little_endian(1) + dbcop_event(true, 1, ~std::uint64_t{0}, true) + '\0';
  return out + little_endian(0);
}

TEST_CASE("dbcop: what failed is marked or left out") {
  const Loaded loaded = loaded_from(dbcop_history());
  CHECK(loaded.format == "dbcop");
  CHECK_FALSE(loaded.has_real_time);
  CHECK(rows_of(loaded.history) ==
        R"(0..1 p0 txn  [["w", 1, 5], ["r", 1, nil]] ok [["w", 1, 5], ["r", 1, 5]]
2..3 p0 txn  [["w", 1, -1]] fail nil
)");
}

TEST_CASE("dbcop: whatever is cut off or damaged is refused, and where is said") {
  const std::string whole = dbcop_history();
  for (std::size_t size = 64; size < whole.size(); ++size) {
    const std::string what = refusal_of(whole.substr(0, size));
    CHECK_MESSAGE(what.starts_with("0:0: expected "), size, " ", what);
    CHECK_MESSAGE(what.find(" at byte ") != std::string::npos, size, " ", what);
  }
  CHECK(refusal_of(whole + "x") ==
        "0:0: expected the end of the file at byte " + std::to_string(whole.size()));
  std::string odd = whole;
  odd[whole.size() - 9] = 7;
  CHECK(refusal_of(odd) == "0:0: expected whether a transaction was committed, 0 or 1, at byte " +
                               std::to_string(whole.size() - 9));
  std::string huge = whole;
  huge[72 + 7] = '\x7f';  // of the number of sessions
  CHECK(refusal_of(huge).find("that the file has room for at byte 72") != std::string::npos);
}

}  // namespace
}  // namespace faultline
