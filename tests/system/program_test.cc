#include "harness/os/program.h"

#include <doctest/doctest.h>

namespace faultline::system_test {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds long_enough{10'000};

TEST_CASE("a helper program gets its input and gives its output and status") {
  const auto result =
      run_program({"/bin/sh", "-c", "cat; echo err >&2; exit 3"}, "to be read\n", long_enough);
  REQUIRE(result);
  CHECK(result->status == 3);
  CHECK(result->output == "to be read\nerr\n");
}

TEST_CASE("a helper program that ends by a signal, cannot start, or does not end") {
  const auto killed = run_program({"/bin/sh", "-c", "kill -TERM $$"}, "", long_enough);
  REQUIRE(killed);
  CHECK(killed->status == 128 + 15);
  const auto missing = run_program({"/nowhere/nft"}, "", long_enough);
  REQUIRE_FALSE(missing);
  CHECK(missing.error().what == "execute /nowhere/nft: No such file or directory");
  const auto endless = run_program({"/bin/sleep", "1000"}, "", milliseconds(20));
  REQUIRE_FALSE(endless);
  CHECK(endless.error().what == "/bin/sleep: no end within 20 ms");
}

TEST_CASE("programs are found in PATH and in the system's own folders") {
  CHECK(find_program("sh").ends_with("/sh"));
  CHECK(find_program("no-such-program-here").empty());
}

}  // namespace
}  // namespace faultline::system_test
