#include "harness/campaign/junit.h"

#include <cstdio>
#include <sstream>

#include <pugixml.hpp>

#include "harness/campaign/outcome.h"
#include "harness/campaign/summary.h"

namespace faultline {
namespace {

constexpr std::size_t described_runs_max = 20;
constexpr std::size_t listed_runs_max = 200;
constexpr std::size_t junit_lines_max = 100;
constexpr std::size_t junit_line_bytes_max = 1000;

struct Counts {
  std::size_t tests = 0, failures = 0, errors = 0, skipped = 0;
};

std::string time_text(double seconds) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", seconds);
  return text;
}

void set(pugi::xml_node node, const char* name, std::string_view value) {
  node.append_attribute(name).set_value(printable(value).c_str());
}
void set_text(pugi::xml_node node, const std::string& text) {
  node.append_child(pugi::node_pcdata).set_value(printable(text).c_str());
}
void add_property(pugi::xml_node properties, const std::string& name, std::string_view value) {
  pugi::xml_node property = properties.append_child("property");
  set(property, "name", name);
  set(property, "value", value);
}

Counts counts_of(TestOutcome outcome) {
  return {1, outcome == TestOutcome::failed ? 1u : 0u, outcome == TestOutcome::broken ? 1u : 0u,
          outcome == TestOutcome::not_run ? 1u : 0u};
}

void set_counts(pugi::xml_node node, const Counts& counts, bool with_skipped) {
  set(node, "tests", std::to_string(counts.tests));
  set(node, "failures", std::to_string(counts.failures));
  set(node, "errors", std::to_string(counts.errors));
  if (with_skipped) set(node, "skipped", std::to_string(counts.skipped));
}

/// What to read first, then every run that did not match: how to repeat it and its evidence.
std::string body_of(const CampaignTestResult& test) {
  std::string text = sentence_of(test) + "\n";
  for (const CampaignRun* run : telling_runs(test, described_runs_max)) {
    if (run->matched()) break;
    text += "\nseed " + std::to_string(run->seed) + ": " + sentence_of(*run) + "\n";
    if (!run->command.empty()) text += "to repeat: " + run->command + "\n";
    if (!run->directory.empty()) text += "in " + shown_path(run->directory) + "\n";
    std::size_t lines = 0;
    for (const std::string& finding : run->findings) {
      if (++lines > junit_lines_max) break;
      text += "  " + printable_line(finding, junit_line_bytes_max) + "\n";
    }
    if (lines > junit_lines_max) text += "  … more in its results.json\n";
  }
  return text;
}

std::string list_of_runs(const CampaignTestResult& test) {
  std::string text;
  std::size_t listed = 0;
  for (const CampaignRun& run : test.runs) {
    if (++listed > listed_runs_max) {
      text += "… and " + std::to_string(test.runs.size() - listed_runs_max) + " more\n";
      break;
    }
    text += "seed " + std::to_string(run.seed) + ": " + std::string(kind_of(run)) + ", " +
            seconds_text(run.seconds) + ": " +
            printable_line(sentence_of(run), junit_line_bytes_max);
    if (!run.directory.empty()) text += "; in " + shown_path(run.directory);
    text += "\n";
  }
  return text;
}

void add_properties(pugi::xml_node suite, const CampaignResult& result,
                    const CampaignTestResult& test) {
  pugi::xml_node properties = suite.append_child("properties");
  add_property(properties, "config", shown_path(test.test.config));
  add_property(properties, "find", find_text(test.test));
  for (const std::string& setting : test.test.settings) add_property(properties, "set", setting);
  if (!result.campaign.shard.empty()) add_property(properties, "shard", result.campaign.shard);
  if (!result.directory.empty())
    add_property(properties, "directory", shown_path(result.directory));
  std::size_t number = 0;
  for (const CampaignRun* run : telling_runs(test, described_runs_max)) {
    const std::string prefix = "run." + std::to_string(++number) + ".";
    add_property(properties, prefix + "seed", std::to_string(run->seed));
    add_property(properties, prefix + "result", kind_of(*run));
    if (!run->command.empty()) add_property(properties, prefix + "command", run->command);
    if (!run->directory.empty())
      add_property(properties, prefix + "directory", shown_path(run->directory));
  }
}

double seconds_of(const CampaignTestResult& test) {
  double seconds = 0;
  for (const CampaignRun& run : test.runs) seconds += run.seconds;
  return seconds;
}

void add_outcome(pugi::xml_node testcase, const CampaignTestResult& test, TestOutcome outcome) {
  if (outcome == TestOutcome::passed) return;
  const char* element = outcome == TestOutcome::failed   ? "failure"
                        : outcome == TestOutcome::broken ? "error"
                                                         : "skipped";
  pugi::xml_node node = testcase.append_child(element);
  const CampaignRun* run = telling_run(test);
  if (outcome != TestOutcome::not_run && run != nullptr) set(node, "type", kind_of(*run));
  set(node, "message", printable_line(sentence_of(test), junit_line_bytes_max));
  if (outcome != TestOutcome::not_run) set_text(node, body_of(test));
}

}  // namespace

std::string junit_xml(const CampaignResult& result) {
  pugi::xml_document document;
  pugi::xml_node declaration = document.append_child(pugi::node_declaration);
  declaration.append_attribute("version") = "1.0";
  declaration.append_attribute("encoding") = "UTF-8";
  pugi::xml_node root = document.append_child("testsuites");
  Counts total;
  double seconds = 0;
  for (const CampaignTestResult& test : result.tests) {
    const Counts counts = counts_of(outcome_of(test));
    total = {total.tests + 1, total.failures + counts.failures, total.errors + counts.errors,
             total.skipped + counts.skipped};
    seconds += seconds_of(test);
  }
  set(root, "name", result.campaign.name);
  set_counts(root, total, false);
  set(root, "time", time_text(seconds));
  for (const CampaignTestResult& test : result.tests) {
    const TestOutcome outcome = outcome_of(test);
    const std::string time = time_text(seconds_of(test));
    pugi::xml_node suite = root.append_child("testsuite");
    set(suite, "name", result.campaign.name + "." + test.test.name);
    set_counts(suite, counts_of(outcome), true);
    set(suite, "time", time);
    if (!result.began.empty()) set(suite, "timestamp", result.began);
    add_properties(suite, result, test);
    pugi::xml_node testcase = suite.append_child("testcase");
    set(testcase, "classname", "faultline." + result.campaign.name);
    set(testcase, "name", test.test.name);
    set(testcase, "time", time);
    add_outcome(testcase, test, outcome);
    if (!test.runs.empty()) set_text(testcase.append_child("system-out"), list_of_runs(test));
  }
  std::ostringstream text;
  document.save(text, "  ", pugi::format_default, pugi::encoding_utf8);
  return std::move(text).str();
}

}  // namespace faultline
