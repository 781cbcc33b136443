#include <set>

#include "tests/workloads/workload_maker.h"

namespace faultline {
namespace write_skew_workload_test {
namespace {

TEST_CASE("write-skew: both keys of a pair are read, and one is written") {
  check_is_function_of_seed("write-skew");
  const auto workload = workload_of("write-skew", {});
  REQUIRE(workload);
  CHECK((*workload)->checks() == std::vector<std::string>{"rw-register"});
  CHECK((*workload)->model() == "serializable");
  int writes = 0, other = 0;
  for (const auto& worker : asked_of(**workload, 3, 500))
    for (const AskedTransaction& transaction : worker) {
      REQUIRE(transaction.size() >= 2);
      CHECK(transaction[0].kind == Access::Kind::read);
      CHECK(transaction[1].kind == Access::Kind::read);
      CHECK(transaction[0].key != transaction[1].key);
      if (transaction.size() == 2) continue;
      REQUIRE(transaction.size() == 3);
      CHECK(transaction[2].kind == Access::Kind::write);
      CHECK((transaction[2].key == transaction[0].key || transaction[2].key == transaction[1].key));
      ++writes;
      other += transaction[2].key == transaction[1].key;
    }
  CHECK(writes > 1100);
  CHECK(other > 450);
  CHECK(other < 750);
}

TEST_CASE("write-skew: places are replaced, one after the other") {
  const auto workload =
      workload_of("write-skew", {{"places", "2"}, {"transactions_per_place", "50"}});
  REQUIRE(workload);
  std::map<std::string, int> asked;
  for (const auto& worker : asked_of(**workload, 2, 500))
    for (const AskedTransaction& transaction : worker) ++asked[transaction[0].key];
  CHECK(asked.size() > 18);
  CHECK(asked.size() < 24);
  for (const auto& [key, count] : asked) CHECK(count < 110);
  CHECK(refusal_of("write-skew", {{"place", "2"}}).find("did you mean \"places\"") !=
        std::string::npos);
  CHECK(refusal_of("write-skew", {{"width", "2"}}).find("width") != std::string::npos);
  CHECK(refusal_of("write-skew", {}, {Function::read}).find("does not understand txn") !=
        std::string::npos);
}

TEST_CASE("write-skew: values are unique, and at the end every key is read") {
  const auto workload = workload_of("write-skew", {});
  REQUIRE(workload);
  std::set<std::int64_t> values;
  int writes = 0;
  for (const auto& worker : asked_of(**workload, 3, 500))
    for (const AskedTransaction& transaction : worker)
      for (const AskedAccess& access : transaction)
        if (access.kind == Access::Kind::write) {
          ++writes;
          values.insert(*access.value.integer());
        }
  CHECK(values.size() == static_cast<std::size_t>(writes));
  std::vector<std::string> keys(9, "k");
  const auto last = (*workload)->final_requests(keys);
  REQUIRE(last.size() == 2);
  CHECK(last[0].value.list()->size() == 8);
  CHECK(last[1].value.list()->size() == 1);
}

}  // namespace
}  // namespace write_skew_workload_test
}  // namespace faultline
