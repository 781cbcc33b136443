// The incremental list-append beside the one that sees the whole history: nothing may be found of
// any beginning that is not true of the whole, and in the end both must rule out the same.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "harness/core/params.h"
#include "tests/oracle/judges.h"
#include "tests/oracle/online_feed.h"
#include "tests/oracle/txn_shrink.h"

namespace faultline::oracle::txn {
namespace {

class OnlineComparison {
 public:
  OnlineComparison() {
    const ConfigNode nothing;
    Params params(nothing, "check");
    auto made = make_list_append(params);
    REQUIRE(made);
    checker_ = *std::move(made);
  }

  void compare(const Transactions& history, const Spelling& spelling) {
    const std::string why = objection(history, spelling, true);
    if (why.empty() || ++wrong > 1) return;
    const Transactions least = shrunk(history, [&](const Transactions& h) {
      return objection(h, spelling, false).substr(0, 12) == why.substr(0, 12);
    });
    FAIL_CHECK(objection(least, spelling, false) << "\n" << to_text(least));
  }

  long wrong = 0, early = 0, late = 0, invalid = 0, valid = 0, before_the_end = 0, contradicted = 0;

 private:
  std::string objection(const Transactions& history, const Spelling& spelling, bool counts) {
    const Feed feed(history, spelling);
    const Verdict verdict = checker_->check(feed.history, {});
    if (verdict.reason == "unsupported") return {};
    Names truth(verdict.refuted.begin(), verdict.refuted.end());
    truth.insert(verdict.also_refuted.begin(), verdict.also_refuted.end());
    const bool contradicts = std::ranges::any_of(
        verdict.anomalies, [](const auto& one) { return one.first == "incompatible-order"; });
    const auto online = checker_->online({});
    std::size_t first = feed.events.size() + 1;
    Names last;
    for (std::size_t i = 0; i < feed.events.size(); ++i) {
      online->feed(feed.history.values(), feed.events[i]);
      const OnlineFindings found = online->findings();
      last = Names(found.refuted.begin(), found.refuted.end());
      if (!found.anomalies.empty()) first = std::min(first, i + 1);
      Names wrongly;
      std::ranges::set_difference(last, truth, std::inserter(wrongly, wrongly.end()));
      // The order of a key that was read so far is all there is, until a longer list contradicts
      // it.
      if (contradicts)
        std::erase_if(wrongly,
                      [](const std::string& name) { return name.ends_with("uncommitted"); });
      if (!wrongly.empty())
        return "false alarm after " + std::to_string(i + 1) + " events:" + joined(wrongly);
    }
    // What only a G-cursor rules out is not looked for.
    const auto without_cursors = [](Names names) {
      for (const char* name : {"cursor-stability", "update-atomic"}) names.erase(name);
      return names;
    };
    const bool has_lost = names(verdict.anomalies).contains("lost-update");
    if (!has_lost) truth = without_cursors(truth), last = without_cursors(last);
    if (reads_everything(history) && !contradicts && spelling.infos_complete) {
      if (last != truth) return "missed, with all read:" + joined(truth) + ", found" + joined(last);
      if (counts && !truth.empty()) ++before_the_end;
    }
    online->finish();
    const OnlineFindings found = online->findings();
    last = Names(found.refuted.begin(), found.refuted.end());
    if (!has_lost) last = without_cursors(last);
    if (last != truth) return "in the end it should be:" + joined(truth) + ", is" + joined(last);
    if (!contradicts && names(found.anomalies) != names(verdict.anomalies))
      return "other names:" + joined(names(found.anomalies)) + ", expected" +
             joined(names(verdict.anomalies));
    if (!counts) return {};
    ++(truth.empty() ? valid : invalid);
    contradicted += contradicts;
    if (!truth.empty()) ++(first < feed.events.size() ? early : late);
    return {};
  }

  /// But for cycles: of several ones, those that are met first are named.
  static Names names(const std::vector<std::pair<std::string, std::uint64_t>>& anomalies) {
    Names all;
    for (const auto& [name, count] : anomalies)
      if (name == "G1a" || name == "G1b" || !name.starts_with("G")) all.insert(name);
    // What is garbage twice is not always called a duplicate.
    if (all.contains("garbage-read")) all.erase("duplicate-elements");
    return all;
  }

  std::unique_ptr<Checker> checker_;
};

TEST_CASE("oracle: online list-append on random histories and all their beginnings") {
  OnlineComparison comparison;
  const long count = iterations(40'000);
  compare_random(comparison, Rng(77).fork("online"), count);
  CHECK(comparison.wrong == 0);
  CHECK(comparison.valid > count / 20);
  CHECK(comparison.invalid > count / 4);
  CHECK(comparison.early > count / 10);
  CHECK(comparison.before_the_end > count / 10);
  CHECK(comparison.contradicted > count / 100);
  MESSAGE(comparison.valid << " valid, " << comparison.invalid << " invalid, " << comparison.early
                           << " of them noticed before the last event, "
                           << comparison.before_the_end << " with nothing left to decide, "
                           << comparison.contradicted << " contradicted");
}

TEST_CASE("oracle: online list-append on histories of databases, spoilt and not") {
  OnlineComparison comparison;
  const long count = iterations(3'000);
  compare_simulated(comparison, Rng(78).fork("online"), count);
  CHECK(comparison.wrong == 0);
  CHECK(comparison.valid > count / 20);
  CHECK(comparison.invalid > count / 4);
  CHECK(comparison.before_the_end > count / 10);
  MESSAGE(comparison.valid << " valid, " << comparison.invalid << " invalid, "
                           << comparison.before_the_end << " with nothing left to decide");
}

}  // namespace
}  // namespace faultline::oracle::txn
