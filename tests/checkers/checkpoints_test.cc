// Where a sweep can go back to, and how far it does.
#include "checkers/linearizable/checkpoints.h"

#include <doctest/doctest.h>

namespace faultline::linearizable {
namespace {

TEST_CASE("checkpoints: few of many, and for every distance one at most about twice as far back") {
  Checkpoints<std::size_t> all(4);
  for (std::size_t at = 0; at <= 4000; ++at) {
    CHECK(all.is_due(at) == (at % 4 == 0));
    if (all.is_due(at)) all.keep(at, at, 1, 1 << 20);
  }
  std::size_t count = 0;
  all.each([&](std::size_t) { ++count; });
  CHECK(count >= 10);
  CHECK(count <= 24);
  for (const std::size_t distance : {4, 5, 40, 300, 1000, 2000}) {
    Checkpoints<std::size_t> copy = all;
    const std::size_t found = copy.back_to(4000 - distance);
    CAPTURE(distance);
    CHECK(found <= 4000 - distance);
    CHECK(4000 - found <= 2 * distance + 8);
  }
}

TEST_CASE("checkpoints: what comes after the moment gone back to is forgotten, and due again") {
  Checkpoints<std::size_t> all(10);
  for (std::size_t at = 0; at <= 50; at += 10) all.keep(at, at, 1, 1 << 20);
  const std::size_t found = all.back_to(35);
  CHECK(found <= 35);
  CHECK_FALSE(all.is_due(found));
  CHECK(all.is_due(found + 10));
  CHECK(all.back_to(0) == 0);
}

TEST_CASE("checkpoints: of a budget of memory no more than a sixteenth, the oldest go first") {
  CHECK(worth_keeping(64, 4096));
  CHECK_FALSE(worth_keeping(65, 4096));
  Checkpoints<std::size_t> all(1);
  for (std::size_t at = 0; at <= 100; ++at) {
    all.keep(at, at, 64, 4096);
    CHECK(all.bytes() <= 256);
  }
  CHECK(all.bytes() == 256);
  CHECK(all.back_to(0) > 0);
  CHECK(all.bytes() == 64);
  all.clear();
  CHECK(all.bytes() == 0);
  CHECK(all.empty());
}

TEST_CASE("repairs: farther and wider in one place, as at first in one further on") {
  Repairs repairs(100);
  CHECK(repairs.died(1000));
  CHECK(repairs.from() == 900);
  CHECK(repairs.widening() == 16);
  CHECK(repairs.until() == 1100);
  CHECK(repairs.died(950));
  CHECK(repairs.from() == 550);
  CHECK(repairs.widening() == 256);
  CHECK(repairs.until() == 1400);
  CHECK(repairs.died(5000));
  CHECK(repairs.from() == 4900);
  CHECK(repairs.widening() == 16);
  CHECK(repairs.died(5000));
  CHECK(repairs.from() == 4600);
  CHECK_FALSE(repairs.died(4999));
}

}  // namespace
}  // namespace faultline::linearizable
