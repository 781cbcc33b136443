#include "tests/system/test_threads.h"

#include "harness/os/program.h"
#include "tests/system/network.h"

namespace faultline::system_test {
namespace {

TEST_CASE("helper: a thread's REQUIRE fails" * doctest::skip()) {
  TestThreads threads;
  for (int i = 0; i < 3; ++i)
    threads.start([&, i] {
      REQUIRE(i != 1);
      CHECK(eventually([&] { return threads.over(); }));
    });
  threads.join();
  CHECK(threads.over());
}

TEST_CASE("helper: a thread throws" * doctest::skip()) {
  TestThreads threads;
  threads.start([] { throw std::runtime_error("out of luck"); });
}

TEST_CASE("helper: the test's own thread fails beside another" * doctest::skip()) {
  TestThreads threads;
  threads.start([&] { CHECK(eventually([&] { return threads.over(); })); });
  REQUIRE_FALSE(&threads != nullptr);
}

TEST_CASE("threads of a test: what fails on them fails the test, and nothing else") {
  for (const std::string name : {"a thread's REQUIRE fails", "a thread throws",
                                 "the test's own thread fails beside another"}) {
    CAPTURE(name);
    const auto ended = run_program(helper("helper: " + name), "", std::chrono::seconds(60));
    REQUIRE(ended);
    CHECK(ended->status == 1);  // An abort is 134.
    CHECK(ended->output.find("1 failed") != std::string::npos);
    CHECK((name != "a thread throws" || ended->output.find("out of luck") != std::string::npos));
  }
}

}  // namespace
}  // namespace faultline::system_test
