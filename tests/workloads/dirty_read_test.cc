#include "tests/workloads/workload_maker.h"

namespace faultline {
namespace dirty_read_workload_test {
namespace {

TEST_CASE("dirty-read: both keys are read and written, or only read") {
  check_is_function_of_seed("dirty-read");
  const auto workload = workload_of("dirty-read", {});
  REQUIRE(workload);
  CHECK((*workload)->checks() == std::vector<std::string>{"rw-register"});
  CHECK((*workload)->model() == "read-committed");
  int writes = 0;
  for (const auto& worker : asked_of(**workload, 3, 500))
    for (const AskedTransaction& transaction : worker) {
      const bool writer = transaction.size() == 4;
      CHECK((writer || transaction.size() == 2));
      writes += writer;
      CHECK(transaction.front().key != transaction.back().key);
      CHECK(transaction.front().kind == Access::Kind::read);
      CHECK((transaction.back().kind == Access::Kind::write) == writer);
    }
  CHECK(writes > 800);
  CHECK(writes < 1000);
}

}  // namespace
}  // namespace dirty_read_workload_test
}  // namespace faultline
