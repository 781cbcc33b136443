#include <string>

#include <doctest/doctest.h>

#include "harness/os/init.h"
#include "harness/os/world.h"

namespace faultline {
namespace {

TEST_CASE("hidden subcommands: a process knows by its command line that it was started for one") {
  using namespace std::string_literals;
  const std::string nursery = nursery_argument;
  CHECK(hidden_argument_of("/proc/self/exe\0"s + nursery + "\0"s + "0\0"s) == nursery);
  CHECK(hidden_argument_of("/proc/self/exe\0"s + nursery) == nursery);
  for (const std::string& other :
       {""s, "faultline"s, "faultline\0"s, nursery, nursery + "\0"s, "faultline\0run\0"s + nursery,
        "faultline\0"s + nursery + "x\0"s, "faultline\0"s + nursery.substr(1) + "\0"s})
    CHECK(hidden_argument_of(other).empty());
  CHECK(refuse_to_nest());
}

}  // namespace
}  // namespace faultline
