#include "harness/os/host_drops.h"

#include <fstream>

#include <doctest/doctest.h>

#include "tests/io/temporary_folder.h"

namespace faultline {
namespace {

TEST_CASE("host drops: the second and the third number of each processor, added up") {
  const TemporaryFolder folder;
  const auto file = folder.path() / "softnet_stat";
  const auto read = [&](const char* text) {
    std::ofstream(file) << text;
    return read_host_drops(file);
  };
  const auto two = read(
      "0003b9a8 0000000a 00000004 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
      "00000000 00000000 00000000\n"
      "0002aa31 000000f1 00000010 00000000 00000000 00000000 00000000 00000000 00000000 00000000 "
      "00000000 00000000 00000001\n");
  REQUIRE(two);
  CHECK(two->dropped == 0x0a + 0xf1);
  CHECK(two->squeezed == 0x14);
  REQUIRE(read("00000001 ffffffff 00000000\n"));
  CHECK(read("00000001 ffffffff 00000000\n")->dropped == 0xffffffff);
  CHECK_FALSE(read(""));
  CHECK_FALSE(read("00000001 00000002\n"));
  CHECK_FALSE(read("00000001 00000002 00000003\nnothing\n"));
  CHECK_FALSE(read_host_drops(folder.path() / "none"));
}

TEST_CASE("host drops: what rose since, and nothing that sank") {
  const HostDrops rose = HostDrops{12, 5}.since({10, 5});
  CHECK(rose.dropped == 2);
  CHECK(rose.squeezed == 0);
  const HostDrops sank = HostDrops{5, 9}.since({10, 5});
  CHECK(sank.dropped == 0);
  CHECK(sank.squeezed == 4);
}

}  // namespace
}  // namespace faultline
