#include "harness/campaign/markdown.h"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "harness/campaign/outcome.h"
#include "harness/campaign/summary.h"

namespace faultline {
namespace {

// With these, the whole stays below half of GitHub's 1 MiB.
constexpr std::size_t described_tests_max = 30;
constexpr std::size_t table_rows_max = 300;
constexpr std::size_t markdown_lines_max = 60;
constexpr std::size_t markdown_line_bytes_max = 160;
constexpr std::size_t sentence_bytes_max = 600;

const char* mark_of(TestOutcome outcome) {
  switch (outcome) {
    case TestOutcome::passed:
      return "✅";
    case TestOutcome::failed:
      return "❌";
    case TestOutcome::broken:
      return "⚠️";
    case TestOutcome::not_run:
      return "⏭️";
  }
  return "";
}

std::string ticks_around(std::string_view text, std::size_t least) {
  std::size_t longest = 0, run = 0;
  for (const char c : text) {
    run = c == '`' ? run + 1 : 0;
    longest = std::max(longest, run);
  }
  return std::string(std::max(least, longest + 1), '`');
}

std::string sentence(const CampaignTestResult& test) {
  return markdown_text(printable_line(sentence_of(test), sentence_bytes_max));
}

/// The run's evidence, behind a triangle to click.
std::string folded(const CampaignRun& run) {
  if (run.findings.empty()) return "";
  std::string text;
  for (std::size_t i = 0; i < std::min(run.findings.size(), markdown_lines_max); ++i)
    text += printable_line(run.findings[i], markdown_line_bytes_max) + "\n";
  if (run.findings.size() > markdown_lines_max) text += "… more in its results.json\n";
  const std::string fence = ticks_around(text, 3);
  return "\n<details><summary>evidence</summary>\n\n" + fence + "text\n" + text + fence +
         "\n\n</details>\n";
}

std::string described(const CampaignTestResult& test) {
  const TestOutcome outcome = outcome_of(test);
  std::string text = "\n" + std::string(mark_of(outcome)) + " **" + markdown_text(test.test.name) +
                     "**: " + sentence(test) + "\n";
  const CampaignRun* run = telling_run(test);
  if (run == nullptr) return text;
  if (!run->command.empty()) text += "\nTo repeat: " + markdown_code(run->command) + "\n";
  if (!run->directory.empty()) text += "\nIn: " + markdown_code(shown_path(run->directory)) + "\n";
  return text + folded(*run);
}

std::string row(const CampaignTestResult& test) {
  double seconds = 0;
  for (const CampaignRun& run : test.runs) seconds += run.seconds;
  const CampaignRun* run = telling_run(test);
  std::string said = outcome_of(test) == TestOutcome::not_run ? sentence(test)
                     : run != nullptr                         ? std::string(kind_of(*run))
                                                              : "";
  // The run that decides a passed test may be one of several; what counts is that it passed.
  if (outcome_of(test) == TestOutcome::passed)
    said = run != nullptr && !run->verdict.empty() ? markdown_text(run->verdict) : "ok";
  std::string matched = std::to_string(test.matched()) + " of " + std::to_string(test.runs.size());
  const std::string find = find_text(test.test), seeds = std::to_string(test.test.seeds.size());
  if (find != "all") matched += " (needs " + find + " of " + seeds + ")";
  return std::string("| ") + mark_of(outcome_of(test)) + " | " + markdown_text(test.test.name) +
         " | " + matched + " | " + seconds_text(seconds) + " | " + said + " |\n";
}

std::string heading(const CampaignResult& result) {
  const ExitCode code = result.exit_code();
  const bool passed = code == ExitCode::valid;
  const auto ok = static_cast<std::size_t>(
      std::ranges::count_if(result.tests, [](const CampaignTestResult& t) { return t.ok(); }));
  std::string text = std::string("### ") + (passed ? "✅" : "❌") + " faultline " +
                     markdown_text(result.campaign.name);
  if (!result.campaign.shard.empty()) text += ", shard " + result.campaign.shard;
  text += ": " + std::to_string(ok) + " of " + std::to_string(result.tests.size()) +
          " tests as expected\n\nExit code " + std::to_string(static_cast<int>(code)) + ", " +
          seconds_text(result.seconds);
  if (result.stopped != Stop::none) text += std::string(", ") + stop_text(result.stopped);
  if (!result.directory.empty()) text += ", in " + markdown_code(shown_path(result.directory));
  return text + ".\n";
}

}  // namespace

std::string markdown_text(std::string_view text) {
  std::string out;
  for (const char c : printable_line(text, std::string::npos)) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else if (std::string_view("\\`*_[]#|~$").find(c) != std::string_view::npos)
      out += std::string("\\") + c;
    else
      out += c;
  }
  return out;
}

std::string markdown_code(std::string_view text) {
  const std::string line = printable_line(text, std::string::npos);
  const std::string ticks = ticks_around(line, 1);
  const bool padded = line.empty() || line.front() == '`' || line.back() == '`';
  return ticks + (padded ? " " : "") + line + (padded ? " " : "") + ticks;
}

std::string campaign_markdown(const CampaignResult& result) {
  std::vector<const CampaignTestResult*> tests;
  for (const CampaignTestResult& test : result.tests) tests.push_back(&test);
  const auto rank = [](const CampaignTestResult* test) {
    switch (outcome_of(*test)) {
      case TestOutcome::failed:
        return 0;
      case TestOutcome::broken:
        return 1;
      case TestOutcome::not_run:
        return 2;
      case TestOutcome::passed:
        return 3;
    }
    return 3;
  };
  std::ranges::stable_sort(tests, {}, rank);

  std::string text = heading(result);
  std::size_t described_tests = 0;
  for (const CampaignTestResult* test : tests) {
    if (rank(test) > 1) break;
    if (++described_tests > described_tests_max) {
      text += "\n… and more that failed: see the table.\n";
      break;
    }
    text += described(*test);
  }
  text += "\n| | test | runs as expected | time | result |\n|---|---|---|---|---|\n";
  for (std::size_t i = 0; i < std::min(tests.size(), table_rows_max); ++i) text += row(*tests[i]);
  if (tests.size() > table_rows_max)
    text += "\n… and " + std::to_string(tests.size() - table_rows_max) + " more tests.\n";
  return text;
}

}  // namespace faultline
