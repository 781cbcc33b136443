#include "nemesis/attest.h"

#include <doctest/doctest.h>

using namespace faultline;
using namespace std::chrono_literals;

TEST_CASE("attest: evidence is looked for once at least, and once more if looking took too long") {
  int looks = 0;
  const auto never = await(0s, [&]() -> Result<bool> { return ++looks < 0; });
  REQUIRE(never);
  CHECK_FALSE(*never);
  CHECK(looks == 1);

  looks = 0;
  const auto late = await(1ms, [&]() -> Result<bool> {
    const auto held_up = std::chrono::steady_clock::now() + 2ms;
    while (std::chrono::steady_clock::now() < held_up) {
    }
    return ++looks == 2;
  });
  REQUIRE(late);
  CHECK(*late);
}
