#include <set>

#include "tests/workloads/workload_maker.h"

namespace faultline {
namespace sequential_workload_test {
namespace {

TEST_CASE("sequential: a worker writes its keys in order, and others read them backwards") {
  check_is_function_of_seed("sequential");
  const auto workload = workload_of("sequential", {});
  REQUIRE(workload);
  CHECK((*workload)->checks() == std::vector<std::string>{"rw-register"});
  CHECK((*workload)->model() == "strong-session-serializable");
  std::set<std::string> chains;
  const auto asked = asked_of(**workload, 3, 400);
  for (std::size_t worker = 0; worker < 3; ++worker) {
    int written = 0;
    for (const AskedTransaction& transaction : asked[worker]) {
      if (transaction[0].kind == Access::Kind::write) {
        REQUIRE(transaction.size() == 1);
        CHECK(transaction[0].key == "w" + std::to_string(worker) + "-" +
                                        std::to_string(written / 5) + "-" +
                                        std::to_string(written % 5));
        ++written;
        continue;
      }
      REQUIRE(transaction.size() == 5);
      const std::string chain = transaction[0].key.substr(0, transaction[0].key.size() - 1);
      chains.insert(chain);
      for (std::size_t i = 0; i < 5; ++i)
        CHECK(transaction[i].key == chain + std::to_string(4 - i));
    }
    CHECK(written == 200);
  }
  CHECK(chains.size() > 60);
  CHECK(refusal_of("sequential", {{"places", "3"}}).find("places") != std::string::npos);
}

}  // namespace
}  // namespace sequential_workload_test
}  // namespace faultline
