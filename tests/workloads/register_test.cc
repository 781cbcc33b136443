#include <map>
#include <set>

#include <doctest/doctest.h>

#include "workloads/workloads.h"

namespace faultline {
namespace {

const std::vector<Function> all_verbs = {Function::read, Function::write, Function::cas};
const std::vector<Function> no_cas = {Function::read, Function::write};

ConfigNode mapping(std::vector<std::pair<std::string, ConfigNode>> members) {
  ConfigNode node;
  node.where = {"t.yaml", 3, 11};
  for (auto& [key, value] : members)
    node.members.push_back({key, {"t.yaml", 4, 3}, std::move(value)});
  for (ConfigNode::Member& member : node.members) member.value.where = {"t.yaml", 4, 9};
  return node;
}

Result<std::unique_ptr<Workload>> make(const ConfigNode& node,
                                       const std::vector<Function>& available = all_verbs) {
  Params params(node, "workload register");
  const auto entry = find_entry(workloads(), "workload", "register");
  REQUIRE(entry);
  auto made = (*entry)->make(params, available);
  if (!made) return made;
  if (const Status finished = params.finish(); !finished) return finished.error();
  return made;
}

std::unique_ptr<Workload> good(const ConfigNode& node,
                               const std::vector<Function>& available = all_verbs) {
  auto made = make(node, available);
  REQUIRE_MESSAGE(made, (made ? "" : made.error().what));
  return *std::move(made);
}

std::string error_of(const ConfigNode& node, const std::vector<Function>& available = all_verbs) {
  const auto made = make(node, available);
  REQUIRE_FALSE(made);
  CHECK(made.error().kind == ErrorKind::usage);
  return made.error().what;
}

std::vector<Request> asked(const Workload& workload, std::uint64_t seed, std::size_t worker,
                           std::size_t workers, std::size_t count) {
  const auto generator = workload.generator(Rng(seed).fork("worker", worker), worker, workers);
  std::vector<Request> requests;
  for (std::size_t i = 0; i < count; ++i) requests.push_back(generator->next());
  return requests;
}

std::map<Function, int> counted(const std::vector<Request>& requests) {
  std::map<Function, int> counts;
  for (const Request& request : requests) ++counts[request.function];
  return counts;
}

bool same(const Request& a, const Request& b) {
  return a.function == b.function && a.key == b.key && a.value == b.value &&
         a.expects_last_seen == b.expects_last_seen;
}

TEST_CASE("register: the same seed asks the same, another seed does not") {
  const auto workload = good(mapping({}));
  const auto first = asked(*workload, 7, 2, 5, 500), again = asked(*workload, 7, 2, 5, 500);
  CHECK(std::ranges::equal(first, again, same));
  CHECK_FALSE(std::ranges::equal(first, asked(*workload, 8, 2, 5, 500), same));
  CHECK_FALSE(std::ranges::equal(first, asked(*workload, 7, 3, 5, 500), same));
}

TEST_CASE("register: the default mix, with and without compare-and-set") {
  const auto with = good(mapping({}));
  CHECK(with->functions() == all_verbs);
  CHECK(with->checks() == std::vector<std::string>{"linearizable"});
  auto counts = counted(asked(*with, 1, 0, 1, 10'000));
  CHECK(counts[Function::read] == doctest::Approx(5000).epsilon(0.05));
  CHECK(counts[Function::write] == doctest::Approx(3000).epsilon(0.05));
  CHECK(counts[Function::cas] == doctest::Approx(2000).epsilon(0.05));

  const auto without = good(mapping({}), no_cas);
  CHECK(without->functions() == no_cas);
  counts = counted(asked(*without, 1, 0, 1, 10'000));
  CHECK(counts[Function::read] == doctest::Approx(6000).epsilon(0.05));
  CHECK(counts[Function::write] == doctest::Approx(4000).epsilon(0.05));
  CHECK(counts.size() == 2);
}

TEST_CASE("register: a mix is respected, and only what has weight is asked") {
  const auto workload = good(
      mapping({{"mix", mapping({{"read", ConfigNode::of("1")}, {"cas", ConfigNode::of("3")}})}}));
  CHECK(workload->functions() == std::vector<Function>{Function::read, Function::cas});
  auto counts = counted(asked(*workload, 3, 0, 2, 10'000));
  CHECK(counts[Function::read] == doctest::Approx(2500).epsilon(0.05));
  CHECK(counts.contains(Function::write) == false);
}

TEST_CASE("register: unique values are unique over all workers, in writes and compare-and-sets") {
  const auto workload = good(mapping({}));
  std::set<std::int64_t> seen;
  std::size_t values = 0;
  for (std::size_t worker = 0; worker < 7; ++worker)
    for (const Request& request : asked(*workload, 1, worker, 7, 2000)) {
      const Value* value = nullptr;
      if (request.function == Function::write) value = &request.value;
      if (request.function == Function::cas) {
        REQUIRE(request.value.list()->size() == 2);
        CHECK(request.value.list()->front().is_nil());
        value = &request.value.list()->back();
      }
      CHECK(request.expects_last_seen == (request.function == Function::cas));
      if (request.function == Function::read) CHECK(request.value.is_nil());
      if (value == nullptr) continue;
      REQUIRE(value->integer() != nullptr);
      CHECK(*value->integer() > 0);
      seen.insert(*value->integer());
      ++values;
    }
  CHECK(values > 5000);
  CHECK(seen.size() == values);
}

TEST_CASE("register: small values repeat") {
  const auto workload = good(mapping({{"values", ConfigNode::of("5")}}));
  std::set<std::int64_t> seen;
  for (const Request& request : asked(*workload, 1, 0, 3, 1000))
    if (request.function == Function::write) seen.insert(*request.value.integer());
  CHECK(seen == std::set<std::int64_t>{0, 1, 2, 3, 4});
}

TEST_CASE("register: keys are used evenly and retired after about ops_per_key operations") {
  const auto workload =
      good(mapping({{"keys", ConfigNode::of("4")}, {"ops_per_key", ConfigNode::of("100")}}));
  std::map<std::string, int> operations;
  constexpr std::size_t workers = 5, each = 800;  // Ten generations of four keys.
  for (std::size_t worker = 0; worker < workers; ++worker)
    for (const Request& request : asked(*workload, 1, worker, workers, each))
      ++operations[request.key];
  // Slots begin their second generation one after the other: the first of slot 3 is short.
  CHECK(operations.size() == 4 * 10 + 3);
  for (int key = 4; key < 40; ++key) {
    CAPTURE(key);
    CHECK(operations["k" + std::to_string(key)] == doctest::Approx(100).epsilon(0.35));
  }
  CHECK(operations["k3"] < operations["k0"]);
}

TEST_CASE("register: a worker's keys depend on its own count only") {
  const auto workload =
      good(mapping({{"keys", ConfigNode::of("1")}, {"ops_per_key", ConfigNode::of("10")}}));
  const auto requests = asked(*workload, 1, 0, 2, 11);
  CHECK(requests[4].key == "k0");
  CHECK(requests[5].key == "k1");
  CHECK(requests[9].key == "k1");
  CHECK(requests[10].key == "k2");
}

TEST_CASE("register: the last question is a read of every key") {
  const auto reads = good(mapping({}))->final_requests({"k3", "k9"});
  REQUIRE(reads.size() == 2);
  CHECK(reads[1].function == Function::read);
  CHECK(reads[1].key == "k9");
  CHECK(reads[1].value.is_nil());
}

TEST_CASE("register: bad parameters are refused with their place") {
  CHECK(error_of(mapping({{"mix", mapping({{"raed", ConfigNode::of("1")}})}})) ==
        "t.yaml:4:3: mix: unknown key \"raed\", did you mean \"read\"?");
  CHECK(error_of(mapping({{"mix", mapping({{"read", ConfigNode::of("0")}})}})) ==
        "t.yaml:4:9: mix: every weight is 0");
  CHECK(error_of(mapping({{"values", ConfigNode::of("some")}})).find("values") !=
        std::string::npos);
  CHECK(error_of(mapping({{"keys", ConfigNode::of("0")}})).find("from 1 to") != std::string::npos);
  CHECK(error_of(mapping({{"distribution", ConfigNode::of("zipf")}})).find("uniform") !=
        std::string::npos);
  CHECK(error_of(mapping({}), {Function::enqueue}).find("no registers") != std::string::npos);
}

}  // namespace
}  // namespace faultline
