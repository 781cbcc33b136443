#include "harness/os/proc_list.h"

#include <doctest/doctest.h>

namespace faultline {
namespace {

constexpr const char* rest =
    "1 42 42 0 -1 4194560 160 0 0 0 0 0 0 0 20 0 7 0 5312 2711552 128 18446744073709551615\n";

TEST_CASE("a line of /proc/PID/stat gives pid, name, state and threads") {
  const auto stat = parse_proc_stat(std::string("42 (etcd) S ") + rest);
  REQUIRE(stat);
  CHECK(stat->process.pid == 42);
  CHECK(stat->process.command == "etcd");
  CHECK(stat->process.state == 'S');
  CHECK(stat->threads == 7);
}

TEST_CASE("a process's name may hold parentheses and spaces") {
  const auto stat = parse_proc_stat(std::string("7 (a) R (b) T ") + rest);
  REQUIRE(stat);
  CHECK(stat->process.command == "a) R (b");
  CHECK(stat->process.state == 'T');
}

TEST_CASE("what is no line of /proc/PID/stat is refused") {
  for (const char* text : {"", "42", "42 (x", "42 (x) S 1 2", "x (y) S 1 2 3", ") ("})
    CHECK_FALSE(parse_proc_stat(text));
}

}  // namespace
}  // namespace faultline
