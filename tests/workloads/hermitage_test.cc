// The workload, its player and its checker together, on stores whose isolation is known.
#include <algorithm>
#include <map>

#include <doctest/doctest.h>

#include "checkers/checkers.h"
#include "checkers/hermitage/scripts.h"
#include "harness/run/script_player.h"
#include "tests/fake_steps.h"
#include "tests/io/temporary_folder.h"
#include "workloads/workloads.h"

namespace faultline {
namespace hermitage_workload {
namespace {

using fakes::Level;

std::unique_ptr<Workload> workload_with(const std::vector<std::string>& scripts) {
  ConfigNode list;
  list.kind = ConfigNode::Kind::sequence;
  for (const std::string& script : scripts) list.items.push_back(ConfigNode::of(script));
  ConfigNode node;
  if (!scripts.empty()) node.members.push_back({"scripts", {}, list});
  Params params(node, "workload hermitage");
  const std::vector<Function> transactions = {Function::txn};
  auto made = make_hermitage(params, transactions);
  REQUIRE_MESSAGE(made, (made ? "" : made.error().what));
  return std::move(*made);
}

History played(Level level, const std::vector<std::string>& scripts = {}) {
  TemporaryFolder folder;
  Node node;
  node.name = "n1";
  const fakes::StepTarget target(level);
  auto recorder =
      *Recorder::create(folder.path() / "h.jsonl", 1, {"n1"}, std::chrono::steady_clock::now());
  ScriptPlayer player({*recorder, target, node, std::chrono::hours(1)});
  for (const Script& script : workload_with(scripts)->scripts()) player.play(script);
  return recorder->finish();
}

Verdict judged(const History& history, Result<std::unique_ptr<Checker>> (*make)(Params&),
               const std::string& model) {
  ConfigNode node;
  node.members.push_back({"model", {}, ConfigNode::of(model)});
  Params params(node, "check");
  const auto checker = make(params);
  REQUIRE_MESSAGE(checker, (checker ? "" : checker.error().what));
  return (*checker)->check(history, {});
}

std::vector<std::string> happened(const Verdict& verdict) {
  std::vector<std::string> scripts;
  for (const auto& [script, status] : verdict.table) {
    CHECK_MESSAGE(!status.starts_with("unknown"), script, ": ", status);
    if (status.starts_with("happened")) scripts.push_back(script);
  }
  return scripts;
}

using Names = std::vector<std::string>;
const Names of_snapshot = {"G2-item", "G2", "G2-reader"};
const Names of_read_committed = {
    "PMP",     "PMP-write", "P4",       "G-single", "G-single-predicate", "G-single-write",
    "G2-item", "G2",        "G2-reader"};
const Names of_read_uncommitted = {"G1a",
                                   "G1b",
                                   "G1c",
                                   "OTV",
                                   "PMP",
                                   "P4",
                                   "G-single",
                                   "G-single-predicate",
                                   "G-single-write",
                                   "G2-item",
                                   "G2",
                                   "G2-reader"};

TEST_CASE("hermitage: the table of a store is that of its isolation") {
  Names of_none = of_read_uncommitted;
  of_none.insert(of_none.begin(), "G0");
  struct Line {
    Level level;
    std::string model, not_model;
    Names names;
  };
  for (const auto& [level, model, not_model, names] :
       {Line{Level::none, "", "read-uncommitted", of_none},
        Line{Level::read_uncommitted, "read-uncommitted", "read-committed", of_read_uncommitted},
        Line{Level::read_committed, "monotonic-atomic-view", "cursor-stability", of_read_committed},
        Line{Level::snapshot, "snapshot-isolation", "serializable", of_snapshot},
        Line{Level::two_phase, "serializable", "", {}}}) {
    CAPTURE(model);
    const History history = played(level);
    if (!model.empty()) {
      const Verdict verdict = judged(history, make_hermitage, model);
      CHECK_MESSAGE(verdict.validity == Validity::valid, verdict.summary);
      CHECK(happened(verdict) == names);
    }
    if (!not_model.empty()) {
      const Verdict verdict = judged(history, make_hermitage, not_model);
      CHECK(verdict.validity == Validity::invalid);
      CHECK(happened(verdict) == names);
      CHECK(verdict.witness.size() >= 2);
      CHECK(verdict.summary.find("which " + not_model + " forbids") != std::string::npos);
    }
  }
}

TEST_CASE("hermitage: rw-register reads the same history, where items alone are asked for") {
  const Names items = {"G0", "G1a", "G1b", "G1c", "OTV", "P4", "G-single", "G2-item", "G2-reader"};
  const auto count = [](const Verdict& verdict, std::string_view anomaly) {
    const auto at = std::ranges::find(verdict.anomalies, anomaly,
                                      &std::pair<std::string, std::uint64_t>::first);
    return at == verdict.anomalies.end() ? 0 : at->second;
  };
  const Verdict right = judged(played(Level::two_phase, items), make_rw_register, "serializable");
  CHECK_MESSAGE(right.validity == Validity::valid, right.summary);
  const History skewed = played(Level::snapshot, items);
  CHECK(judged(skewed, make_rw_register, "snapshot-isolation").validity == Validity::valid);
  const Verdict skew = judged(skewed, make_rw_register, "serializable");
  CHECK(skew.validity == Validity::invalid);
  CHECK(count(skew, "G2-item") > 0);
  const Verdict lost =
      judged(played(Level::read_committed, items), make_rw_register, "serializable");
  CHECK(count(lost, "lost-update") > 0);
  CHECK(count(lost, "G1a") == 0);
  const Verdict dirty =
      judged(played(Level::read_uncommitted, items), make_rw_register, "read-committed");
  CHECK(dirty.validity == Validity::invalid);
  CHECK(count(dirty, "G1a") > 0);
  CHECK(count(dirty, "G1b") > 0);

  // What it does not understand it does not judge.
  const Verdict predicates = judged(played(Level::two_phase), make_rw_register, "serializable");
  CHECK(predicates.validity == Validity::unknown);
  CHECK(predicates.reason == "unsupported");
}

TEST_CASE("hermitage: a script has keys of its own, writes a value once, and ends with reads") {
  const auto scripts = workload_with({})->scripts();
  CHECK(scripts.size() == hermitage::script_lines().size());
  for (const Script& script : scripts) {
    CAPTURE(script.name);
    std::map<std::string, std::set<std::int64_t>> written;
    const auto transactions = transactions_of(script);
    for (const List& accesses : transactions) {
      CHECK_FALSE(accesses.empty());
      for (const Value& access : accesses) {
        const auto item = access_of(access);
        const std::string key =
            item ? key_name(*item->key) : predicate_access_of(access).value().predicate.prefix;
        CHECK(key.starts_with(script.name + "/"));
        if (item && item->kind == Access::Kind::write)
          CHECK(written[key].insert(*item->value->integer()).second);
      }
    }
    CHECK(changes_nothing(Value(transactions.back())));
    std::map<std::size_t, int> ends;
    for (const Script::Part& part : script.parts)
      if (part.step.kind != Step::Kind::access) ++ends[part.transaction];
    CHECK(ends.size() == transactions.size());
    for (const auto& [transaction, count] : ends) CHECK(count == 1);
  }
}

TEST_CASE("hermitage: scripts can be chosen; what there is not is refused") {
  const auto chosen = workload_with({"P4", "G0"})->scripts();
  REQUIRE(chosen.size() == 2);
  CHECK(chosen[0].name == "P4");
  const auto refused = [](Names names) {
    ConfigNode list;
    list.kind = ConfigNode::Kind::sequence;
    for (const std::string& name : names) list.items.push_back(ConfigNode::of(name));
    ConfigNode node;
    node.members.push_back({"scripts", {}, list});
    Params params(node, "workload hermitage");
    const std::vector<Function> transactions = {Function::txn};
    const auto made = make_hermitage(params, transactions);
    REQUIRE_FALSE(made);
    return made.error().what;
  };
  CHECK(refused({"G1d"}).find("unknown script \"G1d\", did you mean \"G1") != std::string::npos);
  CHECK(refused({"P4", "P4"}).find("script P4 is there twice") != std::string::npos);
  CHECK(refused({}).find("expected some scripts") != std::string::npos);
}

}  // namespace
}  // namespace hermitage_workload
}  // namespace faultline
