#include "harness/campaign/repro.h"

#include <cmath>
#include <fstream>

#include <doctest/doctest.h>

#include "harness/io/document.h"
#include "harness/io/json.h"
#include "tests/io/temporary_folder.h"

using namespace faultline;

namespace {

/// Of one check that is linearizable's.
std::string results_text(const std::string& verdict, const std::string& anomalies = "{}",
                         const std::string& witness = "[]", const std::string& reason = "") {
  return R"({"verdict":")" + verdict + R"(",)" +
         (reason.empty() ? "" : R"("reason":")" + reason + R"(",)") +
         R"("checks":[{"name":"linearizable","verdict":")" + verdict + R"(","anomalies":)" +
         anomalies + R"(,"witness":)" + witness + R"(},{"name":"crash-free","verdict":"valid"}]})";
}
RunFindings findings(const std::string& text) {
  const auto value = parse_json(text);
  REQUIRE(value);
  const auto read = read_findings(*value);
  REQUIRE(read);
  return *read;
}
RunFindings found(std::string verdict, std::set<std::string> checks = {}, std::string reason = "") {
  return {std::move(verdict), std::move(reason), std::move(checks), {}, {}};
}

/// Replays that end as told, in directories with a results.json each.
struct ScriptedReplays {
  TemporaryFolder folder;
  Repro repro;
  std::vector<CampaignRun> ends;

  explicit ScriptedReplays(std::size_t planned) {
    repro.recorded = found("invalid", {"linearizable"});
    repro.recorded.anomalies = {{"stale-read", 3}};
    repro.planned = planned;
  }
  void end(ExitCode code, const std::string& results = "", const std::string& history = "") {
    CampaignRun run;
    run.exit_code = code;
    run.seconds = 1;
    const auto directory = folder / ("run" + std::to_string(ends.size()));
    if (!results.empty()) {
      std::filesystem::create_directory(directory);
      std::ofstream(directory / "results.json") << results;
      std::ofstream(directory / "history.jsonl") << history;
      run.directory = directory;
    } else {
      run.error = "n1 did not serve";
    }
    ends.push_back(run);
  }
  void invalid() { end(ExitCode::violation, results_text("invalid", R"({"stale-read":1})")); }
  void valid() { end(ExitCode::valid, results_text("valid")); }
  ExitCode run() {
    std::size_t next = 0;
    run_repro(repro, [&] { return ends.at(next++); }, [](const ReproRun&) {});
    return repro.exit_code();
  }
};

bool near(double a, double b) { return std::abs(a - b) < 5e-5; }

}  // namespace

TEST_CASE("proportion: Clopper-Pearson's interval, against published values") {
  struct Known {
    std::size_t k, n;
    double low, high;
  };
  // R: binom.test(k, n)$conf.int
  for (const Known& known :
       {Known{0, 10, 0, 0.30850}, Known{10, 10, 0.69150, 1}, Known{5, 10, 0.18709, 0.81291},
        Known{1, 20, 0.00127, 0.24873}, Known{8, 20, 0.19119, 0.63946},
        Known{50, 100, 0.39832, 0.60168}, Known{1, 1, 0.025, 1}, Known{0, 1, 0, 0.975}}) {
    CAPTURE(known.k);
    CAPTURE(known.n);
    const Interval interval = clopper_pearson(known.k, known.n);
    CHECK(near(interval.low, known.low));
    CHECK(near(interval.high, known.high));
  }
  CHECK(clopper_pearson(0, 0).low == 0);
  CHECK(clopper_pearson(0, 0).high == 1);
}

