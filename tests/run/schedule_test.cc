#include "harness/run/schedule.h"

#include <algorithm>
#include <map>

#include <doctest/doctest.h>

#include "harness/run/victims.h"

using namespace faultline;
using namespace std::chrono_literals;

namespace {

std::vector<PlannedFault> of_entry(const std::vector<PlannedFault>& all, std::size_t entry) {
  std::vector<PlannedFault> own;
  for (const PlannedFault& fault : all)
    if (fault.entry == entry) own.push_back(fault);
  return own;
}

}  // namespace

TEST_CASE("schedule: an entry keeps its own time, never overlaps itself, and heals in time") {
  const std::vector<Timing> timings = {{{}, 8s, 4s}, {{}, 10s, 3s}, {{}, 2s, 2s}, {5s, 0s, 1s}};
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto all = plan_schedule(timings, 60s, Rng(seed));
    for (std::size_t i = 0; i < all.size(); ++i) {
      CHECK(all[i].id == i + 1);
      if (i > 0) CHECK(all[i - 1].start <= all[i].start);
    }
    for (std::size_t entry = 0; entry < timings.size(); ++entry) {
      const auto own = of_entry(all, entry);
      REQUIRE_FALSE(own.empty());
      CHECK(own.front().start >= 0s);
      if (timings[entry].every != 0s) CHECK(own.front().start <= timings[entry].every);
      for (std::size_t i = 0; i < own.size(); ++i) {
        CHECK(own[i].end - own[i].start == timings[entry].duration);
        CHECK(own[i].end <= 60s);
        if (i > 0) {
          CHECK(own[i - 1].end <= own[i].start);
          const Nanoseconds gap = own[i].start - own[i - 1].start;
          CHECK(gap >= timings[entry].every - timings[entry].every / 5);
          CHECK(gap <= timings[entry].every + timings[entry].every / 5);
        }
      }
    }
    CHECK(of_entry(all, 0).size() >= 5);
    CHECK(of_entry(all, 3).size() == 1);
    CHECK(of_entry(all, 3).front().start == 5s);
  }
}

TEST_CASE("schedule: the same seed plans the same, and entries do not move each other") {
  const std::vector<Timing> two = {{{}, 8s, 4s}, {{}, 10s, 3s}};
  const std::vector<Timing> three = {{{}, 8s, 4s}, {{}, 10s, 3s}, {{}, 5s, 1s}};
  const auto a = plan_schedule(two, 60s, Rng(7)), b = plan_schedule(three, 60s, Rng(7));
  for (std::size_t entry = 0; entry < 2; ++entry) {
    const auto x = of_entry(a, entry), y = of_entry(b, entry);
    REQUIRE(x.size() == y.size());
    for (std::size_t i = 0; i < x.size(); ++i) CHECK(x[i].start == y[i].start);
  }
  CHECK(plan_schedule(two, 60s, Rng(8)).front().start != a.front().start);
}

TEST_CASE("schedule: a fault that is as long as the load still strikes") {
  const auto all = plan_schedule(std::vector<Timing>{{{}, 60s, 10s}}, 10s, Rng(1));
  REQUIRE(all.size() == 1);
  CHECK(all.front().start == 0s);
  CHECK(all.front().end == 10s);
}

TEST_CASE("schedule: timings that cannot work are refused") {
  CHECK(check_timing({{}, 8s, 4s}, 60s));
  CHECK_FALSE(check_timing({{}, 8s, 0s}, 60s));
  CHECK_FALSE(check_timing({{}, 3s, 4s}, 60s));
  CHECK_FALSE(check_timing({{}, 80s, 70s}, 60s));
  CHECK_FALSE(check_timing({58s, 0s, 4s}, 60s));
  CHECK_FALSE(check_timing({{}, 1us, 1us}, 3600s));
  CHECK(check_timing({{}, 3s, 4s}, 60s).error().kind == ErrorKind::usage);
}

