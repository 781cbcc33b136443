// Histories of small databases of each level: their level is never refuted, and of those next above
// each is, often enough, so that no database is better than it is said to be.
#include "tests/oracle/txn_simulate.h"

#include <algorithm>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "tests/oracle/judges.h"
#include "tests/oracle/txn_simulate_replicas.h"
#include "tests/oracle/txn_simulate_views.h"

namespace faultline::oracle::txn {
namespace {

using Shape = Clients::Shape;

template <typename Database, auto level>
Transactions history_of(Rng rng, Shape shape) {
  return Database(level, std::move(rng), shape).run();
}
Transactions history_of_unsettled_sites(Rng rng, Shape shape) {
  return UnsettledSites(std::move(rng), shape).run();
}

struct LevelModel {
  std::string_view model;                 ///< What it promises.
  std::vector<std::string_view> next;     ///< What it does not.
  Transactions (*simulated)(Rng, Shape);  ///< The histories of the database.
  long proven = 99;                       ///< At least so many of a hundred.
  long registers_proven = 99;
  std::vector<std::string_view> next_of_lists{};  ///< Of registers, nothing rules these out.
  int processes = 5;
};

/// Models that only a stronger one that holds can prove.
constexpr long seldom = 0;

std::vector<LevelModel> item_levels() {
  using enum Simulation::Level;
  using enum Replicas::Level;
  constexpr auto uncommitted = &history_of<Simulation, read_uncommitted>;
  constexpr auto locked = &history_of<Simulation, locked_writes>;
  return {
      // Where what was aborted is read, lists may have no order.
      {"read-uncommitted", {"read-committed"}, uncommitted, 50},
      {"strong-read-uncommitted", {"strong-read-committed"}, uncommitted, 50},
      {"read-committed",
       {"monotonic-atomic-view", "cursor-stability", "monotonic-view"},
       &history_of<Replicas, read_committed>},
      {"strong-read-committed", {"strong-session-consistent-view", "causal"}, locked},
      {"monotonic-atomic-view",
       {"read-atomic", "repeatable-read"},
       &history_of<Replicas, monotonic_atomic_view>},
      {"monotonic-atomic-view", {"read-atomic", "repeatable-read"}, locked},
      {"monotonic-view", {"consistent-view"}, locked, seldom, seldom},
      {"monotonic-snapshot-read", {"snapshot-isolation"}, locked, seldom, seldom},
      {"cursor-stability",
       {"consistent-view", "repeatable-read", "monotonic-view"},
       &history_of<Replicas, cursor_stability>,
       99,
       seldom},
  };
}

std::vector<LevelModel> view_levels() {
  constexpr int forward_processes = 10;  // only what is committed meanwhile may be missed
  return {
      {"read-atomic",
       {"update-atomic", "causal-cerone", "strong-session-read-atomic"},
       &history_of<Views, Views::read_atomic>},
      {"strong-session-read-atomic",
       {"strong-session-causal", "causal"},
       &history_of<Views, Views::session_read_atomic>},
      {"update-atomic",
       {"parallel-snapshot-isolation", "causal-cerone"},
       &history_of<Views, Views::update_atomic>,
       seldom,
       seldom},
      {"causal-cerone",
       {"parallel-snapshot-isolation", "strong-session-causal"},
       &history_of<Views, Views::causal>,
       99,
       99,
       {"prefix"}},
      {"strong-session-causal",
       {"strong-session-snapshot-isolation"},
       &history_of<Views, Views::session_causal>,
       99,
       99,
       {"prefix"}},
      {"prefix",
       {"snapshot-isolation", "update-atomic"},
       &history_of<Views, Views::consistent_prefix>,
       99,
       seldom},
      {"consistent-view",
       {"snapshot-isolation", "strong-session-consistent-view"},
       &history_of<Views, Views::consistent_view>,
       99,
       75,
       {"prefix"}},
      {"forward-consistent-view",
       {"snapshot-isolation"},
       &history_of<Views, Views::forward_consistent_view>,
       seldom,
       seldom,
       {"prefix"},
       forward_processes},
      {"strong-consistent-view",
       {"strong-snapshot-isolation"},
       &history_of<Views, Views::forward_consistent_view>,
       99,
       75,
       {},
       forward_processes},
      {"update-serializable",
       {"serializable"},
       &history_of<Views, Views::update_serializable>,
       seldom,
       seldom},
  };
}

std::vector<LevelModel> snapshot_levels() {
  using enum Simulation::Level;
  return {
      {"parallel-snapshot-isolation",
       {"snapshot-isolation"},
       &history_of<Simulation, parallel_snapshot>,
       99,
       80},
      {"strong-session-consistent-view",
       {"strong-consistent-view"},
       &history_of<Simulation, parallel_snapshot>,
       seldom,
       seldom},
      {"snapshot-isolation",
       {"strong-session-snapshot-isolation", "serializable"},
       &history_of<Simulation, snapshot>},
      {"strong-session-snapshot-isolation",
       {"strong-snapshot-isolation", "strong-session-serializable"},
       &history_of<Simulation, session_snapshot>},
      {"strong-snapshot-isolation",
       {"serializable", "strict-serializable"},
       &history_of<Simulation, strong_snapshot>},
      {"serializable", {"strong-session-serializable"}, &history_of<Simulation, serializable>},
      {"strong-session-serializable",
       {"strict-serializable"},
       &history_of<Simulation, session_serializable>},
      {"strict-serializable", {}, &history_of<Simulation, strict_serializable>},
  };
}

std::vector<LevelModel> all_levels() {
  std::vector<LevelModel> all = item_levels();
  for (auto more : {view_levels(), snapshot_levels()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

using Make = Result<std::unique_ptr<Checker>> (*)(Params&);

std::unique_ptr<Checker> checker_for(Make make, const std::string& models) {
  ConfigNode mapping;
  mapping.members.push_back({"model", {}, ConfigNode::of(models)});
  Params params(mapping, "check");
  auto made = make(params);
  REQUIRE(made);
  return *std::move(made);
}

/// Of a hundred.
long share(long part, long whole) { return whole == 0 ? 0 : 100 * part / whole; }

bool refutes(const Verdict& verdict, std::string_view model) {
  const auto names = [&](const std::vector<std::string>& all) {
    return std::ranges::find(all, model) != all.end();
  };
  return names(verdict.refuted) || names(verdict.also_refuted);
}

void simulate(Make make, bool registers, LevelModel level) {
  if (!registers)
    level.next.insert(level.next.end(), level.next_of_lists.begin(), level.next_of_lists.end());
  CAPTURE(level.model);
  const auto promised = checker_for(make, std::string(level.model));
  // Some anomalies are only looked for where a model is asked for that forbids them.
  std::string models(level.model);
  for (const std::string_view next : level.next) models += "," + std::string(next);
  const auto all = checker_for(make, models);
  const long count = iterations(2000);
  long valid = 0;
  std::vector<long> refuted(level.next.size());
  for (long i = 0; i < count; ++i) {
    const Rng rng = Rng(8711).fork(level.model, static_cast<std::uint64_t>(i));
    const Transactions made = level.simulated(rng, {i % 2 == 0 ? 12 : 40, level.processes, 3});
    const History history = Speller({.registers = registers}).history(made);
    const Verdict verdict = promised->check(history, {});
    const Verdict more = level.next.empty() ? verdict : all->check(history, {});
    if (verdict.validity == Validity::invalid || refutes(more, level.model)) {
      FAIL_CHECK(level.model << " is kept, and yet: " << verdict.summary << "\n"
                             << verdict.explanation);
      return;
    }
    valid += verdict.validity == Validity::valid;
    for (std::size_t n = 0; n < refuted.size(); ++n) refuted[n] += refutes(more, level.next[n]);
  }
  std::string shares;
  for (std::size_t n = 0; n < refuted.size(); ++n) {
    CAPTURE(level.next[n]);
    CHECK(refuted[n] > count / 50);
    shares += "; " + std::string(level.next[n]) + " refuted " +
              std::to_string(share(refuted[n], count)) + " %";
  }
  MESSAGE(level.model << ": proven " << share(valid, count) << " %" << shares);
  CHECK(share(valid, count) >= (registers ? level.registers_proven : level.proven));
}

TEST_CASE("oracle: list-append never refutes the level of the database that made the history") {
  for (const LevelModel& level : all_levels()) simulate(&make_list_append, false, level);
}
TEST_CASE("oracle: rw-register never refutes the level of the database that made the history") {
  for (const LevelModel& level : all_levels()) simulate(&make_rw_register, true, level);
  simulate(&make_rw_register, true,
           {"causal", {"strong-session-causal"}, &history_of_unsettled_sites});
}

}  // namespace
}  // namespace faultline::oracle::txn
