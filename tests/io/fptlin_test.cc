#include "tests/io/rows.h"

namespace faultline {
namespace {

TEST_CASE("fptlin: intervals are half open, and a process that overlaps itself is several") {
  const Loaded loaded = loaded_from(
      "# queue\n0 5 9 ENQ 10\n1 1 5 DEQ -1\n0 9 12 PEEK 10\n\n2 13 13 DEQ 10\n0 13 14 PEEK -1\n"
      "3 20 25 ENQ 1\n3 24 26 ENQ 2\n");
  CHECK(loaded.format == "fptlin");
  CHECK(loaded.model_hint == "fifo-queue");
  CHECK(rows_of(loaded.history) ==
        "0..1 p1 dequeue  nil ok nil\n2..3 p0 enqueue  10 ok 10\n4..5 p0 read  nil ok 10\n"
        "6..8 p2 dequeue  nil ok 10\n7..9 p0 read  nil ok nil\n"
        "10..12 p3 enqueue  1 ok 1\n11..13 p4 enqueue  2 ok 2\n");
}

TEST_CASE("fptlin: every object and method") {
  const auto rows = [](std::string_view text, std::string_view model, std::string_view initial) {
    const Loaded loaded = loaded_from(text);
    CHECK(loaded.model_hint == model);
    CHECK(loaded.initial_hint.value_or("none") == initial);
    return rows_of(loaded.history);
  };
  CHECK(rows("# stack\n0 0 1 PUSH 1\n0 2 3 POP 1\n0 4 5 PEEK -1", "stack", "none") ==
        "0..1 p0 push  1 ok 1\n2..3 p0 pop  nil ok 1\n4..5 p0 read  nil ok nil\n");
  CHECK(rows("# priorityqueue\n0 0 1 INSERT 1\n0 2 3 POLL 1\n0 4 5 PEEK 2", "max-priority-queue",
             "none") ==
        "0..1 p0 enqueue  1 ok 1\n2..3 p0 dequeue  nil ok 1\n4..5 p0 read  nil ok 2\n");
  CHECK(rows("# set\n0 0 1 INSERT 1 1\n0 2 3 REMOVE 1 0\n0 4 5 CONTAINS 2 1", "set", "none") ==
        "0..1 p0 add  1 ok true\n2..3 p0 remove  1 ok false\n4..5 p0 contains  2 ok true\n");
  CHECK(rows("# semaphore\n0 0 1 INCR 1\n0 2 3 DECR 1\n0 4 5 DECR 0", "semaphore", "0") ==
        "0..1 p0 release  nil ok nil\n2..3 p0 acquire  nil ok nil\n4..5 p0 acquire  nil mismatch "
        "nil\n");
  CHECK(rows("# rmw\n0 0 1 READ_MODIFY_WRITE 0 2", "cas-register", "0") ==
        "0..1 p0 cas  [0, 2] ok [0, 2]\n");
}

TEST_CASE("fptlin: errors say line, column and what was expected") {
  CHECK(refusal_of("# queue\n0 0 1 PUSH 1") ==
        "2:7: expected a method of a queue (ENQ, DEQ, PEEK), found \"PUSH\"");
  CHECK(refusal_of("# queue\n0 0 ENQ 1") == "2:5: expected the time of the return, found ENQ 1");
  CHECK(refusal_of("# queue\n0 5 4 ENQ 1") == "2:5: expected a return that is not before the call");
  CHECK(refusal_of("# queue\n0 0 1 ENQ") == "2:10: expected a value, found the end of the line");
  CHECK(refusal_of("# queue\n0 0 1 ENQ 1 2") == "2:13: expected the end of the line, found 2");
  CHECK(refusal_of("# set\n0 0 1 INSERT 1 2") == "2:16: expected 1 or 0");
  CHECK(refusal_of("# set\n-1 0 1 INSERT 1 2") ==
        "2:1: expected a process, found -1 0 1 INSERT 1 2");
  CHECK(refusal_of("# rmw\n") == "1:1: expected a history, found no event");
}

}  // namespace
}  // namespace faultline
