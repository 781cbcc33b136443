#include <set>

#include <doctest/doctest.h>

#include "workloads/workloads.h"

namespace faultline {
namespace rw_register_workload {
namespace {

std::vector<Request> asked(std::vector<std::pair<std::string, std::string>> settings) {
  ConfigNode node;
  for (const auto& [key, text] : settings) node.members.push_back({key, {}, ConfigNode::of(text)});
  Params params(node, "workload rw-register");
  const std::vector<Function> transactions = {Function::txn};
  const auto workload = make_rw_register(params, transactions);
  REQUIRE(workload);
  CHECK(params.finish());
  CHECK((*workload)->checks() == std::vector<std::string>{"rw-register"});
  std::vector<Request> requests;
  for (std::size_t worker = 0; worker < 3; ++worker) {
    const auto generator = (*workload)->generator(Rng(worker), worker, 3);
    for (int i = 0; i < 1000; ++i) requests.push_back(generator->next());
  }
  return requests;
}

TEST_CASE("rw-register: reads, and writes of unique values") {
  std::set<std::int64_t> values;
  std::size_t reads = 0, writes = 0;
  for (const Request& request : asked({})) {
    const auto accesses = accesses_of(request.value);
    REQUIRE(accesses);
    for (const Access& access : *accesses)
      if (access.kind == Access::Kind::read) {
        ++reads;
      } else {
        CHECK(access.kind == Access::Kind::write);
        values.insert(*access.value->integer());
        ++writes;
      }
  }
  CHECK(reads > 3000);
  CHECK(writes > 3000);
  CHECK(values.size() == writes);
}

TEST_CASE("rw-register: with read_first, what is written was read before") {
  for (const Request& request : asked({{"read_first", "true"}, {"keys", "3"}})) {
    const auto accesses = accesses_of(request.value);
    REQUIRE(accesses);
    std::set<std::string> read;
    for (const Access& access : *accesses)
      if (access.kind == Access::Kind::read)
        read.insert(key_name(*access.key));
      else
        CHECK(read.contains(key_name(*access.key)));
  }
}

TEST_CASE("rw-register: what it does not know is refused") {
  ConfigNode node;
  node.members.push_back({"write_per_key", {}, ConfigNode::of("3")});
  Params params(node, "workload rw-register");
  const std::vector<Function> transactions = {Function::txn};
  CHECK(make_rw_register(params, transactions));
  const Status finished = params.finish();
  REQUIRE_FALSE(finished);
  CHECK(finished.error().what.find("did you mean \"writes_per_key\"") != std::string::npos);
}

}  // namespace
}  // namespace rw_register_workload
}  // namespace faultline
