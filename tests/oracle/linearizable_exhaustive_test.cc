// Both engines against the oracle on every small history.
#include <algorithm>

#include <doctest/doctest.h>

#include "tests/oracle/generate.h"
#include "tests/oracle/judges.h"

namespace faultline::oracle {
namespace {

using linearizable::Call;
using linearizable::Kind;
using linearizable::no_value;
using linearizable::Object;
using linearizable::ValueId;

struct Letter {
  Kind kind;
  ValueId expected, value;
  bool info;
};

/// All histories of exactly `calls` calls by at most three processes over an alphabet. A process
/// with an info is retired, and another takes its place.
class Everything {
 public:
  template <typename Visit>
  std::uint64_t visit(std::size_t calls, const std::vector<Letter>& alphabet, Visit visit) {
    wanted_ = calls;
    alphabet_ = &alphabet;
    calls_.clear();
    open_.clear();
    count_ = 0;
    step(0, visit);
    return count_;
  }

 private:
  template <typename Visit>
  void step(Position now, Visit& visit) {
    if (calls_.size() == wanted_ && open_.empty()) {
      ++count_;
      visit(calls_);
      return;
    }
    if (calls_.size() < wanted_ && open_.size() < 3) {
      for (const Letter& letter : *alphabet_) {
        calls_.push_back({now, never, letter.expected, letter.value,
                          static_cast<OperationId>(calls_.size()), letter.kind});
        if (!letter.info) open_.push_back(calls_.size() - 1);
        step(now + 1, visit);
        if (!letter.info) open_.pop_back();
        calls_.pop_back();
      }
    }
    for (std::size_t i = 0; i < open_.size(); ++i) {
      const std::size_t ending = open_[i];
      calls_[ending].end = now;
      open_.erase(open_.begin() + static_cast<std::ptrdiff_t>(i));
      step(now + 1, visit);
      open_.insert(open_.begin() + static_cast<std::ptrdiff_t>(i), ending);
      calls_[ending].end = never;
    }
  }

  std::size_t wanted_ = 0;
  const std::vector<Letter>* alphabet_ = nullptr;
  std::vector<Call> calls_;
  std::vector<std::size_t> open_;
  std::uint64_t count_ = 0;
};

struct Comparisons {
  std::uint64_t valid = 0, invalid = 0, by_zones = 0, wrong = 0;
};

class Bench {
 public:
  void compare(const std::vector<Call>& calls, ValueId value_count) {
    const Object object{calls, value_count};
    const Validity truth = validity(oracle_.linearizable(calls));
    ++(truth == Validity::valid ? tally_.valid : tally_.invalid);
    const Validity searched = search_.judge(object);
    const Validity zoned = zones_.judge(object);
    if (zoned != Validity::unknown) ++tally_.by_zones;
    if (searched == truth && (zoned == truth || zoned == Validity::unknown)) return;
    if (++tally_.wrong == 1)
      FAIL_CHECK("oracle " << name_of(truth) << ", search " << name_of(searched) << ", zones "
                           << name_of(zoned) << "\n"
                           << to_text(calls));
  }
  const Comparisons& tally() const { return tally_; }

 private:
  Oracle oracle_;
  SearchJudge<> search_;
  ZoneJudge<> zones_;
  Comparisons tally_;
};

std::vector<Letter> reads_and_writes() {
  std::vector<Letter> letters;
  for (ValueId v = 0; v <= 2; ++v) letters.push_back({Kind::read, no_value, v, false});
  for (ValueId v = 1; v <= 2; ++v)
    for (const bool info : {false, true}) letters.push_back({Kind::write, no_value, v, info});
  return letters;
}

std::vector<Letter> with_cas() {
  std::vector<Letter> letters = reads_and_writes();
  for (ValueId from = 0; from <= 2; ++from)
    for (ValueId to = 1; to <= 2; ++to) {
      if (from == to && from == 2) continue;  // as from 1 to 1
      for (const bool info : {false, true}) letters.push_back({Kind::cas, from, to, info});
      letters.push_back({Kind::mismatch, from, to, false});
    }
  return letters;
}

TEST_CASE("oracle: all histories of up to five reads and writes by three processes") {
  Bench bench;
  Everything everything;
  std::uint64_t count = 0;
  for (std::size_t n = 1; n <= 5; ++n)
    count += everything.visit(n, reads_and_writes(),
                              [&](const std::vector<Call>& calls) { bench.compare(calls, 3); });
  CHECK(bench.tally().wrong == 0);
  CHECK(count > 2'000'000);
  CHECK(bench.tally().valid > 100'000);
  CHECK(bench.tally().invalid > 100'000);
  CHECK(bench.tally().by_zones > 100'000);
  MESSAGE(count << " histories, " << bench.tally().valid << " of them linearizable, "
                << bench.tally().by_zones << " judged by zones as well");
}

TEST_CASE("oracle: all histories of up to four calls with compare-and-set and mismatches") {
  Bench bench;
  Everything everything;
  const std::vector<Letter> letters = with_cas();
  const auto first_is_one = [](const std::vector<Call>& calls) {
    for (const Call& call : calls)  // 1 and 2 are interchangeable
      for (const ValueId v : {call.expected, call.value})
        if (v == 1 || v == 2) return v == 1;
    return true;
  };
  for (std::size_t n = 1; n <= 3; ++n)
    everything.visit(n, letters, [&](const std::vector<Call>& calls) { bench.compare(calls, 3); });
  // Every history of four calls is enumerated up to renaming the two values.
  everything.visit(4, letters, [&](const std::vector<Call>& calls) {
    if (first_is_one(calls)) bench.compare(calls, 3);
  });
  CHECK(bench.tally().wrong == 0);
  CHECK(bench.tally().valid > 100'000);
  CHECK(bench.tally().invalid > 100'000);
  MESSAGE((bench.tally().valid + bench.tally().invalid)
          << " histories judged, " << bench.tally().valid << " linearizable");
}

TEST_CASE("oracle: all histories of up to four calls with unique values") {
  // The n-th write in order of begin writes n, which is no loss of generality; 5 is never written.
  std::vector<Letter> letters;
  for (ValueId v = 0; v <= 4; ++v) letters.push_back({Kind::read, no_value, v, false});
  for (const bool info : {false, true}) {
    letters.push_back({Kind::write, no_value, 1, info});
    for (ValueId v = 0; v <= 3; ++v) letters.push_back({Kind::cas, v, 1, info});
  }
  Bench bench;
  Everything everything;
  for (std::size_t n = 1; n <= 4; ++n)
    everything.visit(n, letters, [&](std::vector<Call> calls) {
      ValueId next = 1;
      for (Call& call : calls)
        if (sets(call)) call.value = next++;
      bench.compare(calls, 6);
    });
  CHECK(bench.tally().wrong == 0);
  CHECK(bench.tally().by_zones == bench.tally().valid + bench.tally().invalid);
  CHECK(bench.tally().valid > 10'000);
  CHECK(bench.tally().invalid > 100'000);
  MESSAGE(bench.tally().by_zones << " histories, " << bench.tally().valid << " linearizable");
}

}  // namespace
}  // namespace faultline::oracle
