// What is noted of many keys becomes one verdict, in whatever order it is noted.
#include "checkers/linearizable/report.h"

#include <algorithm>
#include <string>
#include <vector>

#include <doctest/doctest.h>

#include "tests/checkers/script.h"

namespace faultline::linearizable {
namespace {

/// With the keys k0, k1, …
History history_of(int keys) {
  script::Script script;
  for (int k = 0; k < keys; ++k) script.write(3 * k, 3 * k + 1, k, "k" + std::to_string(k));
  return script.history();
}

Finding finding(Report::Rank rank) {
  Finding made;
  made.anomaly = rank % 2 == 0 ? "stale-read" : "lost-write";
  made.sentence = "finding " + std::to_string(rank);
  made.witness = {static_cast<OperationId>(rank)};
  made.minimal = true;
  return made;
}

/// Ranks in the order of telling, the reverse, and the last third first.
std::vector<std::vector<Report::Rank>> orders(std::size_t count) {
  std::vector<Report::Rank> told;
  for (std::size_t i = 0; i < count; ++i) told.push_back(i);
  std::vector<Report::Rank> reversed(told.rbegin(), told.rend()), rotated = told;
  std::ranges::rotate(rotated, rotated.begin() + static_cast<std::ptrdiff_t>(2 * count / 3));
  return {told, reversed, rotated};
}

TEST_CASE("report: of violations the lowest ranks are told, in their order") {
  const History history = history_of(120);
  for (const auto& order : orders(120)) {
    Verdict verdict;
    Report report(history, verdict);
    for (const Report::Rank rank : order)
      report.note_invalid(rank, static_cast<KeyId>(rank), finding(rank));
    report.note_unknown(0, "steps", "a key undecided");
    report.conclude(121);
    CHECK(verdict.validity == Validity::invalid);
    CHECK(verdict.reason.empty());
    CHECK(verdict.summary == "key k0: finding 0 (and 119 more keys)");
    CHECK(verdict.witness == std::vector<OperationId>{0});
    std::size_t at = 0;
    for (const std::string sentence : {"finding 0", "finding 1", "finding 2"}) {
      at = verdict.explanation.find(sentence + " (", at);
      CHECK(at != std::string::npos);
    }
    CHECK(verdict.explanation.find("finding 3") == std::string::npos);
    REQUIRE(verdict.keys_invalid.size() == 100);
    for (std::size_t k = 0; k < 100; ++k) CHECK(verdict.keys_invalid[k] == "k" + std::to_string(k));
    CHECK(verdict.counted ==
          std::vector<std::pair<std::string, std::uint64_t>>{{"keys_invalid", 120}});
    CHECK(verdict.anomalies == std::vector<std::pair<std::string, std::uint64_t>>{
                                   {"lost-write", 60}, {"stale-read", 60}});
    CHECK(verdict.not_refuted == std::vector<std::string>{"sequential"});
  }
}

TEST_CASE("report: one finding that no order explains rules out sequential consistency") {
  const History history = history_of(5);
  for (std::size_t which = 0; which < 5; ++which) {
    Verdict verdict;
    Report report(history, verdict);
    for (Report::Rank rank = 5; rank-- > 0;) {
      Finding made = finding(rank);
      made.rules_out_sequential = rank == which;
      report.note_invalid(rank, static_cast<KeyId>(rank), made);
    }
    report.conclude(5);
    CHECK(verdict.not_refuted.empty());
  }
}

TEST_CASE("report: of what stayed unknown the lowest rank is told") {
  const History history = history_of(3);
  for (const auto& order : orders(3)) {
    Verdict verdict;
    Report report(history, verdict);
    report.note_unknown(Report::last, "stopped", "not every key was looked at");
    for (const Report::Rank rank : order)
      report.note_unknown(rank, rank == 0 ? "memory" : "steps", "key " + std::to_string(rank));
    report.conclude(3);
    CHECK(verdict.validity == Validity::unknown);
    CHECK(verdict.reason == "memory");
    CHECK(verdict.summary == "key 0 (and 3 more keys undecided)");
  }
}

}  // namespace
}  // namespace faultline::linearizable
