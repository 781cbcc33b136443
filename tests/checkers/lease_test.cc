// The model "lease", from a history to its verdict, sentence and witness. A moment is ten
// milliseconds.
#include <string>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "tests/checkers/linearizable_check.h"

namespace faultline {
namespace {

using script::Script;
using F = Function;

class Lease : public Script {
 public:
  Lease& acquire(std::uint32_t process, int begin, int end, Value ttl, Fate fate = Fate::ok) {
    add({F::acquire, std::move(ttl), {}, fate, begin, end, "k", "", process});
    return *this;
  }
  Lease& release(std::uint32_t process, int begin, int end, Fate fate = Fate::ok) {
    add({F::release, {}, {}, fate, begin, end, "k", "", process});
    return *this;
  }
};

Verdict judged(Lease lease) { return check(lease.with_times(), {{"model", "lease"}}); }
bool holds(const Lease& lease) {
  const Verdict v = judged(lease);
  CHECK_MESSAGE(v.validity != Validity::unknown, v.reason, ": ", v.summary);
  return v.validity == Validity::valid;
}

TEST_CASE("lease: two holders, with the sentence and the witness") {
  const Verdict v = judged(Lease()
                               .acquire(1, 0, 1, 500)
                               .release(1, 2, 3)
                               .acquire(1, 10, 11, 5000)
                               .acquire(2, 300, 320, 5000)
                               .release(2, 330, 331)
                               .acquire(3, 700, 701, 5000));
  CHECK(v.validity == Validity::invalid);
  CHECK(v.model == "lease");
  CHECK(v.engine == "general");
  CHECK(v.summary ==
        "key k: process 2 was granted the lease at 3.20 s although process 1 held it until 5.10 s "
        "at least");
  CHECK(v.anomalies.at(0).first == "split-brain");
  CHECK(v.witness == std::vector<OperationId>{2, 3});
  CHECK_FALSE(contains(v.explanation, "not a minimal one"));
}

TEST_CASE("lease: held until the release was asked for, if that came first") {
  const Verdict v =
      judged(Lease().acquire(1, 0, 1, 5000).acquire(2, 300, 310, 10).release(1, 320, 330));
  CHECK(v.summary ==
        "key k: process 2 was granted the lease at 3.10 s although process 1 held it until 3.20 s "
        "at least");
}

TEST_CASE("lease: no more decimals than tell two moments apart, and no fewer") {
  const Verdict v = check(Lease().acquire(1, 0, 1, 1001).acquire(2, 90, 100, 10).with_times(),
                          {{"model", "lease"}});
  CHECK(contains(v.summary, "at 1.000 s although process 1 held it until 1.001 s at least"));
}

TEST_CASE("lease: neither of two that overlap can have been first") {
  const Verdict v = judged(Lease().acquire(1, 0, 50, 1000).acquire(2, 10, 40, 1000));
  CHECK(contains(v.summary,
                 "process 1 was granted the lease at 0.50 s although process 2 held it "
                 "until 1.10 s at least"));
  CHECK(holds(Lease().acquire(1, 0, 50, 1000).acquire(2, 10, 101, 1000)));
}

TEST_CASE("lease: three that only together have no room") {
  const auto three = [](int end) {
    return Lease().acquire(1, 0, end, 300).acquire(2, 1, end, 300).acquire(3, 2, end, 300);
  };
  const Verdict v = judged(three(59));
  CHECK(v.validity == Validity::invalid);
  CHECK(v.anomalies.at(0).first == "not-linearizable");
  CHECK(contains(v.summary, "was granted the lease at 0.59 s, for which no order and no instants"));
  CHECK(v.witness.size() == 3);
  CHECK(holds(three(60)));
}

TEST_CASE("lease: a hold ends by itself, counted from the earliest instant") {
  CHECK(holds(Lease().acquire(1, 0, 50, 500).acquire(2, 49, 51, 500)));
  CHECK(holds(Lease().acquire(1, 0, 40, 500).acquire(2, 41, 50, 500)));
  CHECK_FALSE(holds(Lease().acquire(1, 0, 40, 500).acquire(2, 41, 49, 500)));
}

TEST_CASE("lease: a release ends it, at once or later, but only the holder's") {
  CHECK(holds(Lease().acquire(1, 0, 1, 5000).release(1, 5, 20).acquire(2, 6, 7, 5000)));
  CHECK_FALSE(holds(Lease().acquire(1, 0, 1, 5000).release(3, 5, 20).acquire(2, 6, 7, 5000)));
  CHECK_FALSE(holds(Lease().acquire(1, 0, 1, 5000).release(1, 8, 20).acquire(2, 6, 7, 5000)));
  CHECK(
      holds(Lease().acquire(1, 0, 1, 5000).release(1, 5, 0, Fate::info).acquire(2, 90, 91, 5000)));
  // Once only, and not what ended by itself before.
  CHECK_FALSE(holds(Lease()
                        .acquire(1, 0, 1, 100)
                        .acquire(2, 20, 21, 5000)
                        .release(1, 30, 31)
                        .acquire(3, 40, 41, 100)));
}

TEST_CASE("lease: the holder renews, for longer or shorter") {
  CHECK(holds(Lease().acquire(1, 0, 1, 500).acquire(1, 20, 21, 500).acquire(2, 69, 70, 500)));
  CHECK_FALSE(holds(Lease().acquire(1, 0, 1, 500).acquire(1, 20, 21, 500).acquire(2, 60, 61, 9)));
  CHECK(holds(Lease().acquire(1, 0, 1, 5000).acquire(1, 20, 21, 100).acquire(2, 30, 31, 9)));
  CHECK(holds(
      Lease().acquire(1, 0, 1, 5000).acquire(1, 20, 0, 100, Fate::info).acquire(2, 30, 31, 9)));
  CHECK_FALSE(holds(
      Lease().acquire(1, 0, 1, 5000).acquire(1, 20, 0, 5000, Fate::info).acquire(2, 30, 31, 9)));
}

TEST_CASE("lease: infos and refusals accuse nobody") {
  CHECK(holds(Lease().acquire(1, 0, 0, 5000, Fate::info).acquire(2, 6, 7, 5000)));
  CHECK(holds(Lease().acquire(1, 0, 1, 5000).acquire(2, 6, 7, 5000, Fate::mismatch)));
  CHECK(holds(Lease().acquire(1, 0, 1, 10).acquire(2, 60, 70, 5000, Fate::mismatch)));
  CHECK(holds(Lease().acquire(1, 0, 1, 10).release(1, 60, 70, Fate::mismatch)));
  CHECK(holds(Lease().acquire(1, 0, 1, 5000).acquire(2, 6, 7, 5000, Fate::fail)));
  // Nor do they alone say anything.
  const Verdict v = judged(Lease().acquire(2, 6, 7, 5000, Fate::mismatch).release(3, 8, 9));
  CHECK(v.reason == "vacuous");
}

TEST_CASE("lease: what is not a time to live, and what has no times, is said so") {
  for (const Value& ttl : {Value(), Value(0), Value(-5), Value("5 s"), Value(1.5)}) {
    const Verdict v = judged(Lease().acquire(1, 0, 1, 10).acquire(1, 2, 3, ttl));
    CHECK(v.validity == Validity::unknown);
    CHECK(v.reason == "unsupported");
    CHECK(contains(v.summary, "the acquire with invoke index 2 asked for "));
    CHECK(contains(v.summary, "expected a time to live, a positive number of milliseconds"));
  }
  CHECK(holds(Lease().acquire(1, 0, 1, INT64_MAX).acquire(1, 2, 3, INT64_MAX)));
  CHECK_FALSE(holds(Lease().acquire(1, 0, 1, INT64_MAX).acquire(2, 2, 3, 1)));
  const Verdict v = check(Lease().acquire(1, 0, 1, 10).acquire(2, 0, 3, 10), {{"model", "lease"}});
  CHECK(v.validity == Validity::unknown);
  CHECK(contains(v.summary,
                 "the acquire with invoke index 0 has no time; a lease is judged by the "
                 "clock"));
}

/// Two acquires one after the other, at these milliseconds.
Verdict at_times(std::int64_t a, std::int64_t b, std::int64_t c, std::int64_t d) {
  HistoryBuilder builder;
  const ValueHandle ttl = builder.values().add(10);
  const KeyId key = builder.key("k");
  constexpr std::int64_t ms = 1'000'000;
  REQUIRE(builder.invoke({1, F::acquire, key, ttl, no_node, a * ms}));
  REQUIRE(builder.complete({1, Fate::ok, {}, no_error, b * ms}));
  REQUIRE(builder.invoke({2, F::acquire, key, ttl, no_node, c * ms}));
  REQUIRE(builder.complete({2, Fate::ok, {}, no_error, d * ms}));
  auto made = try_make({{"model", "lease"}});
  REQUIRE(made);
  return (*made)->check(builder.finish(), {});
}

TEST_CASE(
    "lease: times that contradict the order are said so, those that two threads swapped are not") {
  CHECK(at_times(5, 8, 15, 16).validity == Validity::valid);
  CHECK(at_times(5, 8, 7, 15).validity == Validity::valid);
  CHECK(at_times(5, 8, 7, 14).validity == Validity::invalid);
  const Verdict v = at_times(5, 8, 3, 4);
  CHECK(v.validity == Validity::unknown);
  CHECK(contains(v.summary,
                 "the times go back: the acquire with invoke index 2 was over before the "
                 "acquire with invoke index 0 began, which it came after; a lease is "
                 "judged by the clock"));
  CHECK(contains(at_times(5, 4, 6, 7).summary,
                 "the acquire with invoke index 0 was over before it began;"));
}

TEST_CASE("lease: a long history has a small witness") {
  Lease lease;
  int now = 0;
  for (int i = 0; i < 2'000; ++i, now += 10) {
    const auto process = static_cast<std::uint32_t>(i % 5);
    lease.acquire(process, now, now + 2, 60);
    if (i % 3 != 0) lease.release(process, now + 3, now + 5);
  }
  CHECK(holds(lease));
  lease.acquire(7, now, now + 1, 60).acquire(8, now + 3, now + 5, 60);
  for (now += 20; now < 21'000; now += 10) lease.acquire(9, now, now + 1, 60);
  const Verdict v = judged(lease);
  CHECK(v.validity == Validity::invalid);
  CHECK(v.witness.size() == 2);
  CHECK(v.anomalies.at(0).first == "split-brain");
}

}  // namespace
}  // namespace faultline
