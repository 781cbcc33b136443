#include "harness/campaign/report.h"

#include <fstream>

#include <doctest/doctest.h>
#include <pugixml.hpp>

#include "harness/campaign/junit.h"
#include "harness/campaign/markdown.h"
#include "harness/campaign/outcome.h"
#include "tests/campaign/results.h"
#include "tests/io/temporary_folder.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

struct Parsed {
  explicit Parsed(const CampaignResult& result) : text(junit_xml(result)) {
    const auto parsed = document.load_string(text.c_str(), pugi::parse_default);
    REQUIRE_MESSAGE(parsed, parsed.description());
  }
  pugi::xml_node root() const { return document.child("testsuites"); }
  pugi::xml_node suite(const std::string& name) const {
    const auto found = root().find_child_by_attribute("testsuite", "name", name.c_str());
    REQUIRE_MESSAGE(found, name);
    return found;
  }
  pugi::xml_node testcase(const std::string& test) const {
    return suite("c." + test).child("testcase");
  }
  std::string property(const std::string& test, const char* name) const {
    return suite("c." + test)
        .child("properties")
        .find_child_by_attribute("property", "name", name)
        .attribute("value")
        .as_string();
  }

  std::string text;
  pugi::xml_document document;
};

std::string attribute(const pugi::xml_node& node, const char* name) {
  return node.attribute(name).as_string();
}

