#include "harness/run/progress.h"

#include <doctest/doctest.h>

namespace faultline {
namespace {

TEST_CASE("progress: a line says what was found so far, before the faults") {
  using namespace std::chrono_literals;
  Progress progress;
  progress.phase = "load";
  progress.elapsed = 12s;
  progress.left = 48s;
  progress.counts.ok = 23'760;
  progress.counts.fail = 12;
  progress.counts.info = 3;
  CHECK(progress_line(progress, 21'780, 1) == "12 s of 60 s  1,980/s  ok 23,760  fail 12  info 3");
  progress.violation = "anomalies: G-single-item 3, lost-update 1";
  progress.active = {"pause n1"};
  progress.crashes = 1;
  CHECK(progress_line(progress, 21'780, 1) ==
        "12 s of 60 s  1,980/s  ok 23,760  fail 12  info 3  crashed 1"
        "  anomalies: G-single-item 3, lost-update 1  [pause n1]");
  progress.elapsed = progress.left = 0s;
  CHECK(progress_line(progress, 0, 1) == "load");
}

}  // namespace
}  // namespace faultline
