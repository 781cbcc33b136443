#include "harness/os/link_rules.h"

#include <cmath>
#include <set>
#include <vector>

#include <doctest/doctest.h>

namespace faultline {
namespace {

using namespace std::chrono_literals;
using Loss = PacketFate::Loss;
constexpr std::int64_t ms = 1'000'000;

LinkRule rule(const LinkPolicy& policy, std::int64_t since = 0) { return {policy, true, since}; }

std::vector<PacketFate> fates(const LinkPolicy& policy, std::uint64_t seed, int packets,
                              std::int64_t apart = ms) {
  LinkState state(seed);
  const LinkRule acts = rule(policy);
  std::vector<PacketFate> all;
  for (int i = 0; i < packets; ++i) all.push_back(state.next(acts, 100, i * apart));
  return all;
}

template <typename Is>
int count(const std::vector<PacketFate>& all, Is is) {
  return static_cast<int>(std::count_if(all.begin(), all.end(), is));
}

TEST_CASE("link rules: a link without a policy passes everything at once") {
  CHECK(LinkRule().plain());
  CHECK(LinkRule(LinkPolicy{}, false, 0).plain());
  CHECK_FALSE(rule({.delay = 1ms}).plain());
  LinkState state(1);
  const PacketFate fate = state.next(LinkRule(), 100, 5);
  CHECK(fate.loss == Loss::none);
  CHECK(fate.due_ns == 5);
  CHECK(state.idle(5));
}

TEST_CASE("link rules: the same seed and link decide the same, others do not") {
  const LinkPolicy policy{.delay = 10ms, .jitter = 5ms, .loss = 0.3, .duplicate = 0.3};
  const auto draw = [&](std::uint64_t seed) {
    std::vector<std::int64_t> drawn;
    for (const PacketFate& fate : fates(policy, seed, 100))
      drawn.push_back(fate.loss == Loss::none ? fate.due_ns * 2 + fate.duplicate : 0);
    return drawn;
  };
  CHECK(draw(link_seed(1, 0, 1)) == draw(link_seed(1, 0, 1)));
  CHECK(draw(link_seed(1, 0, 1)) != draw(link_seed(2, 0, 1)));
  CHECK(draw(link_seed(1, 0, 1)) != draw(link_seed(1, 1, 0)));
}

TEST_CASE("link rules: one knob does not turn another, and time does not turn any") {
  const auto lost = [](const LinkPolicy& policy, std::int64_t apart) {
    std::vector<bool> losses;
    for (const PacketFate& fate : fates(policy, 5, 200, apart))
      losses.push_back(fate.loss == Loss::chance);
    return losses;
  };
  const auto alone = lost({.loss = 0.2}, ms);
  CHECK(lost({.delay = 3ms, .jitter = 1ms, .loss = 0.2, .duplicate = 0.9, .corrupt = 0.9}, ms) ==
        alone);
  CHECK(lost({.loss = 0.2}, 17) == alone);
}

TEST_CASE("link rules: shares are kept, and 0 and 1 are never and always") {
  const int n = 20000;
  const auto all = fates({.loss = 0.3,
                          .duplicate = 0.1,
                          .reorder = 0.05,
                          .reorder_by = 1ms,
                          .corrupt = 0.2,
                          .corrupt_unseen = 0.02},
                         3, n);
  const auto share = [&](auto is) { return static_cast<double>(count(all, is)) / n; };
  CHECK(share([](auto& f) { return f.loss == Loss::chance; }) ==
        doctest::Approx(0.3).epsilon(0.05));
  CHECK(share([](auto& f) { return f.duplicate; }) == doctest::Approx(0.1).epsilon(0.1));
  CHECK(share([](auto& f) { return f.reordered; }) == doctest::Approx(0.05).epsilon(0.15));
  CHECK(share([](auto& f) { return f.corrupt; }) == doctest::Approx(0.2).epsilon(0.1));
  CHECK(share([](auto& f) { return f.corrupt_unseen; }) == doctest::Approx(0.02).epsilon(0.2));
  CHECK(count(fates({.loss = 1}, 3, n), [](auto& f) { return f.loss == Loss::none; }) == 0);
  CHECK(count(fates({.delay = 1ms}, 3, n), [](auto& f) {
          return f.loss != Loss::none || f.duplicate || f.reordered || f.corrupt;
        }) == 0);
}

TEST_CASE("link rules: jitter is uniform or normal around the delay, and keeps the order") {
  const int n = 20000;
  const auto spread = [&](bool normal) {
    double sum = 0, squares = 0;
    std::int64_t last = 0, least = INT64_MAX, most = 0;
    LinkState state(9);
    const LinkRule acts = rule({.delay = 10ms, .jitter = 2ms, .normal = normal});
    for (int i = 0; i < n; ++i) {
      const std::int64_t now = i * 50 * ms;  // Far apart: none waits for another.
      const PacketFate fate = state.next(acts, 100, now);
      CHECK(fate.due_ns >= last);
      last = fate.due_ns;
      const auto late = static_cast<double>(fate.due_ns - now);
      least = std::min(least, fate.due_ns - now), most = std::max(most, fate.due_ns - now);
      sum += late, squares += late * late;
    }
    const double mean = sum / n;
    CHECK(mean == doctest::Approx(10e6).epsilon(0.01));
    if (!normal) CHECK(least >= 8 * ms);
    if (!normal) CHECK(most <= 12 * ms);
    return std::sqrt(squares / n - mean * mean);
  };
  CHECK(spread(false) == doctest::Approx(2e6 / std::sqrt(3)).epsilon(0.03));
  CHECK(spread(true) == doctest::Approx(2e6).epsilon(0.03));

  std::int64_t last = 0;
  for (const PacketFate& fate : fates({.delay = 10ms, .jitter = 9ms}, 1, 1000, 1000)) {
    CHECK(fate.due_ns >= last);
    last = fate.due_ns;
  }
}

TEST_CASE("link rules: what is reordered is passed by what comes later, and by nothing before") {
  const auto all = fates({.delay = 10ms, .reorder = 0.2, .reorder_by = 5ms}, 2, 1000, ms);
  int passed = 0;
  for (std::size_t i = 0; i + 1 < all.size(); ++i) {
    const auto sent = static_cast<std::int64_t>(i) * ms;
    CHECK(all[i].due_ns == sent + 10 * ms + (all[i].reordered ? 5 * ms : 0));
    passed += all[i].due_ns > all[i + 1].due_ns;
  }
  CHECK(passed > 100);
}

TEST_CASE("link rules: packets that were delayed are not overtaken when the delay ends") {
  LinkState state(1);
  const PacketFate slow = state.next(rule({.delay = 100ms}), 100, 0);
  CHECK(slow.due_ns == 100 * ms);
  CHECK_FALSE(state.idle(50 * ms));
  CHECK(state.next(LinkRule(), 100, 50 * ms).due_ns == 100 * ms);
  CHECK(state.idle(100 * ms));
  CHECK(state.next(LinkRule(), 100, 101 * ms).due_ns == 101 * ms);
}

TEST_CASE("link rules: a rate takes its time for every bit, and its queue ends") {
  LinkState state(1);
  const LinkRule narrow = rule({.rate = 8e6});  // A byte takes a microsecond.
  CHECK(state.next(narrow, 1000, 0).due_ns == ms);
  CHECK(state.next(narrow, 500, 0).due_ns == 3 * ms / 2);
  CHECK(state.next(narrow, 1000, 10 * ms).due_ns == 11 * ms);
  std::int64_t passed = 0;
  for (int i = 0; i < 400; ++i) {
    const PacketFate fate = state.next(narrow, 1000, 20 * ms);
    if (fate.loss == Loss::none)
      ++passed;
    else
      CHECK(fate.loss == Loss::overflow);
  }
  CHECK(passed == 201);  // As many as leave within 200 ms, and the one on its way.
  CHECK(state.next(narrow, 1000, 2000 * ms).loss == Loss::none);
}

TEST_CASE("link rules: a flapping link is down first, and then in turns") {
  LinkState state(1);
  const LinkRule flapping = rule({.flaps = {{10ms, 30ms}}}, 5 * ms);
  for (std::int64_t at = 5; at < 200; ++at)
    CHECK((state.next(flapping, 100, at * ms).loss == Loss::flap) == ((at - 5) % 40 < 10));
}

TEST_CASE("link rules: policies at once") {
  const LinkPolicy one{.delay = 1ms, .loss = 0.5, .rate = 100, .flaps = {{1ms, 1ms}}},
      other{.delay = 2ms, .jitter = 1ms, .normal = true, .loss = 0.5, .flaps = {{2ms, 2ms}}};
  const LinkPolicy both = combined(one, other);
  CHECK(both == LinkPolicy{.delay = 3ms,
                           .jitter = 1ms,
                           .normal = true,
                           .loss = 0.75,
                           .rate = 100,
                           .flaps = {{1ms, 1ms}, {2ms, 2ms}}});
  CHECK(combined(both, {.rate = 50}).rate == 50);
  CHECK(combined(one, LinkPolicy{}) == one);
}

std::string message_fates(const LinkPolicy& policy, int messages) {
  LinkRule::MessageCounts counts;
  for (std::size_t i = 0; i < policy.nth.size(); ++i)
    counts.push_back(std::make_shared<std::uint64_t>(0));
  std::string told;
  for (int i = 0; i < messages; ++i) {
    // Tables come and go; what was counted stays.
    const LinkRule now(policy, true, 0, counts);
    CHECK(now.counts_messages());
    told += ".cd"[static_cast<int>(now.next_message())];
  }
  return told;
}

TEST_CASE("link rules: the n-th message, once or again and again, and the worst of two fates") {
  using Nth = NthMessage;
  CHECK(message_fates({.nth = {Nth{Nth::Fate::drop, 3}}}, 9) == "..d......");
  CHECK(message_fates({.nth = {Nth{Nth::Fate::drop, 3, true}}}, 9) == "..d..d..d");
  CHECK(message_fates({.nth = {Nth{Nth::Fate::cut, 1}}}, 3) == "c..");
  CHECK(message_fates({.nth = {Nth{Nth::Fate::cut, 2, true}, Nth{Nth::Fate::drop, 4}}}, 8) ==
        ".c.d.c.c");
  CHECK(message_fates({.nth = {Nth{Nth::Fate::drop, 4}, Nth{Nth::Fate::cut, 2, true}}}, 4) ==
        ".c.d");
  CHECK_FALSE(LinkRule(LinkPolicy{.loss = 1}, true, 0).counts_messages());
  CHECK(LinkPolicy{.nth = {Nth{}}}.per_packet());
  CHECK(combined({.nth = {Nth{.fault = 1}}}, {.nth = {Nth{.fault = 2}}}).nth ==
        std::vector<Nth>{Nth{.fault = 1}, Nth{.fault = 2}});
}

TEST_CASE("link rules: a fate says what was done to the packet, and nothing that was not") {
  const auto first = [](const LinkPolicy& policy) { return fates(policy, 1, 1).front(); };
  CHECK(first({.delay = 1ms}).delayed);
  CHECK(first({.jitter = 1ms}).delayed);
  CHECK_FALSE(first({.reorder = 1, .reorder_by = 1ms}).delayed);
  CHECK(first({.reorder = 1, .reorder_by = 1ms}).reordered);
  CHECK_FALSE(first({.reorder = 1}).reordered);
  CHECK(first({.rate = 1e6}).slowed);
  CHECK_FALSE(first({.delay = 1ms}).slowed);
  // A fault's link counts its packets even if it does nothing to them.
  CHECK_FALSE(rule({}).plain());
}

TEST_CASE("link rules: no packet leaves before it came, however large the jitter") {
  const auto all = fates({.delay = 1ms, .jitter = 50ms}, 7, 200, 100 * ms);
  int at_once = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::int64_t came = static_cast<std::int64_t>(i) * 100 * ms;
    CHECK(all[i].due_ns >= came);
    at_once += all[i].due_ns == came;
  }
  CHECK(at_once > 50);
}

TEST_CASE("link rules: every link has a seed of its own") {
  std::set<std::uint64_t> seeds;
  for (std::size_t from = 0; from < 8; ++from)
    for (std::size_t to = 0; to < 8; ++to) seeds.insert(link_seed(1, from, to));
  CHECK(seeds.size() == 64);
}

}  // namespace
}  // namespace faultline