TEST_CASE("proportion: the interval holds at sizes where p^n is below any double") {
  const Interval rare = clopper_pearson(3, 10'000), common = clopper_pearson(9'997, 10'000);
  CHECK(rare.low > 0.00005);
  CHECK(rare.high < 0.0009);
  CHECK(rare.low < 0.0003);
  CHECK(rare.high > 0.0003);
  CHECK(std::abs(common.low - (1 - rare.high)) < 1e-9);
  CHECK(std::abs(common.high - (1 - rare.low)) < 1e-9);
}

TEST_CASE("proportion: what never happened is bounded near 3/n") {
  CHECK(near(never_bound(20), 0.13911));
  CHECK(near(never_bound(1), 0.95));
  CHECK(never_bound(0) == 1);
  CHECK(std::abs(never_bound(1000) - 3.0 / 1000) < 1e-5);
}

TEST_CASE("repro: what a results.json found") {
  const RunFindings read =
      findings(results_text("invalid", R"({"stale-read":3,"lost-write":0})", "[17,41,40]"));
  CHECK(read.verdict == "invalid");
  CHECK(read.checks == std::set<std::string>{"linearizable"});
  CHECK(read.anomalies == std::map<std::string, std::uint64_t>{{"stale-read", 3}});
  CHECK(read.witness_ends == std::vector<std::int64_t>{41});
  CHECK(findings(results_text("unknown", "{}", "[]", "vacuous")).reason == "vacuous");
  CHECK(findings(results_text("valid")).checks.empty());

  const auto refused = read_findings(
      *parse_json(R"({"verdict":"error","error":"n1 did not serve within 30s: no\nlog"})"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorKind::usage);
  CHECK(refused.error().what == "it has no verdict: n1 did not serve within 30s: no");
  CHECK_FALSE(read_findings(Value("text")));
  CHECK_FALSE(read_findings(*parse_json(R"({"verdict":"valid"})")));
}

TEST_CASE("repro: which verdicts are the recorded one") {
  const RunFindings invalid = found("invalid", {"linearizable"});
  CHECK(comes_back(invalid, found("invalid", {"linearizable", "crash-free"})) == Returned::yes);
  CHECK(comes_back(invalid, found("invalid", {"crash-free"})) == Returned::no);
  CHECK(comes_back(invalid, found("valid")) == Returned::no);
  CHECK(comes_back(invalid, found("unknown", {}, "vacuous")) == Returned::cannot_tell);
  CHECK(comes_back(found("valid"), found("valid")) == Returned::yes);
  CHECK(comes_back(found("valid"), invalid) == Returned::no);
  CHECK(comes_back(found("valid"), found("unknown", {}, "steps")) == Returned::cannot_tell);
  const RunFindings vacuous = found("unknown", {}, "vacuous");
  CHECK(comes_back(vacuous, vacuous) == Returned::yes);
  CHECK(comes_back(vacuous, found("unknown", {}, "steps")) == Returned::cannot_tell);
  CHECK(comes_back(vacuous, found("valid")) == Returned::no);
}

TEST_CASE("repro: when a violation could be proved") {
  TemporaryFolder folder;
  const auto file = folder / "history.jsonl";
  std::ofstream(file) << R"({"index":0,"type":"invoke","time":1000000})" << '\n'
                      << R"({"index":1,"type":"ok","time":2000000})" << '\n'
                      << R"({"index":2,"type":"invoke","time":1500000000})" << '\n'
                      << R"({"index":3,"type":"invoke","ti)";
  RunFindings invalid = found("invalid", {"linearizable"});
  CHECK_FALSE(violation_time(invalid, file));
  invalid.witness_ends = {3, 2};
  CHECK(violation_time(invalid, file) == doctest::Approx(1.5));
  invalid.witness_ends = {3};
  CHECK_FALSE(violation_time(invalid, file));
  invalid.witness_ends = {9};
  CHECK_FALSE(violation_time(invalid, file));
  CHECK_FALSE(violation_time(invalid, folder / "none"));
}

TEST_CASE("repro: came back, did not, could not tell") {
  ScriptedReplays stage(5);
  stage.end(ExitCode::violation, results_text("invalid", R"({"stale-read":1})", "[0]"),
            "{\"index\":0,\"time\":250000000}\n");
  stage.valid();
  stage.end(ExitCode::target_down);
  stage.invalid();
  stage.end(ExitCode::vacuous, results_text("unknown", "{}", "[]", "vacuous"));
  CHECK(stage.run() == ExitCode::valid);
  const Repro& repro = stage.repro;
  CHECK(repro.count(Returned::yes) == 2);
  CHECK(repro.count(Returned::no) == 1);
  CHECK(repro.count(Returned::cannot_tell) == 2);
  CHECK_FALSE(repro.interrupted());

  const std::string text = repro_text(repro);
  CHECK(text.find("invalid (linearizable: stale-read): came back in 2 of 3 replays, 66.7 %; 95 % "
                  "interval 9.4 % to 99.2 % (Clopper-Pearson)") == 0);
  CHECK(text.find("of 3 showed: stale-read 2\n") != std::string::npos);
  CHECK(text.find("median 0.25 s") != std::string::npos);
  CHECK(text.find("2 more could not tell") != std::string::npos);

  const Value value = repro_value(repro);
  CHECK(text_in(value, "schema") == "faultline.repro/1");
  CHECK(integer_in(value, "came_back") == 2);
  CHECK(integer_in(value, "did_not") == 1);
  CHECK(integer_in(value, "cannot_tell") == 2);
  CHECK(text_in(*member_of(value, "interval"), "method") == "clopper-pearson");
  CHECK(number_in(*member_of(value, "violation_s"), "median") == doctest::Approx(0.25));
  CHECK(integer_in(*member_of(value, "anomalies"), "stale-read") == 2);
  CHECK(member_of(value, "never_bound")->is_nil());
  CHECK(text_in(member_of(value, "runs")->list()->at(2), "outcome") == "cannot-tell");
  CHECK(text_in(member_of(value, "runs")->list()->at(2), "reason") == "n1 did not serve");
}

TEST_CASE("repro: never is a bound, and exit code 1") {
  ScriptedReplays stage(20);
  for (int i = 0; i < 20; ++i) stage.valid();
  CHECK(stage.run() == ExitCode::violation);
  CHECK(repro_text(stage.repro).find("came back in 0 of 20 replays: at most 13.9 % of replays") !=
        std::string::npos);
  CHECK(repro_text(stage.repro).find("of 20 showed: stale-read 0\n") != std::string::npos);
  CHECK(number_in(repro_value(stage.repro), "never_bound") == doctest::Approx(0.139108));
}

TEST_CASE("repro: exit codes") {
  SUBCASE("as often as asked for") {
    ScriptedReplays stage(3);
    stage.repro.at_least = 2;
    stage.invalid(), stage.valid(), stage.invalid();
    CHECK(stage.run() == ExitCode::valid);
  }
  SUBCASE("too seldom") {
    ScriptedReplays stage(3);
    stage.repro.at_least = 2;
    stage.invalid(), stage.valid(), stage.valid();
    CHECK(stage.run() == ExitCode::violation);
  }
  SUBCASE("too seldom, were it not for one that could not tell") {
    ScriptedReplays stage(3);
    stage.repro.at_least = 2;
    stage.invalid(), stage.valid(), stage.end(ExitCode::target_down);
    CHECK(stage.run() == ExitCode::target_down);
  }
  SUBCASE("gone") {
    ScriptedReplays stage(2);
    stage.repro.at_least = 0;
    stage.repro.at_most = 0;
    stage.valid(), stage.valid();
    CHECK(stage.run() == ExitCode::valid);
  }
  SUBCASE("not gone") {
    ScriptedReplays stage(2);
    stage.repro.at_least = 0;
    stage.repro.at_most = 0;
    stage.valid(), stage.invalid();
    CHECK(stage.run() == ExitCode::violation);
  }
  SUBCASE("perhaps gone") {
    ScriptedReplays stage(2);
    stage.repro.at_least = 0;
    stage.repro.at_most = 0;
    stage.valid();
    stage.end(ExitCode::vacuous, results_text("unknown", "{}", "[]", "vacuous"));
    CHECK(stage.run() == ExitCode::unknown);
  }
  SUBCASE("none could tell: the worst reason") {
    ScriptedReplays stage(2);
    stage.end(ExitCode::target_down), stage.end(ExitCode::capability);
    CHECK(stage.run() == ExitCode::capability);
    CHECK(repro_text(stage.repro).find("no replay could tell") != std::string::npos);
  }
  SUBCASE("interrupted: the rest is not run, and what there is is said") {
    ScriptedReplays stage(4);
    stage.invalid();
    stage.end(ExitCode::interrupted, results_text("invalid"));
    CHECK(stage.run() == ExitCode::interrupted);
    CHECK(stage.repro.runs.size() == 2);
    CHECK(stage.repro.count(Returned::yes) == 1);
    CHECK(stage.repro.count(Returned::cannot_tell) == 1);
    const std::string text = repro_text(stage.repro);
    CHECK(text.find("came back in 1 of 1 replays") != std::string::npos);
    CHECK(text.find("interrupted after 2 of 4 replays") != std::string::npos);
  }
  SUBCASE("a replay without readable results is our failure, never a no") {
    ScriptedReplays stage(1);
    stage.end(ExitCode::valid, "{ torn");
    CHECK(stage.run() == ExitCode::internal);
    CHECK(stage.repro.count(Returned::no) == 0);
  }
}