TEST_CASE("junit: a testcase a test, counted by what became of it") {
  const Parsed junit(every_outcome());
  CHECK(junit.text.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"));
  CHECK(attribute(junit.root(), "name") == "c");
  CHECK(attribute(junit.root(), "tests") == "8");
  CHECK(attribute(junit.root(), "failures") == "4");
  CHECK(attribute(junit.root(), "errors") == "1");
  const pugi::xml_node passed = junit.testcase("passed");
  CHECK(attribute(passed, "classname") == "faultline.c");
  CHECK(attribute(passed, "name") == "passed");
  CHECK(attribute(passed, "time") == "1.500");
  CHECK_FALSE(passed.child("failure"));
  CHECK(attribute(junit.suite("c.passed"), "timestamp") == "2026-11-21T10:15:00Z");
  CHECK(attribute(junit.suite("c.passed"), "tests") == "1");
  CHECK(attribute(junit.suite("c.violated"), "failures") == "1");
  CHECK(attribute(junit.suite("c.down"), "errors") == "1");
  CHECK(attribute(junit.suite("c.untouched"), "skipped") == "1");
  CHECK(attribute(junit.suite("c.passed"), "skipped") == "0");
}

TEST_CASE("junit: a failure says its kind, the witness in words and how to repeat it") {
  const Parsed junit(every_outcome());
  const pugi::xml_node failure = junit.testcase("violated").child("failure");
  CHECK(attribute(failure, "type") == "violation");
  CHECK(attribute(failure, "message") ==
        "1 of 2 runs not as expected; seed 2: invalid, expected valid: linearizable: n2 read 7");
  const std::string body = failure.text().as_string();
  CHECK(body.find("\nseed 2: invalid, expected valid: linearizable: n2 read 7\n"
                  "to repeat: faultline run violated.yaml --seed 2\n"
                  "in runs/violated/2\n"
                  "  linearizable: n2 read 7\n    a table\n") != std::string::npos);
  CHECK(body.find("seed 1:") == std::string::npos);  // it matched
  CHECK(junit.property("violated", "config") == "violated.yaml");
  CHECK(junit.property("violated", "run.1.seed") == "2");
  CHECK(junit.property("violated", "run.1.result") == "violation");
  CHECK(junit.property("violated", "run.1.command") == "faultline run violated.yaml --seed 2");
  CHECK(junit.property("violated", "run.1.directory") == "runs/violated/2");
  CHECK(junit.property("violated", "run.2.seed") == "1");
  const std::string out = junit.testcase("violated").child("system-out").text().as_string();
  CHECK(out.starts_with("seed 1: ok, 1.5 s: valid, expected valid: fine; in runs/violated/1\n"));

  CHECK(attribute(junit.testcase("missed").child("failure"), "type") == "missed");
  CHECK(attribute(junit.testcase("missed").child("failure"), "message") ==
        "none of 2 runs as expected; seed 1: valid, expected invalid: fine");
  CHECK(attribute(junit.testcase("vacuous").child("failure"), "type") == "vacuous");
  CHECK(attribute(junit.testcase("vacuous").child("failure"), "message") ==
        "unknown (vacuous), expected valid: no read succeeded");
  const pugi::xml_node threshold = junit.testcase("slow").child("failure");
  CHECK(attribute(threshold, "type") == "threshold");
  CHECK(attribute(threshold, "message") ==
        "threshold missed: ok_rate >= 0.5, was 0.25; valid, expected valid: fine");
}

TEST_CASE("junit: what says nothing about the store is an error, what was not run is skipped") {
  const Parsed junit(every_outcome());
  const pugi::xml_node error = junit.testcase("down").child("error");
  CHECK(attribute(error, "type") == "target-down");
  CHECK(attribute(error, "message") == "n1 never came up");
  CHECK(std::string(error.text().as_string()).find("to repeat: ") != std::string::npos);
  CHECK(attribute(junit.testcase("open").child("skipped"), "message") ==
        "undecided after 1 of 2 runs: the campaign was interrupted");
  CHECK(attribute(junit.testcase("untouched").child("skipped"), "message") ==
        "not run: the campaign was interrupted");
  CHECK_FALSE(junit.testcase("untouched").child("system-out"));
}

TEST_CASE("junit: names and classes do not change with the seeds") {
  const auto names = [](const CampaignResult& result) {
    const Parsed junit(result);
    std::vector<std::string> found;
    for (const pugi::xml_node suite : junit.root())
      found.push_back(attribute(suite, "name") + attribute(suite.child("testcase"), "classname") +
                      attribute(suite.child("testcase"), "name"));
    return found;
  };
  CampaignResult other = every_outcome();
  for (CampaignTestResult& test : other.tests) {
    for (std::uint64_t& seed : test.test.seeds) seed += 1000;
    for (CampaignRun& run : test.runs) run.seed += 1000;
  }
  CHECK(names(every_outcome()) == names(other));
}

TEST_CASE("junit: whatever a store wrote, it is well-formed and still says it") {
  const Parsed junit(hostile_result());
  const pugi::xml_node failure =
      junit.suite("c<&>\"']]>.a<b>&\"'\\x1b").child("testcase").child("failure");
  const std::string body = failure.text().as_string();
  CHECK(body.find("]]> <script>&amp;") != std::string::npos);
  CHECK(body.find("null\\x00 bell\\x07 escape\\x1b[31m delete\\x7f") != std::string::npos);
  CHECK(body.find("torn\\xe2\\x82 lone\\xff overlong\\xc0\\xaf surrogate\\xed\\xa0\\x80") !=
        std::string::npos);
  CHECK(body.find("non\\xef\\xbf\\xbe c1\\xc2\\x85 fine € 𝄞") != std::string::npos);
  CHECK(attribute(failure, "message").find('\n') == std::string::npos);
  // Nothing that XML 1.0 forbids, neither as it is nor as a reference.
  for (const unsigned char c : junit.text) CHECK((c >= 0x20 || c == '\n' || c == '\t'));
  CHECK(junit.text.find("&#x") == std::string::npos);
  CHECK(junit.text.find("&#0") == std::string::npos);
}

TEST_CASE("junit: ten thousand runs of a test stay a file that a dashboard takes") {
  CampaignResult result = every_outcome();
  CampaignTestResult& test = result.tests[1];
  const CampaignRun bad = test.runs[1];
  test.test.seeds.resize(10'000);
  test.runs.assign(10'000, bad);
  for (std::size_t i = 0; i < 30; ++i) test.runs[i].findings.assign(200, std::string(2000, 'x'));
  CHECK(junit_xml(result).size() < 4'000'000);
  CHECK(campaign_markdown(result).size() < 1'000'000);
}

TEST_CASE("markdown: what did not pass first, with its command and its evidence folded") {
  const std::string text = campaign_markdown(every_outcome());
  CHECK(
      text.starts_with("### ❌ faultline c: 1 of 8 tests as expected\n\n"
                       "Exit code 1, 9.0 s, interrupted, in `runs/c/1`.\n"));
  const std::size_t violated =
      text.find("\n❌ **violated**: 1 of 2 runs not as expected; seed 2: ");
  REQUIRE(violated != std::string::npos);
  CHECK(text.find("\nTo repeat: `faultline run violated.yaml --seed 2`\n", violated) !=
        std::string::npos);
  CHECK(text.find("\n<details><summary>evidence</summary>\n\n```text\n"
                  "linearizable: n2 read 7\n  a table\n```\n\n</details>\n") != std::string::npos);
  const std::size_t down = text.find("\n⚠️ **down**: n1 never came up\n");
  CHECK(down != std::string::npos);
  CHECK(violated < down);
  CHECK(text.find("**passed**") == std::string::npos);
  const std::size_t table = text.find("\n| | test | runs as expected | time | result |\n|---|");
  REQUIRE(table != std::string::npos);
  CHECK(down < table);
  CHECK(text.find("\n| ❌ | violated | 1 of 2 | 3.0 s | violation |\n", table) !=
        std::string::npos);
  CHECK(text.find("\n| ❌ | missed | 0 of 2 (needs any of 2) | 3.0 s | missed |\n", table) !=
        std::string::npos);
  CHECK(text.find("\n| ✅ | passed | 1 of 1 | 1.5 s | valid |\n") > text.find("| untouched |"));
  CHECK(
      text.find("\n| ⏭️ | untouched | 0 of 0 | 0.0 s | not run: the campaign was interrupted |\n") !=
      std::string::npos);
}

TEST_CASE("markdown: a text shows itself, wherever it stands") {
  CHECK(markdown_text("a|b *c* <b>&amp; [x](y) `z` #1 \x1b\nsecond line") ==
        "a\\|b \\*c\\* &lt;b&gt;&amp;amp; \\[x\\](y) \\`z\\` \\#1 \\\\x1b");
  CHECK(markdown_code("plain --x='y|z'") == "`plain --x='y|z'`");
  CHECK(markdown_code("a`b``c") == "```a`b``c```");
  CHECK(markdown_code("`a") == "`` `a ``");
  CHECK(markdown_code("") == "`  `");
  const std::string hostile = campaign_markdown(hostile_result());
  CHECK(hostile.find("\n````text\n") != std::string::npos);  // longer than the evidence's own fence
  CHECK(hostile.find("<script>") > hostile.find("\n````text\n"));
}

TEST_CASE("printable: one line, cut between characters") {
  CHECK(printable("a\tb\nc\r\x01") == "a\tb\nc\\x0d\\x01");
  CHECK(printable_line("first\nsecond", 100) == "first");
  CHECK(printable_line("€€€", 5) == "€…");
  CHECK(printable_line("abc", 3) == "abc");
}

TEST_CASE("report: unknown kinds and directories that cannot be written to are said first") {
  const TemporaryFolder folder;
  const auto junitt = Reports::open({"markdown,junitt"}, folder / "r");
  REQUIRE_FALSE(junitt);
  CHECK(junitt.error().kind == ErrorKind::usage);
  CHECK(junitt.error().what == "--report: unknown report \"junitt\", did you mean \"junit\"?");
  CHECK_FALSE(Reports::check({"junit", ""}));
  CHECK_FALSE(fs::exists(folder / "r"));

  std::ofstream(folder / "file") << "x";
  const auto below = Reports::open({"junit"}, folder / "file/r");
  REQUIRE_FALSE(below);
  CHECK(below.error().kind == ErrorKind::usage);
  CHECK(below.error().what.starts_with("--report-dir: create " + (folder / "file/r").string()));
  // Writable for nobody, not even for root.
  const auto proc = Reports::open({"junit"}, "/proc/1");
  REQUIRE_FALSE(proc);
  CHECK(proc.error().kind == ErrorKind::usage);
  CHECK(proc.error().what.starts_with("--report-dir: create /proc/1/"));
}

TEST_CASE("report: both files, whole, replaced at once, and nothing else") {
  const TemporaryFolder folder;
  const auto reports = Reports::open({"junit,markdown"}, folder / "a/b");
  REQUIRE(reports);
  CHECK(fs::is_empty(folder / "a/b"));
  REQUIRE(reports->write(every_outcome()));
  CHECK(content_of(folder / "a/b/junit.xml") == junit_xml(every_outcome()));
  CHECK(content_of(folder / "a/b/summary.md") == campaign_markdown(every_outcome()));
  REQUIRE(reports->write(hostile_result()));
  CHECK(content_of(folder / "a/b/junit.xml") == junit_xml(hostile_result()));
  CHECK(std::distance(fs::directory_iterator(folder / "a/b"), {}) == 2);

  // What cannot be replaced stays, and is an error.
  fs::remove(folder / "a/b/junit.xml");
  fs::create_directories(folder / "a/b/junit.xml/occupied");
  const Status written = reports->write(every_outcome());
  REQUIRE_FALSE(written);
  CHECK(written.error().what.find("junit.xml") != std::string::npos);
  CHECK(content_of(folder / "a/b/summary.md") == campaign_markdown(every_outcome()));
  CHECK(Reports::open({}, "/proc/1/x"));  // nothing asked for, nothing made
}

TEST_CASE("report: a single run is a campaign of one") {
  CampaignRun run;
  run.seed = 5;
  run.exit_code = ExitCode::violation;
  run.verdict = "invalid";
  run.summary = "linearizable: n2 read 7";
  const CampaignResult result = campaign_of("etcd-register", "etcd.yaml", run);
  CHECK(result.exit_code() == ExitCode::violation);
  CHECK(junit_xml(result).find("<testcase classname=\"faultline.run\" name=\"etcd-register\"") !=
        std::string::npos);
  CHECK(junit_xml(result).find("message=\"invalid: linearizable: n2 read 7\"") !=
        std::string::npos);
  CHECK(junit_xml(campaign_of("x", "x.yaml", std::nullopt))
            .find("<skipped message=\"not run: there is no result yet\"") != std::string::npos);
  run.exit_code = ExitCode::interrupted;
  CHECK(junit_xml(campaign_of("x", "x.yaml", run)).find("was interrupted\"") != std::string::npos);
}

}  // namespace
}  // namespace faultline
