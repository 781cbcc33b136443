#include "tests/workloads/workload_maker.h"

namespace faultline {
namespace nonrepeatable_read_workload_test {
namespace {

TEST_CASE("nonrepeatable-read: a key is read twice, with another one between") {
  check_is_function_of_seed("nonrepeatable-read");
  const auto workload = workload_of("nonrepeatable-read", {});
  REQUIRE(workload);
  CHECK((*workload)->checks() == std::vector<std::string>{"rw-register"});
  CHECK((*workload)->model() == "repeatable-read");
  int writes = 0, twice = 0;
  for (const auto& worker : asked_of(**workload, 3, 500))
    for (const AskedTransaction& transaction : worker) {
      CHECK(transaction[0].kind == Access::Kind::read);
      CHECK(transaction.back().key == transaction[0].key);
      if (transaction.size() == 2) {
        CHECK(transaction[1].kind == Access::Kind::write);
        ++writes;
        continue;
      }
      REQUIRE(transaction.size() == 3);
      CHECK(transaction[1].key != transaction[0].key);
      CHECK(transaction[2].kind == Access::Kind::read);
      ++twice;
    }
  CHECK(writes > 500);
  CHECK(twice > 800);
}

}  // namespace
}  // namespace nonrepeatable_read_workload_test
}  // namespace faultline