TEST_CASE("victims: groups, roles and names") {
  const auto resolve = [](const std::vector<std::string>& words, std::uint64_t seed,
                          std::vector<std::size_t> leaders = {}) {
    const auto victims = parse_victims(words, {5});
    REQUIRE(victims);
    const auto nodes = resolve_victims(*victims, 5, leaders, Rng(seed));
    REQUIRE(nodes);
    CHECK(std::is_sorted(nodes->begin(), nodes->end()));
    return *nodes;
  };
  using Nodes = std::vector<std::size_t>;
  std::map<std::size_t, int> seen;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    ++seen[resolve({"one"}, seed).at(0)];
    CHECK(resolve({"minority"}, seed).size() == 2);
    CHECK(resolve({"majority"}, seed).size() == 3);
    CHECK(resolve({"minority"}, seed) == resolve({"minority"}, seed));
  }
  CHECK(seen.size() == 5);
  CHECK(resolve({"all"}, 1) == Nodes{0, 1, 2, 3, 4});
  CHECK(resolve({"leader"}, 1, {3}) == Nodes{3});
  CHECK(resolve({"followers"}, 1, {3}) == Nodes{0, 1, 2, 4});
  CHECK(resolve({"leader"}, 1, {1, 3}).size() == 1);
  CHECK(resolve({"n3", "n1"}, 1) == Nodes{0, 2});
  CHECK(resolve({"n5"}, 1) == Nodes{4});

  CHECK_FALSE(resolve_victims(*parse_victims({"leader"}, {5}), 5, {}, Rng(1)));
  CHECK_FALSE(resolve_victims(*parse_victims({"followers"}, {2}), 2, Nodes{0, 1}, Rng(1)));
}

TEST_CASE("victims: client machines have names and numbers, and no roles") {
  const auto parse = [](const std::string& word) { return parse_victims({word}, {3, true}); };
  CHECK(parse_victims({"c3", "c1"}, {3, true})->named == std::vector<std::size_t>{0, 2});
  CHECK(parse("minority")->kind == Victims::Kind::minority);
  CHECK(parse("n1").error().what.find("unknown victim \"n1\"") != std::string::npos);
  CHECK(parse_victims({"c1"}, {3}).error().what.find("unknown victim \"c1\"") != std::string::npos);
  CHECK(parse("leader").error().what ==
        "leader: client machines have no roles; expected one, minority, majority, all, or names "
        "like c1");
  CHECK(parse_victims({"minority"}, {2, true}).error().what ==
        "a minority of 2 client machines is nobody");
}

TEST_CASE("victims: who names a client machine is told why it cannot be one") {
  const auto error = [](const std::string& word) {
    const auto victims = parse_victims({word}, {3, false, "it cannot."});
    REQUIRE_FALSE(victims);
    CHECK(victims.error().kind == ErrorKind::usage);
    return victims.error().what;
  };
  CHECK(error("c1") == "unknown victim \"c1\": it cannot.");
  CHECK(error("c20") == "unknown victim \"c20\": it cannot.");
  CHECK(error("clients") == "unknown victim \"clients\": it cannot.");
  for (const std::string word : {"c", "client", "c1x", "d1", "n7"})
    CHECK(error(word).find("it cannot") == std::string::npos);
  CHECK(parse_victims({"n1"}, {3, false, "it cannot."}));
}

TEST_CASE("victims: words that mean nothing name the nearest") {
  const auto error = [](const std::vector<std::string>& words, std::size_t nodes) {
    const auto victims = parse_victims(words, {nodes});
    REQUIRE_FALSE(victims);
    CHECK(victims.error().kind == ErrorKind::usage);
    return victims.error().what;
  };
  CHECK(error({"minorty"}, 5).find("\"minority\"") != std::string::npos);
  CHECK(error({"n6"}, 5).find("n6") != std::string::npos);
  CHECK(error({"n1", "one"}, 5).find("one") != std::string::npos);
  CHECK(error({"n1", "n1"}, 5) == "a node is named twice");
  CHECK(error({"minority"}, 2) == "a minority of 2 nodes is nobody");
  CHECK(error({}, 5) == "expected a group or a list of nodes");
}
