#include "harness/campaign/outcome.h"

#include <algorithm>
#include <system_error>

namespace faultline {
namespace {

/// How many bytes the well-formed character at the front has (Unicode 15, table 3-7); 0 if there is
/// none, or one that XML forbids.
std::size_t character_length(std::string_view text) {
  const auto at = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : static_cast<unsigned char>(0);
  };
  const auto tail = [&](std::size_t i) { return (at(i) & 0xC0) == 0x80; };
  const unsigned char lead = at(0);
  if (lead < 0x80) return lead == '\t' || lead == '\n' || (lead >= 0x20 && lead != 0x7F) ? 1 : 0;
  if (lead == 0xC2 && at(1) < 0xA0) return 0;  // C1 control characters
  if (lead >= 0xC2 && lead <= 0xDF) return tail(1) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const unsigned char low = lead == 0xE0 ? 0xA0 : 0x80, high = lead == 0xED ? 0x9F : 0xBF;
    const bool noncharacter = lead == 0xEF && at(1) == 0xBF && at(2) >= 0xBE;
    return at(1) >= low && at(1) <= high && tail(2) && !noncharacter ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const unsigned char low = lead == 0xF0 ? 0x90 : 0x80, high = lead == 0xF4 ? 0x8F : 0xBF;
    return at(1) >= low && at(1) <= high && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

std::string_view error_kind(ExitCode code) {
  switch (code) {
    case ExitCode::target_down:
      return "target-down";
    case ExitCode::usage:
      return "usage";
    case ExitCode::capability:
      return "capability";
    case ExitCode::interrupted:
      return "interrupted";
    default:
      return "internal";
  }
}

std::string stop_reason(const CampaignTestResult& test) {
  switch (test.stopped) {
    case Stop::none:
      return "there is no result yet";
    case Stop::interrupted:
      return "the campaign was interrupted";
    case Stop::failed_fast:
      return "another test had failed (--fail-fast)";
    case Stop::out_of_time:
      return "the time was over (--max-time)";
  }
  return "";
}

}  // namespace

TestOutcome outcome_of(const CampaignTestResult& test) {
  const ExitCode code = test.exit_code();
  if (!test.decided() || code == ExitCode::interrupted) return TestOutcome::not_run;
  switch (code) {
    case ExitCode::valid:
      return TestOutcome::passed;
    case ExitCode::violation:
    case ExitCode::unknown:
    case ExitCode::vacuous:
    case ExitCode::threshold:
      return TestOutcome::failed;
    default:
      return TestOutcome::broken;
  }
}

std::string_view kind_of(const CampaignRun& run) {
  if (run.matched()) return "ok";
  if (run.is_error()) return error_kind(run.exit_code);
  if (run.exit_code == ExitCode::threshold) return "threshold";
  if (run.verdict == "invalid") return "violation";
  if (run.verdict == "valid") return "missed";
  return run.unknown_reason == "vacuous" ? "vacuous" : "unknown";
}

std::string sentence_of(const CampaignRun& run) {
  std::string text = run.verdict.empty() || run.is_error() ? "" : run.verdict;
  if (!text.empty()) {
    if (!run.unknown_reason.empty()) text += " (" + run.unknown_reason + ")";
    if (!run.expected.empty()) text += ", expected " + run.expected;
    if (!run.summary.empty()) text += ": " + run.summary;
  }
  if (run.exit_code == ExitCode::threshold)
    for (const std::string& finding : run.findings)
      if (finding.starts_with("threshold missed") || finding.starts_with("not recovered"))
        return finding + (text.empty() ? "" : "; " + text);
  if (!run.error.empty()) text += (text.empty() ? "" : "; ") + run.error;
  return text.empty() ? "exit code " + std::to_string(static_cast<int>(run.exit_code)) : text;
}

const CampaignRun* telling_run(const CampaignTestResult& test) {
  const ExitCode code = test.exit_code();
  const CampaignRun* first = nullptr;
  for (const CampaignRun& run : test.runs) {
    if (run.exit_code == code) return &run;
    if (first == nullptr && !run.matched()) first = &run;
  }
  return first != nullptr || test.runs.empty() ? first : &test.runs.front();
}

std::vector<const CampaignRun*> telling_runs(const CampaignTestResult& test, std::size_t count) {
  std::vector<const CampaignRun*> runs;
  for (const CampaignRun& run : test.runs) runs.push_back(&run);
  std::ranges::stable_partition(runs, [](const CampaignRun* run) { return !run->matched(); });
  if (runs.size() > count) runs.resize(count);
  return runs;
}

std::string sentence_of(const CampaignTestResult& test) {
  const TestOutcome outcome = outcome_of(test);
  const std::string seeds = std::to_string(test.test.seeds.size());
  if (outcome == TestOutcome::passed) return "";
  if (outcome == TestOutcome::not_run) {
    const std::string done = std::to_string(test.test.seeds.size() - test.pending());
    return (test.runs.empty() ? "not run: "
                              : "undecided after " + done + " of " + seeds + " runs: ") +
           stop_reason(test);
  }
  const CampaignRun* run = telling_run(test);
  if (run == nullptr) return "no run";
  if (test.test.seeds.size() == 1) return sentence_of(*run);
  const std::string runs = std::to_string(test.runs.size());
  std::string counted =
      std::to_string(test.runs.size() - test.matched()) + " of " + runs + " runs not as expected";
  if (test.test.stops_at_match) counted = "none of " + runs + " runs as expected";
  if (outcome == TestOutcome::broken)
    counted = std::to_string(test.errors()) + " of " + runs + " runs broken";
  return counted + "; seed " + std::to_string(run->seed) + ": " + sentence_of(*run);
}

std::string printable(std::string_view text) {
  constexpr std::string_view hex = "0123456789abcdef";
  std::string out;
  while (!text.empty()) {
    std::size_t length = character_length(text);
    if (length == 0) {
      const auto byte = static_cast<unsigned char>(text.front());
      out += "\\x";
      out += hex[byte >> 4];
      out += hex[byte & 15];
      length = 1;
    } else {
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return out;
}

std::string printable_line(std::string_view text, std::size_t bytes) {
  std::string line = printable(text.substr(0, text.find('\n')));
  if (line.size() <= bytes) return line;
  std::size_t end = bytes;
  while (end > 0 && (static_cast<unsigned char>(line[end]) & 0xC0) == 0x80) --end;
  return line.substr(0, end) + "…";
}

std::string shown_path(const std::filesystem::path& path) {
  if (path.is_relative()) return path.string();
  std::error_code failed;
  const auto here = std::filesystem::current_path(failed);
  const auto relative = path.lexically_relative(here);
  const bool below = !failed && !relative.empty() && *relative.begin() != "..";
  return below ? relative.string() : path.string();
}

}  // namespace faultline
