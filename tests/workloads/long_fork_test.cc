#include <map>
#include <set>

#include "tests/workloads/workload_maker.h"

namespace faultline {
namespace long_fork_workload_test {
namespace {

TEST_CASE("long-fork: every key is written once, whole groups are read, in any order") {
  check_is_function_of_seed("long-fork");
  const auto workload = workload_of("long-fork", {});
  REQUIRE(workload);
  CHECK((*workload)->checks() == std::vector<std::string>{"long-fork"});
  CHECK((*workload)->functions() == std::vector<Function>{Function::txn});
  std::set<std::string> written;
  std::set<std::vector<std::string>> orders;
  std::map<std::string, int> read_of_group;
  int writes = 0;
  for (const auto& worker : asked_of(**workload, 4, 1000))
    for (const AskedTransaction& transaction : worker) {
      if (transaction[0].kind == Access::Kind::write) {
        CHECK(transaction.size() == 1);
        written.insert(transaction[0].key);
        ++writes;
        continue;
      }
      REQUIRE(transaction.size() == 3);
      const std::string group = transaction[0].key.substr(0, transaction[0].key.find('-') + 1);
      ++read_of_group[group];
      std::vector<std::string> order;
      std::set<std::string> keys;
      for (const AskedAccess& access : transaction) {
        CHECK(access.kind == Access::Kind::read);
        keys.insert(access.key);
        order.push_back(access.key.substr(group.size()));
      }
      CHECK(keys == std::set<std::string>{group + "0", group + "1", group + "2"});
      orders.insert(order);
    }
  CHECK(writes == 1200);
  CHECK(written.size() == 1200);
  CHECK(written.contains("g0-0"));
  CHECK(written.contains("g399-2"));
  CHECK(orders.size() == 6);
  // All workers read of the same groups, several times each.
  CHECK(read_of_group.size() > 390);
  CHECK(read_of_group["g200-"] >= 4);
}

TEST_CASE("long-fork: at the end every group is read once more") {
  const auto workload = workload_of("long-fork", {{"group_size", "2"}});
  REQUIRE(workload);
  const auto last = (*workload)->final_requests({"g1-1", "g0-0", "g12-0", "g1-0"});
  REQUIRE(last.size() == 3);
  CHECK(to_text(last[0].value) == R"([["r", "g0-0", nil], ["r", "g0-1", nil]])");
  CHECK(to_text(last[1].value) == R"([["r", "g1-0", nil], ["r", "g1-1", nil]])");
  CHECK(to_text(last[2].value) == R"([["r", "g12-0", nil], ["r", "g12-1", nil]])");
}

TEST_CASE("long-fork: what is refused") {
  CHECK(refusal_of("long-fork", {}, {Function::read}).find("does not understand txn") !=
        std::string::npos);
  CHECK(refusal_of("long-fork", {{"group_size", "1"}}).find("group_size") != std::string::npos);
  CHECK(refusal_of("long-fork", {{"group_size", "65"}}).find("group_size") != std::string::npos);
  CHECK(refusal_of("long-fork", {{"groupsize", "3"}}).find("did you mean \"group_size\"") !=
        std::string::npos);
  CHECK(refusal_of("long-fork", {{"mix.read", "0"}}).find("every weight is 0") !=
        std::string::npos);
}

}  // namespace
}  // namespace long_fork_workload_test
}  // namespace faultline
