#include "harness/run/results.h"

#include <doctest/doctest.h>

namespace faultline {
namespace {

/// A history of one answered read, checked valid.
History one_read() {
  HistoryBuilder builder;
  REQUIRE(builder.invoke({.process = 0,
                          .function = Function::read,
                          .key = builder.key("k"),
                          .argument = ValueHandle::nil(),
                          .node = builder.node("n1"),
                          .time = 1}));
  REQUIRE(builder.complete({.process = 0,
                            .fate = Fate::ok,
                            .output = ValueHandle::nil(),
                            .error = no_error,
                            .time = 2}));
  return builder.finish();
}

Findings findings_of(const History& history, Validity validity) {
  Findings findings{history, "a", 1, {}, {}, {}, {}, {}, {}, {}, false, false, {}, {}};
  Verdict verdict;
  verdict.name = "linearizable";
  verdict.validity = validity;
  verdict.summary = "checked";
  findings.checks.push_back({verdict, 0});
  findings.crash_free.name = "crash-free";
  findings.crash_free.validity = Validity::valid;
  return findings;
}

TEST_CASE("results: a run that broke off is never valid, expected or not") {
  const History history = one_read();
  Findings findings = findings_of(history, Validity::valid);
  CHECK(weigh(findings).exit_code == ExitCode::valid);
  findings.broken = Error{"the disk of x is full"};
  for (const std::optional<Validity> expected :
       {std::optional<Validity>(), {Validity::valid}, {Validity::unknown}, {Validity::invalid}}) {
    findings.expected = expected;
    const Answer answer = weigh(findings);
    CHECK(answer.verdict == Validity::unknown);
    CHECK(answer.reason == "incomplete");
    CHECK(answer.sentence == "the disk of x is full");
    CHECK(answer.exit_code == ExitCode::internal);
    const std::string text = results_text(findings, answer);
    CHECK(text.starts_with("unknown (incomplete)"));
    CHECK(text.find("the disk of x is full") == text.rfind("the disk of x is full"));
  }
}

TEST_CASE("results: a violation is a proof, however the run ended") {
  const History history = one_read();
  Findings findings = findings_of(history, Validity::invalid);
  findings.broken = Error{"the disk of x is full"};
  CHECK(weigh(findings).verdict == Validity::invalid);
  CHECK(weigh(findings).exit_code == ExitCode::violation);
}

TEST_CASE("results: doubts about a fault are told with it") {
  const History history = one_read();
  Findings findings = findings_of(history, Validity::invalid);
  findings.faults = {{"clock", 2, 2, 2, {"n1 waits"}}, {"clock", 1, 1, 1}, {"kill", 1, 1, 1}};
  const Answer answer = weigh(findings);
  const std::string text = results_text(findings, answer);
  CHECK(text.find("doubt: clock: n1 waits; see docs/clocks.md\n") != std::string::npos);
  const std::string value = to_text(results_value(findings, answer));
  CHECK(value.find("\"clock\": {\"planned\": 3, \"injected\": 3, \"effective\": 3, \"doubts\": "
                   "[\"n1 waits\"]}") != std::string::npos);
  CHECK(value.find("\"kill\": {\"planned\": 1, \"injected\": 1, \"effective\": 1}") !=
        std::string::npos);
}

TEST_CASE("results: heals that failed are told, as they make doubtful what came after") {
  const History history = one_read();
  Findings findings = findings_of(history, Validity::valid);
  findings.faults = {{"kill", 1, 1, 1}, {"partition", 3, 3, 3}, {"partition", 2, 2, 2}};
  const auto text = [&] { return results_text(findings, weigh(findings)); };
  CHECK(text().find("heals failed") == std::string::npos);
  CHECK(to_text(results_value(findings, weigh(findings))).find("heals_failed") ==
        std::string::npos);
  findings.faults[1].heals_failed = 2;
  findings.faults[2].heals_failed = 1;
  CHECK(text().find("warning: heals failed: partition 2 of 3, partition 1 of 2; what came after "
                    "them may have been broken still (faults.jsonl)\n") != std::string::npos);
  CHECK(to_text(results_value(findings, weigh(findings)))
            .find("\"effective\": 5, \"heals_failed\": 3}") != std::string::npos);
}

}  // namespace
}  // namespace faultline
