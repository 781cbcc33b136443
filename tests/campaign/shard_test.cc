#include "harness/campaign/shard.h"

#include <algorithm>
#include <set>

#include <doctest/doctest.h>

namespace faultline {
namespace {

Campaign tests_numbered(std::size_t tests) {
  Campaign campaign;
  for (std::size_t i = 0; i < tests; ++i) {
    CampaignTest test;
    test.name = "store-workload-fault-" + std::to_string(i);
    test.seeds = {i};
    campaign.tests.push_back(test);
  }
  return campaign;
}

std::vector<std::string> names(Campaign campaign, std::size_t index, std::size_t count) {
  REQUIRE(apply_shard(campaign, {index, count}));
  CHECK(campaign.shard == std::to_string(index) + "/" + std::to_string(count));
  std::vector<std::string> found;
  for (const CampaignTest& test : campaign.tests) found.push_back(test.name);
  return found;
}

TEST_CASE("shard: every test is in exactly one, and none is empty or much larger") {
  for (std::size_t tests : {1, 2, 7, 11, 100}) {
    for (std::size_t count = 1; count <= tests; ++count) {
      std::multiset<std::string> all;
      for (std::size_t index = 1; index <= count; ++index) {
        const auto part = names(tests_numbered(tests), index, count);
        CHECK(part.size() >= tests / count);
        CHECK(part.size() <= (tests + count - 1) / count);
        all.insert(part.begin(), part.end());
      }
      CHECK(all.size() == tests);
      CHECK(std::set<std::string>(all.begin(), all.end()).size() == tests);
    }
  }
}

TEST_CASE("shard: the order of the list changes nothing but the order within a shard") {
  Campaign shuffled = tests_numbered(20);
  std::ranges::reverse(shuffled.tests);
  std::swap(shuffled.tests[3], shuffled.tests[11]);
  for (std::size_t index = 1; index <= 3; ++index) {
    auto a = names(tests_numbered(20), index, 3), b = names(shuffled, index, 3);
    CHECK(std::ranges::is_sorted(a, {}, [](const std::string& name) {
      return std::stoi(name.substr(name.rfind('-') + 1));
    }));
    std::ranges::sort(a);
    std::ranges::sort(b);
    CHECK(a == b);
  }
}

TEST_CASE("shard: the same on every machine and in every version") {
  CHECK(names(tests_numbered(6), 1, 2) == std::vector<std::string>{"store-workload-fault-2",
                                                                   "store-workload-fault-3",
                                                                   "store-workload-fault-5"});
}

TEST_CASE("shard: what is none is said in a sentence") {
  for (const char* text : {"", "1", "/", "1/", "/2", "0/2", "3/2", "-1/2", "1/0", "a/b", "1/2/3",
                           "1 /2", "1/99999999999999999999"}) {
    const auto shard = parse_shard(text);
    REQUIRE_FALSE(shard);
    CHECK(shard.error().kind == ErrorKind::usage);
    CHECK(shard.error().what ==
          "--shard " + std::string(text) + ": expected K/N, from 1/N to N/N, as 2/8");
  }
  const auto good = parse_shard("2/8");
  REQUIRE(good);
  CHECK(good->index == 2);
  CHECK(good->count == 8);

  Campaign campaign = tests_numbered(2);
  const Status applied = apply_shard(campaign, {3, 3});
  REQUIRE_FALSE(applied);
  CHECK(applied.error().what ==
        "--shard 3/3: the campaign has 2 tests; expected no more shards than that");
  CHECK(campaign.tests.size() == 2);
}

}  // namespace
}  // namespace faultline
