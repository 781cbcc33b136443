// Sets of infos that happened, against maps that count the same.
#include "checkers/linearizable/used.h"

#include <map>
#include <vector>

#include <doctest/doctest.h>

#include "harness/core/rng.h"

namespace faultline {
namespace {

using linearizable::nothing_used;
using linearizable::UsedId;
using linearizable::UsedPool;
using Counts = std::map<std::uint32_t, std::uint32_t>;

bool at_most(const Counts& a, const Counts& b) {
  return std::ranges::all_of(a, [&](const auto& entry) {
    const auto found = b.find(entry.first);
    return found != b.end() && entry.second <= found->second;
  });
}

/// Grows random sets out of one another: `classes` of them, `step` of one at a time.
void compare(std::uint64_t seed, std::uint32_t classes, int step) {
  CAPTURE(seed);
  CAPTURE(classes);
  Rng rng(seed);
  UsedPool pool;
  std::vector<std::pair<UsedId, Counts>> sets{{nothing_used, {}}};
  std::map<Counts, UsedId> ids{{{}, nothing_used}};
  for (int i = 0; i < 60; ++i) {
    auto [id, counts] = sets[rng.below(sets.size())];
    const auto info_class = static_cast<std::uint32_t>(rng.below(classes));
    if (rng.below(8) == 0) {
      id = pool.without(id, info_class);
      counts.erase(info_class);
    } else {
      for (int n = 0; n < step; ++n) id = pool.add(id, info_class);
      counts[info_class] += static_cast<std::uint32_t>(step);
    }
    const auto [known, fresh] = ids.try_emplace(counts, id);
    CHECK(known->second == id);
    if (fresh) sets.emplace_back(id, counts);
  }
  for (const auto& [id, counts] : sets) {
    std::uint64_t total = 0;
    for (const auto& [info_class, count] : counts) {
      CHECK(pool.count(id, info_class) == count);
      total += count;
    }
    CHECK(pool.total(id) == total);
    for (const auto& [other, other_counts] : sets)
      CHECK(pool.at_most(id, other) == at_most(counts, other_counts));
  }
}

TEST_CASE("used: equal sets have one number, and sets are compared class by class") {
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    compare(seed, 4, 1);
    compare(seed, 32, 1);
    compare(seed, 40, 1);  // two classes share a group
    compare(seed, 3, 63);  // 126 is all that a group can count
    compare(seed, 2000, 1);
  }
}

TEST_CASE("used: a summary that two classes share, or that is full, does not decide") {
  UsedPool pool;
  const UsedId low = pool.add(nothing_used, 1);
  UsedId both = pool.add(nothing_used, 33);
  both = pool.add(both, 2);
  CHECK_FALSE(pool.at_most(low, both));
  CHECK(pool.at_most(low, pool.add(both, 1)));

  UsedId few = nothing_used, many = pool.add(nothing_used, 9);
  for (int i = 0; i < 300; ++i) few = pool.add(few, 3);
  for (int i = 0; i < 299; ++i) many = pool.add(pool.add(many, 3), 4);
  CHECK_FALSE(pool.at_most(few, many));
  CHECK(pool.at_most(few, pool.add(many, 3)));
}

TEST_CASE("used: compaction keeps what is held, under new numbers") {
  struct Holder {
    UsedId used;
  };
  UsedPool pool;
  std::vector<Holder> held;
  std::vector<std::uint64_t> totals;
  UsedId id = nothing_used;
  for (std::uint32_t i = 0; i < 200; ++i) {
    id = pool.add(id, i % 40);
    if (i % 10 == 0) {
      held.push_back({id});
      totals.push_back(i + 1);
    }
  }
  pool.compact(std::vector<std::vector<Holder>*>{&held});
  CHECK(pool.size() == held.size() + 1);
  for (std::size_t i = 0; i < held.size(); ++i) {
    CHECK(pool.total(held[i].used) == totals[i]);
    CHECK(pool.count(held[i].used, 0) == (totals[i] + 39) / 40);
    if (i > 0) CHECK(pool.at_most(held[i - 1].used, held[i].used));
  }
}

}  // namespace
}  // namespace faultline
