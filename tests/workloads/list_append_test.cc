#include <algorithm>
#include <map>
#include <set>

#include <doctest/doctest.h>

#include "workloads/workloads.h"

namespace faultline {
namespace list_append_workload {
namespace {

const std::vector<Function> transactions = {Function::txn};

ConfigNode mapping(std::vector<std::pair<std::string, ConfigNode>> members) {
  ConfigNode node;
  for (auto& [key, value] : members)
    node.members.push_back({key, {"t.yaml", 4, 3}, std::move(value)});
  for (ConfigNode::Member& member : node.members) member.value.where = {"t.yaml", 4, 9};
  return node;
}

Result<std::unique_ptr<Workload>> make(
    const std::vector<std::pair<std::string, std::string>>& scalars,
    const std::vector<Function>& available = transactions) {
  std::vector<std::pair<std::string, ConfigNode>> members;
  for (const auto& [key, text] : scalars)
    if (key == "read" || key == "append" || key == "raed")
      members.emplace_back("mix", mapping({{key, ConfigNode::of(text)}}));
    else
      members.emplace_back(key, ConfigNode::of(text));
  const ConfigNode node = mapping(std::move(members));
  Params params(node, "workload list-append");
  const auto entry = find_entry(workloads(), "workload", "list-append");
  REQUIRE(entry);
  auto made = (*entry)->make(params, available);
  if (!made) return made;
  if (const Status finished = params.finish(); !finished) return finished.error();
  return made;
}

std::string error_of(const std::vector<std::pair<std::string, std::string>>& scalars,
                     const std::vector<Function>& available = transactions) {
  const auto made = make(scalars, available);
  REQUIRE_FALSE(made);
  CHECK(made.error().kind == ErrorKind::usage);
  return made.error().what;
}

/// The transactions of some workers, `each` a worker.
std::vector<std::vector<Access>> asked(const Workload& workload, std::size_t workers,
                                       std::size_t each, std::vector<Request>& requests,
                                       std::uint64_t seed = 1) {
  for (std::size_t worker = 0; worker < workers; ++worker) {
    const auto generator = workload.generator(Rng(seed).fork("worker", worker), worker, workers);
    for (std::size_t i = 0; i < each; ++i) requests.push_back(generator->next());
  }
  std::vector<std::vector<Access>> all;
  for (const Request& request : requests) {
    CHECK(request.function == Function::txn);
    CHECK(request.key.empty());
    const auto accesses = accesses_of(request.value);
    REQUIRE(accesses);
    all.push_back(*accesses);
  }
  return all;
}

TEST_CASE("list-append: lengths, shares and unique elements") {
  const auto workload = make({});
  REQUIRE(workload);
  CHECK((*workload)->functions() == transactions);
  CHECK((*workload)->checks() == std::vector<std::string>{"list-append"});
  std::vector<Request> requests;
  std::map<std::size_t, int> lengths;
  std::set<std::int64_t> elements;
  int reads = 0, appends = 0;
  for (const auto& accesses : asked(**workload, 5, 2000, requests)) {
    ++lengths[accesses.size()];
    for (const Access& access : accesses) {
      const bool is_read = access.kind == Access::Kind::read;
      CHECK(access.kind != Access::Kind::write);
      is_read ? ++reads : ++appends;
      if (is_read)
        CHECK(access.value->is_nil());
      else
        elements.insert(*access.value->integer());
    }
  }
  CHECK(lengths.size() == 4);
  for (const auto& [length, count] : lengths) CHECK(count == doctest::Approx(2500).epsilon(0.1));
  CHECK(reads == doctest::Approx(appends).epsilon(0.05));
  CHECK(elements.size() == static_cast<std::size_t>(appends));
  CHECK(*elements.begin() > 0);
}

TEST_CASE("list-append: the same seed asks the same, another seed does not") {
  const auto workload = make({});
  std::vector<Request> first, again, other;
  asked(**workload, 2, 200, first, 7);
  asked(**workload, 2, 200, again, 7);
  asked(**workload, 2, 200, other, 8);
  const auto same = [](const Request& a, const Request& b) { return a.value == b.value; };
  CHECK(std::ranges::equal(first, again, same));
  CHECK_FALSE(std::ranges::equal(first, other, same));
}

TEST_CASE("list-append: keys are used as the distribution says, and retired") {
  const auto counts_of = [](const std::string& distribution, std::size_t& keys, int& longest) {
    const auto workload =
        make({{"keys", "4"}, {"distribution", distribution}, {"appends_per_key", "50"}});
    REQUIRE(workload);
    std::vector<Request> requests;
    std::map<std::string, int> appends;
    std::vector<int> slots(4);
    for (const auto& accesses : asked(**workload, 5, 1000, requests))
      for (const Access& access : accesses) {
        const std::string key = key_name(*access.key);
        ++slots[std::stoul(key.substr(1)) % 4];
        if (access.kind == Access::Kind::append) ++appends[key];
      }
    keys = appends.size();
    for (const auto& [key, count] : appends) longest = std::max(longest, count);
    return slots;
  };
  std::size_t keys = 0;
  int longest = 0;
  auto slots = counts_of("uniform", keys, longest);
  CHECK(slots[0] == doctest::Approx(slots[3]).epsilon(0.1));
  // 6,250 appends.
  CHECK(keys > 110);
  CHECK(keys < 140);
  CHECK(longest < 100);
  slots = counts_of("exponential", keys, longest);
  CHECK(slots[0] == doctest::Approx(2 * slots[1]).epsilon(0.1));
  CHECK(slots[1] == doctest::Approx(4 * slots[3]).epsilon(0.15));
  CHECK(longest < 100);
  slots = counts_of("zipf", keys, longest);
  CHECK(slots[0] == doctest::Approx(4 * slots[3]).epsilon(0.1));
}

TEST_CASE("list-append: a share of transactions only reads") {
  const auto workload = make({{"read_only", "50"}, {"append", "1"}, {"min_length", "2"}});
  REQUIRE(workload);
  std::vector<Request> requests;
  int read_only = 0;
  for (const auto& accesses : asked(**workload, 1, 4000, requests)) {
    CHECK(accesses.size() >= 2);
    const auto reads = std::ranges::count(accesses, Access::Kind::read, &Access::kind);
    CHECK((reads == 0 || reads == std::ssize(accesses)));
    read_only += reads > 0;
  }
  CHECK(read_only == doctest::Approx(2000).epsilon(0.05));
}

TEST_CASE("list-append: the last question is a read of every key") {
  const auto workload = make({});
  std::vector<std::string> keys;
  for (int i = 0; i < 20; ++i) keys.push_back("k" + std::to_string(i));
  std::set<std::string> read;
  for (const Request& request : (*workload)->final_requests(keys)) {
    CHECK(request.function == Function::txn);
    CHECK(only_reads(request.value));
    const auto accesses = accesses_of(request.value);
    for (const Access& access : *accesses) read.insert(key_name(*access.key));
  }
  CHECK(read == std::set<std::string>(keys.begin(), keys.end()));
  CHECK((*workload)->final_requests({}).empty());
}

TEST_CASE("list-append: bad parameters are refused with their place") {
  CHECK(error_of({{"raed", "1"}}) ==
        "t.yaml:4:3: mix: unknown key \"raed\", did you mean \"read\"?");
  CHECK(error_of({{"read", "0"}}) == "t.yaml:4:9: mix: every weight is 0");
  CHECK(error_of({{"min_length", "5"}, {"max_length", "3"}}).find("less than min_length") !=
        std::string::npos);
  CHECK(error_of({{"read_only", "101"}}).find("from 0 to 100") != std::string::npos);
  CHECK(error_of({{"distribution", "zip"}}).find("zipf") != std::string::npos);
  CHECK(error_of({}, {Function::read}).find("no transactions") != std::string::npos);
}

}  // namespace
}  // namespace list_append_workload
}  // namespace faultline
