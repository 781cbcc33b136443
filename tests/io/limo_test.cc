#include "tests/io/rows.h"

namespace faultline {
namespace {

TEST_CASE("limo: calls and returns in every spelling") {
  const Loaded loaded = loaded_from(
      "# a stack\n# @object atomic-stack\n\n[1] call push(1)\r\n  [2] call push b\n[1] return\n"
      "[1] call pop()\n[3] call pop(?<0,1>)\n[1] return b\n[3] return\n[1] call pop\n[1] return "
      "empty\n[1] call pop\n[1] return\n[4] call pop");
  CHECK(loaded.format == "limo");
  CHECK(loaded.model_hint == "stack");
  CHECK_FALSE(loaded.initial_hint);
  CHECK(rows_of(loaded.history) ==
        "0..2 p1 push  1 ok 1\n1..* p2 push  \"b\" info nil\n3..5 p1 pop  nil ok \"b\"\n"
        "4..6 p3 pop  nil ok \"?<0,1>\"\n7..8 p1 pop  nil ok nil\n9..10 p1 pop  nil ok nil\n"
        "11..* p4 pop  nil info nil\n");
}

TEST_CASE("limo: a queue, and one whose object is not named") {
  const Loaded loaded = loaded_from(
      "# @object atomic-queue\n[1] call enq(7)\n[1] return\n"
      "[1] call deq\n[1] return 7\n");
  CHECK(loaded.model_hint == "fifo-queue");
  CHECK(rows_of(loaded.history) == "0..1 p1 enqueue  7 ok 7\n2..3 p1 dequeue  nil ok 7\n");
  CHECK(loaded_from("[1] call push(1)\n").model_hint.empty());
}

TEST_CASE("limo: errors say line, column and what was expected") {
  const std::string head = "# @object atomic-stack\n";
  CHECK(refusal_of("# @object atomic-set\n[1] call push(1)") ==
        "1:1: expected the object atomic-stack or atomic-queue, found \"atomic-set\"");
  CHECK(refusal_of(head + "[1] call top()") ==
        "2:10: expected push, pop, enq or deq, found \"top\"");
  CHECK(refusal_of(head + "[1] call push()") == "2:10: expected what is put, as in push(1)");
  CHECK(refusal_of(head + "[1] call push(1") == "2:16: expected \")\", found the end of the line");
  CHECK(refusal_of(head + "[1] call push(1) 2") == "2:18: expected the end of the line, found 2");
  CHECK(refusal_of(head + "[x] call push(1)") ==
        "2:2: expected a thread's number, found x] call push(1)");
  CHECK(refusal_of(head + "[1] calls") == "2:9: expected push, pop, enq or deq, found \"s\"");
  CHECK(refusal_of(head + "[1] said 2") == "2:5: expected call or return, found said 2");
  CHECK(refusal_of(head + "[1] return 2") ==
        "2:1: process 1 completes an operation that it never invoked");
  CHECK(refusal_of(head + "[1] call pop\n  [1] call pop") ==
        "3:3: " + refusal_of(head + "[1] call pop\n  [1] call pop").substr(5));
  CHECK(refusal_of(head) == "1:1: expected a history, found no event");
}

}  // namespace
}  // namespace faultline
