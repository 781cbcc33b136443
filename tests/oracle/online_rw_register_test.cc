// The incremental rw-register beside the one that sees the whole history: nothing may be found of
// any beginning that is not true of the whole, and as soon as nothing is left to wait for, all that
// is inferred of the whole must have been found.
#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "checkers/transactional/cycles.h"
#include "checkers/transactional/isolation.h"
#include "checkers/transactional/registers.h"
#include "harness/core/params.h"
#include "tests/oracle/judges.h"
#include "tests/oracle/online_feed.h"
#include "tests/oracle/txn_shrink.h"

namespace faultline::oracle::txn {
namespace {

Names refuted(const OnlineFindings& found) { return {found.refuted.begin(), found.refuted.end()}; }

/// What is inferred of all of it.
Names inferred(const History& history) {
  const transactional::Transactions transactions(history, transactional::Objects::registers);
  const transactional::Elements values(transactions);
  transactional::Registers registers(transactions, values);
  Meter meter({});
  registers.note_cyclic_versions(meter);
  transactional::CycleFindings cycles;
  find_inferred_cycles(registers, meter, cycles);
  transactional::ModelSet models;
  for (std::size_t a = 0; a < cycles.counts.size(); ++a) {
    const auto anomaly = static_cast<transactional::Anomaly>(a);
    // What only a G-cursor rules out is not looked for.
    const bool is_cursor = transactional::name_of(anomaly).starts_with("G-cursor");
    const std::uint64_t count = cycles.counts[a] + (is_cursor ? 0 : registers.offences().counts[a]);
    if (count > 0) models |= ruled_out_by(anomaly);
  }
  const auto names = transactional::names_of(models);
  return {names.begin(), names.end()};
}

/// Somebody read a value before it was asked to write it.
bool reads_early(const Feed& feed, const Transactions& history) {
  bool early = false;
  for (const Transaction& reader : history)
    if (reader.fate == Fate::ok)
      for (const Micro& m : reader.micros)
        if (!m.append && !m.list.empty())
          if (const int from = appender(history, m.key, m.list.back()); from >= 0)
            early = early || history[static_cast<std::size_t>(from)].begin > reader.end;
  return early && !feed.events.empty();
}

class OnlineRegisterComparison {
 public:
  OnlineRegisterComparison() {
    const ConfigNode nothing;
    Params params(nothing, "check");
    auto made = make_rw_register(params);
    REQUIRE(made);
    checker_ = *std::move(made);
  }

  void compare(const Transactions& history, Spelling spelling) {
    spelling.registers = true;
    const std::string why = objection(history, spelling, true);
    if (why.empty() || ++wrong > 1) return;
    const Transactions least = shrunk(history, [&](const Transactions& h) {
      return objection(h, spelling, false).substr(0, 12) == why.substr(0, 12);
    });
    FAIL_CHECK(objection(least, spelling, false) << "\n" << to_text(least));
  }

  long wrong = 0, early = 0, late = 0, invalid = 0, valid = 0, before_the_end = 0;

 private:
  std::string objection(const Transactions& history, const Spelling& spelling, bool counts) {
    const Feed feed(history, spelling);
    const Verdict verdict = checker_->check(feed.history, {});
    if (verdict.reason == "unsupported" || verdict.reason == "vacuous") return {};
    Names truth(verdict.refuted.begin(), verdict.refuted.end());
    truth.insert(verdict.also_refuted.begin(), verdict.also_refuted.end());
    const auto online = checker_->online({});
    std::size_t first = feed.events.size() + 1;
    for (std::size_t i = 0; i < feed.events.size(); ++i) {
      online->feed(feed.history.values(), feed.events[i]);
      const OnlineFindings found = online->findings();
      if (!found.anomalies.empty()) first = std::min(first, i + 1);
      Names wrongly;
      std::ranges::set_difference(refuted(found), truth, std::inserter(wrongly, wrongly.end()));
      if (!wrongly.empty())
        return "false alarm after " + std::to_string(i + 1) + " events:" + joined(wrongly);
    }
    const Names expected = inferred(feed.history);
    const bool is_settled =
        spelling.infos_complete && std::ranges::none_of(verdict.anomalies, [](const auto& one) {
          return one.first == "garbage-read";
        });
    if (reads_early(feed, history)) return {};
    if (is_settled) {
      const Names last = refuted(online->findings());
      if (last != expected)
        return "missed, with all answered:" + joined(expected) + ", found" + joined(last);
      if (counts && !expected.empty()) ++before_the_end;
    }
    online->finish();
    const OnlineFindings found = online->findings();
    if (refuted(found) != expected)
      return "in the end it should be:" + joined(expected) + ", is" + joined(refuted(found));
    if (names(found.anomalies) != names(verdict.anomalies))
      return "other names:" + joined(names(found.anomalies)) + ", expected" +
             joined(names(verdict.anomalies));
    if (!counts) return {};
    ++(expected.empty() ? valid : invalid);
    if (!expected.empty()) ++(first < feed.events.size() ? early : late);
    return {};
  }

  /// What single transactions prove.
  static Names names(const std::vector<std::pair<std::string, std::uint64_t>>& anomalies) {
    Names all;
    for (const auto& [name, count] : anomalies)
      for (const char* one :
           {"G1a", "G1b", "internal", "garbage-read", "future-read", "dirty-update", "lost-update"})
        if (name == one) all.insert(name);
    // Whose first read is garbage is not looked at for this.
    if (all.contains("garbage-read")) all.erase("lost-update");
    return all;
  }

  std::unique_ptr<Checker> checker_;
};

TEST_CASE("oracle: online rw-register on random histories and all their beginnings") {
  OnlineRegisterComparison comparison;
  const long count = iterations(40'000);
  compare_random(comparison, Rng(79).fork("online"), count);
  CHECK(comparison.wrong == 0);
  CHECK(comparison.valid > count / 20);
  CHECK(comparison.invalid > count / 4);
  CHECK(comparison.early > count / 10);
  CHECK(comparison.before_the_end > count / 10);
  MESSAGE(comparison.valid << " valid, " << comparison.invalid << " invalid, " << comparison.early
                           << " of them noticed before the last event, "
                           << comparison.before_the_end << " with nothing left to decide");
}

TEST_CASE("oracle: online rw-register on histories of databases, spoilt and not") {
  OnlineRegisterComparison comparison;
  const long count = iterations(3'000);
  compare_simulated(comparison, Rng(80).fork("online"), count);
  CHECK(comparison.wrong == 0);
  CHECK(comparison.valid > count / 20);
  CHECK(comparison.invalid > count / 4);
  CHECK(comparison.before_the_end > count / 10);
  MESSAGE(comparison.valid << " valid, " << comparison.invalid << " invalid, "
                           << comparison.before_the_end << " with nothing left to decide");
}

}  // namespace
}  // namespace faultline::oracle::txn
