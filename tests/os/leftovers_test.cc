#include "harness/os/leftovers.h"

#include <doctest/doctest.h>
#include <unistd.h>

namespace faultline {
namespace {

using namespace std::string_literals;

TEST_CASE("a mark names its controller, and is found among other variables") {
  const std::string mark = run_mark("/some/runs/x");
  CHECK(mark.starts_with("FAULTLINE_RUN=1:" + std::to_string(::getpid()) + ":"));
  const auto read = parse_run_mark("PATH=/bin\0"s + mark + "\0HOME=/\0"s);
  REQUIRE(read);
  CHECK(read->pid == ::getpid());
  CHECK(read->start > 0);
  CHECK(read->pid_namespace > 0);
  CHECK(read->directory == "/some/runs/x");
  CHECK(parse_run_mark(mark)->directory == "/some/runs/x");
}

TEST_CASE("a mark may name a directory with colons, and ends with its variable") {
  const auto mark = parse_run_mark("FAULTLINE_RUN=1:7:8:9:/a:b/c\0X=1"s);
  REQUIRE(mark);
  CHECK(mark->pid == 7);
  CHECK(mark->start == 8);
  CHECK(mark->pid_namespace == 9);
  CHECK(mark->directory == "/a:b/c");
}

TEST_CASE("what is not beyond doubt a mark of ours is none") {
  for (const char* text :
       {"", "FAULTLINE_RUN", "FAULTLINE_RUN=", "FAULTLINE_RUN=1:", "FAULTLINE_RUN=2:7:8:9:/a",
        "FAULTLINE_RUN=1:7:8:/a", "FAULTLINE_RUN=1:7:8:9:a", "FAULTLINE_RUN=1:0:8:9:/a",
        "FAULTLINE_RUN=1:-7:8:9:/a", "FAULTLINE_RUN=1:7x:8:9:/a", "FAULTLINE_RUN=1:7:8:9",
        "XFAULTLINE_RUN=1:7:8:9:/a", "FAULTLINE_RUN=1:99999999999999999999:8:9:/a"})
    CHECK_FALSE_MESSAGE(parse_run_mark(text), text);
}

TEST_CASE("mounts are found below a directory, and not beside it") {
  CHECK(mounts_below("/nonexistent").empty());
  for (const auto& mount : mounts_below("/proc/sys"))
    CHECK(mount.string().starts_with("/proc/sys/"));
}

}  // namespace
}  // namespace faultline
