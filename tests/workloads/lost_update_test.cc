#include "tests/workloads/workload_maker.h"

namespace faultline {
namespace lost_update_workload_test {
namespace {

TEST_CASE("lost-update: a key is read, and then mostly written") {
  check_is_function_of_seed("lost-update");
  const auto workload = workload_of("lost-update", {});
  REQUIRE(workload);
  CHECK((*workload)->checks() == std::vector<std::string>{"rw-register"});
  CHECK((*workload)->model() == "cursor-stability");
  int writes = 0;
  for (const auto& worker : asked_of(**workload, 3, 500))
    for (const AskedTransaction& transaction : worker) {
      CHECK(transaction[0].kind == Access::Kind::read);
      if (transaction.size() == 1) continue;
      REQUIRE(transaction.size() == 2);
      CHECK(transaction[1].kind == Access::Kind::write);
      CHECK(transaction[1].key == transaction[0].key);
      ++writes;
    }
  CHECK(writes > 950);
  CHECK(writes < 1150);
}

}  // namespace
}  // namespace lost_update_workload_test
}  // namespace faultline
