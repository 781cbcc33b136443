#include <set>

#include "tests/workloads/workload_maker.h"

namespace faultline {
namespace causal_reverse_workload_test {
namespace {

TEST_CASE("causal-reverse: many write one after the other, and read all of a group") {
  check_is_function_of_seed("causal-reverse");
  const auto workload = workload_of("causal-reverse", {{"mix.read", "1"}, {"mix.write", "1"}});
  REQUIRE(workload);
  CHECK((*workload)->checks() == std::vector<std::string>{"causal-reverse"});
  std::set<std::string> written;
  int reads = 0;
  for (const auto& worker : asked_of(**workload, 5, 400))
    for (const AskedTransaction& transaction : worker) {
      reads += transaction[0].kind == Access::Kind::read;
      CHECK(transaction.size() == (transaction[0].kind == Access::Kind::read ? 16 : 1));
      if (transaction[0].kind == Access::Kind::write) written.insert(transaction[0].key);
    }
  CHECK(reads == 1000);
  CHECK(written.size() == 1000);
}

}  // namespace
}  // namespace causal_reverse_workload_test
}  // namespace faultline
