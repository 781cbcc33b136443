#include <algorithm>
#include <map>
#include <set>
#include <string>

#include <doctest/doctest.h>

#include "harness/core/predicate.h"
#include "tests/workloads/workload_maker.h"

namespace faultline {
namespace predicates_workload_test {
namespace {

/// What workers ask, one after the other: visit(worker, transaction).
template <typename Visit>
void each_transaction(const WorkloadSettings& settings, std::size_t workers, Visit visit) {
  const auto workload = workload_of("predicates", settings);
  REQUIRE(workload);
  for (std::size_t worker = 0; worker < workers; ++worker) {
    const auto generator = (*workload)->generator(Rng(1).fork("worker", worker), worker, workers);
    for (int i = 0; i < 500; ++i) {
      const Request request = generator->next();
      REQUIRE(request.value.list() != nullptr);
      CHECK_FALSE(request.value.list()->empty());
      visit(worker, *request.value.list());
    }
  }
}

std::string worker_of(const std::string& key) {
  const auto from = key.find('/') + 1;
  return key.substr(from, key.find('/', from) - from);
}

TEST_CASE("predicates: a row is changed by its worker alone, and has as many versions as it may") {
  for (const std::string versions : {"2", "3"}) {
    CAPTURE(versions);
    std::map<std::string, int> changes;
    std::set<std::int64_t> values;
    std::map<std::string, int> verbs;
    each_transaction({{"versions", versions}}, 3, [&](std::size_t worker, const List& all) {
      std::set<std::string> changed;
      for (std::size_t i = 0; i < all.size(); ++i) {
        ++verbs[*all[i].list()->at(0).text()];
        const auto search = predicate_access_of(all[i]);
        const auto item = access_of(all[i]);
        REQUIRE((search.has_value() || item.has_value()));
        if (search && !search->deletes) continue;
        if (item && item->kind == Access::Kind::read) continue;
        const std::string key = search ? search->predicate.prefix : *item->key->text();
        CHECK(worker_of(key) == std::to_string(worker));
        CHECK(changed.insert(key).second);
        ++changes[key];
        if (search) continue;
        CHECK(values.insert(*item->value->integer()).second);
        if (changes[key] == 1) continue;
        // What it writes over it has read.
        REQUIRE(i > 0);
        const auto before = access_of(all[i - 1]);
        REQUIRE(before);
        CHECK(before->kind == Access::Kind::read);
        CHECK(*before->key->text() == key);
      }
    });
    int most = 0;
    for (const auto& [key, count] : changes) most = std::max(most, count);
    CHECK(most == (versions == "2" ? 1 : 2));
    CHECK((verbs["delete-where"] > 0) == (versions == "3"));
    for (const char* verb : {"r", "w", "r-where"}) CHECK(verbs[verb] > 100);
    // Even and odd.
    const auto even = std::ranges::count_if(values, [](std::int64_t v) { return v % 2 == 0; });
    CHECK(even > static_cast<std::int64_t>(values.size()) / 3);
    CHECK(even < static_cast<std::int64_t>(values.size()) * 2 / 3);
  }
}

TEST_CASE("predicates: what is looked for is of the universe that its worker is in") {
  std::map<std::size_t, std::string> universe;
  std::size_t universes = 0, parts = 0, whole = 0;
  each_transaction({}, 2, [&](std::size_t worker, const List& all) {
    for (const Value& access : all) {
      const auto search = predicate_access_of(access);
      const std::string key = search ? search->predicate.prefix : *access_of(access)->key->text();
      const std::string here = key.substr(0, key.find('/') + 1);
      if (universe[worker] != here) ++universes;
      universe[worker] = here;
      if (search && !search->deletes) ++(key == here ? whole : parts);
    }
  });
  CHECK(universes > 50);
  CHECK(whole > 2 * parts);
  CHECK(parts > 50);
}

TEST_CASE("predicates: in the end every universe is looked at") {
  const auto workload = workload_of("predicates", {});
  REQUIRE(workload);
  const auto requests = (*workload)->final_requests(
      {"u0/0/1/", "u0/1/1/", "u1/0/0/", "u2/0/0/", "u3/1/0/", "u4/0/3/"});
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].value.list()->size() == 4);
  REQUIRE(requests[1].value.list()->size() == 1);
  const auto last = predicate_access_of(requests[1].value.list()->at(0));
  REQUIRE(last);
  CHECK(last->predicate == Predicate{"u4/", Predicate::Kind::any, 0});
  CHECK((*workload)->final_requests({}).empty());
}

TEST_CASE("predicates: asks what its parameters say, or refuses") {
  const auto workload = workload_of("predicates", {});
  REQUIRE(workload);
  CHECK((*workload)->asks_by_predicate());
  CHECK((*workload)->checks() == std::vector<std::string>{"closed-predicate"});
  each_transaction({{"mix.find", "1"}, {"min_length", "2"}, {"max_length", "2"}}, 1,
                   [](std::size_t, const List& all) {
                     CHECK(all.size() == 2);
                     for (const Value& access : all) CHECK(predicate_access_of(access));
                   });
  CHECK(refusal_of("predicates", {{"versions", "4"}}).find("versions") != std::string::npos);
  CHECK(refusal_of("predicates", {{"min_length", "5"}, {"max_length", "4"}})
            .find("less than min_length") != std::string::npos);
  CHECK(refusal_of("predicates", {{"row", "2"}}).find("did you mean \"rows\"") !=
        std::string::npos);
  CHECK(refusal_of("predicates", {}, {Function::read}).find("does not understand txn") !=
        std::string::npos);
  // The same seed asks the same.
  const auto text = [&](std::uint64_t seed) {
    const auto generator = (*workload)->generator(Rng(seed), 0, 2);
    std::string all;
    for (int i = 0; i < 50; ++i) all += to_text(generator->next().value);
    return all;
  };
  CHECK(text(5) == text(5));
  CHECK(text(5) != text(6));
}

}  // namespace
}  // namespace predicates_workload_test
}  // namespace faultline
