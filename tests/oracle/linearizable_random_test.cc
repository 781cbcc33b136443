// The engines against the oracle on random histories, against each other on long ones, and against
// what must not change a verdict.
#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "harness/core/rng.h"
#include "tests/checkers/script.h"
#include "tests/oracle/generate.h"
#include "tests/oracle/judges.h"

namespace faultline::oracle {
namespace {

using linearizable::Call;
using linearizable::Kind;
using linearizable::no_value;
using linearizable::Object;
using linearizable::SearchOptions;
using linearizable::ValueId;

TEST_CASE("oracle: random histories of up to twelve calls") {
  Oracle oracle;
  SearchJudge<> search;
  ZoneJudge<> zones;
  Rng rng(1);
  const long count = iterations(300'000);
  long valid = 0, by_zones = 0, wrong = 0;
  for (long i = 0; i < count; ++i) {
    const Shape shape = random_shape(rng, 12);
    const std::vector<Call> calls = random_history(rng, shape);
    const Object object{calls, value_count(shape)};
    const Validity truth = validity(oracle.linearizable(calls));
    const Validity searched = search.judge(object), zoned = zones.judge(object);
    valid += truth == Validity::valid;
    by_zones += zoned != Validity::unknown;
    if (searched == truth && (zoned == truth || zoned == Validity::unknown)) continue;
    if (++wrong == 1)
      FAIL_CHECK("oracle " << name_of(truth) << ", search " << name_of(searched) << ", zones "
                           << name_of(zoned) << "\n"
                           << to_text(calls));
  }
  CHECK(wrong == 0);
  CHECK(valid > count / 4);
  CHECK(count - valid > count / 10);
  CHECK(by_zones > count / 4);
  MESSAGE(count << " histories, " << valid << " linearizable, " << by_zones << " by zones as well");
}

TEST_CASE("oracle: five calls with compare-and-set and mismatches, sampled") {
  Oracle oracle;
  SearchJudge<> search;
  Rng rng(5);
  const long count = iterations(200'000);
  long wrong = 0;
  for (long i = 0; i < count; ++i) {
    Shape shape = random_shape(rng, 6);
    shape.calls = 5;
    shape.values = 3;
    shape.unique = false;
    shape.cas = shape.mismatches = true;
    const std::vector<Call> calls = random_history(rng, shape);
    wrong +=
        search.judge(Object{calls, value_count(shape)}) != validity(oracle.linearizable(calls));
  }
  CHECK(wrong == 0);
}

/// How many of the verdicts that begin with a beam of one are not the oracle's.
template <typename Rules>
long wrong_with_narrow_beam(std::uint64_t seed) {
  Oracle oracle;
  SearchJudge<Rules> search;
  Rng rng(seed);
  SearchOptions narrow;
  narrow.beam = 1;
  const long count = iterations(50'000);
  long wrong = 0;
  for (long i = 0; i < count; ++i) {
    Shape shape = random_shape(rng, 12);
    shape.unique = false;
    const std::vector<Call> calls = random_history(rng, shape);
    wrong += search.judge(Object{calls, value_count(shape)}, narrow) !=
             validity(oracle.linearizable(calls));
  }
  return wrong;
}

TEST_CASE("oracle: a narrow beam never turns an invalid history valid, nor a valid one invalid") {
  CHECK(wrong_with_narrow_beam<linearizable::SearchRules>(6) == 0);
}

/// Goes back in histories of a few calls.
struct RestlessRules : linearizable::SearchRules {
  static constexpr std::size_t checkpoint_every = 1, goes_back_first = 2;
};

TEST_CASE("oracle: going back with a wider beam changes no verdict") {
  CHECK(wrong_with_narrow_beam<RestlessRules>(16) == 0);
}

TEST_CASE("oracle: from any initial state means from some initial state") {
  Oracle oracle;
  SearchJudge<> search;
  Rng rng(7);
  SearchOptions anywhere;
  anywhere.any_initial_state = true;
  const long count = iterations(50'000);
  long wrong = 0, valid = 0;
  for (long i = 0; i < count; ++i) {
    const Shape shape = random_shape(rng, 9);
    const std::vector<Call> calls = random_history(rng, shape);
    bool truth = false;
    for (ValueId first = 0; first <= value_count(shape) && !truth; ++first) {
      std::vector<Call> begun{{0, 0, no_value, first, 1000, Kind::write}};
      for (Call call : calls) {
        ++call.begin;
        if (call.end != never) ++call.end;
        begun.push_back(call);
      }
      truth = oracle.linearizable(begun);
    }
    valid += truth;
    wrong += search.judge(Object{calls, value_count(shape)}, anywhere) != validity(truth);
  }
  CHECK(wrong == 0);
  CHECK(valid > count / 4);
  CHECK(valid < count);
}

TEST_CASE("oracle: zones and search agree on longer histories with unique values") {
  SearchJudge<> search;
  ZoneJudge<> zones;
  Rng rng(2);
  const long count = iterations(10'000) / 5;
  long valid = 0, wrong = 0;
  for (long i = 0; i < count; ++i) {
    Shape shape;
    shape.calls = 50 + static_cast<int>(rng.below(400));
    shape.unique = true;
    shape.cas = rng.below(2) == 0;
    shape.mismatches = false;
    shape.info_percent = static_cast<int>(rng.below(3)) * 10;
    const int clients = 2 + static_cast<int>(rng.below(12));
    const std::vector<Call> calls =
        long_history(rng, shape, clients, static_cast<int>(rng.below(3)));
    const Object object{calls, static_cast<ValueId>(shape.calls + 1)};
    const Validity searched = search.judge(object), zoned = zones.judge(object);
    REQUIRE(zoned != Validity::unknown);
    valid += zoned == Validity::valid;
    if (searched != zoned && ++wrong == 1)
      FAIL_CHECK("search " << name_of(searched) << ", zones " << name_of(zoned) << " on "
                           << calls.size() << " calls");
  }
  CHECK(wrong == 0);
  CHECK(valid > count / 5);
  CHECK(count - valid > count / 5);
}

TEST_CASE("oracle: widening an interval never turns a valid history invalid") {
  SearchJudge<> search;
  ZoneJudge<> zones;
  Rng rng(3);
  const long count = iterations(30'000);
  long valid = 0, wrong = 0;
  for (long i = 0; i < count; ++i) {
    const Shape shape = random_shape(rng, 40);
    std::vector<Call> calls = random_history(rng, shape);
    if (calls.empty()) continue;
    const ValueId values = value_count(shape);
    const bool searched = search.judge({calls, values}) == Validity::valid;
    const bool zoned = zones.judge({calls, values}) == Validity::valid;
    if (!searched && !zoned) continue;
    ++valid;
    Call& call = calls[static_cast<std::size_t>(rng.below(calls.size()))];
    // Equal positions come about, which are concurrent.
    if (rng.below(2) == 0) call.begin -= static_cast<Position>(rng.below(call.begin + 1));
    if (call.end != never && rng.below(2) == 0) call.end += static_cast<Position>(rng.below(10));
    std::sort(calls.begin(), calls.end(),
              [](const Call& a, const Call& b) { return a.begin < b.begin; });
    wrong += searched && search.judge({calls, values}) != Validity::valid;
    wrong += zoned && zones.judge({calls, values}) != Validity::valid;
  }
  CHECK(wrong == 0);
  CHECK(valid > count / 4);
}

TEST_CASE("oracle: equal positions are concurrent") {
  Oracle oracle;
  SearchJudge<> search;
  ZoneJudge<> zones;
  Rng rng(4);
  const long count = iterations(100'000);
  long wrong = 0;
  for (long i = 0; i < count; ++i) {
    const Shape shape = random_shape(rng, 10);
    std::vector<Call> calls = random_history(rng, shape);
    for (Call& call : calls) {  // coarser clocks
      call.begin = call.begin / 3 * 3;
      if (call.end != never) call.end = call.end / 3 * 3;
    }
    const Object object{calls, value_count(shape)};
    const Validity truth = validity(oracle.linearizable(calls));
    const Validity zoned = zones.judge(object);
    wrong += search.judge(object) != truth;
    wrong += zoned != truth && zoned != Validity::unknown;
  }
  CHECK(wrong == 0);
}

/// The same history as the checker gets it, under `key`, beginning at `start`.
void add_to(script::Script& script, const std::vector<Call>& calls, const std::string& key,
            int start, int stride) {
  for (const Call& call : calls) {
    script::Script::Operation o;
    const auto value = [](ValueId v) { return v == 0 ? Value() : Value(static_cast<int>(v)); };
    o.function = call.kind == Kind::read    ? Function::read
                 : call.kind == Kind::write ? Function::write
                                            : Function::cas;
    if (call.kind == Kind::read) {
      o.output = value(call.value);
    } else if (call.kind == Kind::write) {
      o.argument = value(call.value);
    } else {
      o.argument = List{value(call.expected), value(call.value)};
    }
    o.fate = call.end == never             ? Fate::info
             : call.kind == Kind::mismatch ? Fate::mismatch
                                           : Fate::ok;
    o.begin = start + stride * static_cast<int>(call.begin);
    o.end = call.end == never ? 0 : start + stride * static_cast<int>(call.end);
    o.key = key;
    script.add(o);
  }
}

std::unique_ptr<Checker> make_checker(const char* engine) {
  ConfigNode mapping;
  ConfigNode::Member& member = mapping.members.emplace_back();
  member.key = "engine";
  member.value = ConfigNode::of(engine);
  Params params(mapping, "check linearizable");
  auto made = make_linearizable(params);
  REQUIRE(made);
  return std::move(*made);
}

/// The witness as calls of the original.
std::vector<Call> calls_of(const Verdict& verdict, const History& history,
                           const std::vector<Call>& calls) {
  std::vector<Call> found;
  for (const OperationId id : verdict.witness) {
    // The script keeps the order of begins, so the n-th operation is the n-th call.
    REQUIRE(id < history.size());
    found.push_back(calls[id]);
  }
  return found;
}

TEST_CASE("oracle: the checker's verdict is the oracle's, and its witness is a proof") {
  const auto automatic = make_checker("auto"), searching = make_checker("search");
  Oracle oracle;
  Rng rng(8);
  const long count = iterations(20'000);
  long invalid = 0, longest = 0, total = 0;
  for (long i = 0; i < count; ++i) {
    const Shape shape = random_shape(rng, 12);
    const std::vector<Call> calls = random_history(rng, shape);
    if (std::none_of(calls.begin(), calls.end(), linearizable::observes)) continue;
    script::Script script;
    add_to(script, calls, "k", 0, 1);
    const History history = script.history();
    const bool truth = oracle.linearizable(calls);
    for (const Checker* checker : {automatic.get(), searching.get()}) {
      const Verdict verdict = checker->check(history, {});
      REQUIRE_MESSAGE(verdict.validity == validity(truth), to_text(calls));
      if (truth) continue;
      const std::vector<Call> witness = calls_of(verdict, history, calls);
      REQUIRE_MESSAGE(!oracle.linearizable(witness), (to_text(calls) + verdict.explanation));
      REQUIRE(!verdict.anomalies.empty());
      ++invalid;
      total += static_cast<long>(witness.size());
      longest = std::max(longest, static_cast<long>(witness.size()));
    }
  }
  CHECK(invalid > count / 10);
  CHECK(total < 5 * invalid);
  MESSAGE(invalid << " violations, witnesses of "
                  << static_cast<double>(total) / static_cast<double>(invalid)
                  << " operations, at most " << longest);
}

TEST_CASE("oracle: an unrelated key changes nothing") {
  const auto checker = make_checker("auto");
  Rng rng(9);
  const long count = iterations(5'000);
  long wrong = 0;
  for (long i = 0; i < count; ++i) {
    const Shape shape = random_shape(rng, 12);
    const std::vector<Call> calls = random_history(rng, shape);
    if (std::none_of(calls.begin(), calls.end(), linearizable::observes)) continue;
    script::Script alone, accompanied;
    add_to(alone, calls, "k", 0, 40);
    add_to(accompanied, calls, "k", 0, 40);
    Shape quiet = random_shape(rng, 12);
    quiet.mutations = 0;
    add_to(accompanied, random_history(rng, quiet), "other", 1, 3);
    for (int j = 0; j < 200; ++j)  // so that the first key's positions are sparse
      accompanied.read(2 + 4 * j, 3 + 4 * j, {}, "third");
    const Verdict one = checker->check(alone.history(), {});
    const Verdict two = checker->check(accompanied.history(), {});
    if (one.validity == two.validity && one.keys_invalid == two.keys_invalid &&
        one.anomalies == two.anomalies)
      continue;
    if (++wrong == 1)
      FAIL_CHECK(name_of(one.validity) << "\n"
                                       << one.explanation << name_of(two.validity) << "\n"
                                       << two.explanation << to_text(calls));
  }
  CHECK(wrong == 0);
}

}  // namespace
}  // namespace faultline::oracle
