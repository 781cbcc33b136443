#include "harness/campaign/summary.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <iterator>
#include <optional>

#include "harness/core/text.h"
#include "harness/io/document.h"
#include "harness/io/json.h"
#include "harness/run/record.h"

namespace faultline {
namespace {

constexpr std::size_t summary_lines_max = 16;

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

/// An integer or a real one; 0 if it is neither.
double number_of(const Value& value) {
  if (const std::int64_t* integer = value.integer()) return static_cast<double>(*integer);
  const double* real = std::get_if<double>(&value.content);
  return real != nullptr ? *real : 0;
}

std::optional<ExitCode> known_exit_code(std::int64_t code) {
  constexpr std::array codes = {ExitCode::valid,      ExitCode::violation,  ExitCode::unknown,
                                ExitCode::vacuous,    ExitCode::threshold,  ExitCode::target_down,
                                ExitCode::usage,      ExitCode::capability, ExitCode::internal,
                                ExitCode::interrupted};
  for (const ExitCode known : codes)
    if (static_cast<std::int64_t>(known) == code) return known;
  return std::nullopt;
}

/// What a program said when it gave up: the last line that it addressed to its user.
std::string last_words_of(const std::vector<std::string>& log) {
  for (auto line = log.rbegin(); line != log.rend(); ++line)
    if (line->starts_with("faultline: ")) return line->substr(11);
  return log.empty() ? "" : log.back();
}

/// Every violation in words, and why a check could not tell.
std::vector<std::string> findings_of(const Value& document) {
  std::vector<std::string> findings;
  const Value* checks = member_of(document, "checks");
  if (checks == nullptr || checks->list() == nullptr) return findings;
  for (const Value& check : *checks->list()) {
    if (text_in(check, "verdict") == "valid") continue;
    findings.push_back(text_in(check, "name") + ": " + text_in(check, "summary"));
    for (std::string& line : lines_of(text_in(check, "explanation")))
      findings.push_back("  " + std::move(line));
  }
  return findings;
}

/// What else than a verdict keeps a run from matching.
std::vector<std::string> shortfalls_of(const Value& document) {
  std::vector<std::string> lines;
  if (const Value* recovery = member_of(document, "recovery"))
    if (const Value* missing = member_of(*recovery, "missing");
        missing != nullptr && missing->list())
      for (const Value& node : *missing->list())
        if (node.text() != nullptr) lines.push_back("not recovered: " + *node.text());
  if (const Value* thresholds = member_of(document, "thresholds"); thresholds && thresholds->map())
    for (const auto& [metric, threshold] : *thresholds->map())
      if (const Value* met = member_of(threshold, "met"); met != nullptr && *met == Value(false)) {
        const Value* value = member_of(threshold, "value");
        lines.push_back("threshold missed: " + metric + " " + text_in(threshold, "limit") +
                        ", was " +
                        (value == nullptr || value->is_nil() ? "not measured" : to_text(*value)));
      }
  if (const std::string broken = text_in(document, "error"); !broken.empty())
    lines.push_back("the run is incomplete: " + broken);
  return lines;
}

std::string outcome_text(const CampaignTestResult& test) {
  if (test.ok()) return "ok";
  const ExitCode code = test.exit_code();
  if (test.runs.empty()) return "not run";
  if (code == ExitCode::interrupted) return "interrupted";
  if (!test.decided()) return "undecided";
  return test.errors() > 0 && test.errors() == test.runs.size() ? "ERROR" : "FAILED";
}

using Row = std::vector<std::string>;

/// Columns as wide as their widest cell; all but the first and the last are figures.
std::string table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size());
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      const bool last = i + 1 == row.size();
      text += last ? row[i] : padded(row[i], widths[i], i >= 2) + "  ";
    }
    text += '\n';
  }
  return text;
}

void read_document(const Value& document, CampaignRun& run) {
  run.verdict = text_in(document, "verdict");
  run.expected = text_in(document, "expected");
  run.summary = text_in(document, "summary");
  run.unknown_reason = text_in(document, "reason");
  run.directory = text_in(document, "directory");
  run.findings = findings_of(document);
  std::ranges::move(shortfalls_of(document), std::back_inserter(run.findings));
  if (!run.findings.empty())
    std::ranges::move(reservations(document), std::back_inserter(run.findings));
}

}  // namespace

std::string seconds_text(double seconds) {
  char buffer[32];
  std::snprintf(buffer, sizeof buffer, "%.1f s", seconds);
  return buffer;
}

std::string find_text(const CampaignTest& test) {
  if (test.stops_at_match) return "any";
  if (test.matches_needed == test.seeds.size()) return "all";
  return std::to_string(test.matches_needed);
}

Value run_value(const CampaignRun& run) {
  Map map = {{"seed", run.seed},
             {"matched", run.matched()},
             {"error", run.is_error()},
             {"exit_code", static_cast<int>(run.exit_code)}};
  map.emplace_back("verdict", run.verdict.empty() ? Value() : Value(run.verdict));
  map.emplace_back("expected", run.expected.empty() ? Value() : Value(run.expected));
  if (!run.summary.empty()) map.emplace_back("summary", run.summary);
  if (!run.unknown_reason.empty()) map.emplace_back("unknown_reason", run.unknown_reason);
  if (!run.error.empty()) map.emplace_back("reason", run.error);
  map.emplace_back("findings", List(run.findings.begin(), run.findings.end()));
  map.emplace_back("directory", run.directory);
  if (!run.command.empty()) map.emplace_back("command", run.command);
  map.emplace_back("seconds", std::round(run.seconds * 1000) / 1000);
  return map;
}

Result<CampaignRun> run_of_value(const Value& value) {
  const Value* seed = member_of(value, "seed");
  const Value* exit = member_of(value, "exit_code");
  if (seed == nullptr || seed->integer() == nullptr || exit == nullptr || !exit->integer())
    return Error{"a run without seed or exit code", ErrorKind::usage};
  const auto code = known_exit_code(*exit->integer());
  if (!code) return Error{"unknown exit code " + to_text(*exit), ErrorKind::usage};
  CampaignRun run;
  run.seed = static_cast<std::uint64_t>(*seed->integer());
  run.exit_code = *code;
  run.verdict = text_in(value, "verdict");
  run.expected = text_in(value, "expected");
  run.summary = text_in(value, "summary");
  run.unknown_reason = text_in(value, "unknown_reason");
  run.error = text_in(value, "reason");
  run.directory = text_in(value, "directory");
  run.command = text_in(value, "command");
  if (const Value* lines = member_of(value, "findings");
      lines != nullptr && lines->list() != nullptr)
    for (const Value& line : *lines->list())
      if (line.text() != nullptr) run.findings.push_back(*line.text());
  if (const Value* seconds = member_of(value, "seconds"); seconds != nullptr)
    run.seconds = number_of(*seconds);
  return run;
}

CampaignRun read_results(const Value& document) {
  CampaignRun run;
  read_document(document, run);
  if (const Value* seed = member_of(document, "seed");
      seed != nullptr && seed->integer() != nullptr)
    run.seed = static_cast<std::uint64_t>(*seed->integer());
  const Value* exit = member_of(document, "exit_code");
  const auto code = exit != nullptr && exit->integer() != nullptr
                        ? known_exit_code(*exit->integer())
                        : std::nullopt;
  run.exit_code = code.value_or(ExitCode::internal);
  if (run.is_error()) run.error = run.is_finished() ? text_in(document, "error") : "interrupted";
  return run;
}

CampaignRun read_run(std::uint64_t seed, const RunProcess& process) {
  CampaignRun run;
  run.seed = seed;
  run.seconds = process.seconds;
  const std::vector<std::string> log = lines_of(process.log_tail);
  const std::string why = last_words_of(log), last_words = why.empty() ? "" : ": " + why;

  if (const auto document = parse_json(process.output)) read_document(*document, run);
  // A run that came to no verdict still says where it left what it has.
  if (run.directory.empty() && !log.empty() && log.back().starts_with("in "))
    run.directory = log.back().substr(3);
  const auto code = known_exit_code(process.exit_code);
  if (process.timed_out) {
    run.error = "did not end in time" + last_words;
  } else if (process.signal != 0) {
    run.error = "ended by signal " + std::to_string(process.signal) + " (" +
                strsignal(process.signal) + ")" + last_words;
  } else if (!code) {
    run.error = "ended with exit code " + std::to_string(process.exit_code) + last_words;
  } else {
    run.exit_code = *code;
    if (!run.is_error() && run.verdict.empty()) {
      run.exit_code = ExitCode::internal;
      run.error =
          "exit code " + std::to_string(process.exit_code) + " without results" + last_words;
    } else if (run.is_error()) {
      run.error = *code == ExitCode::interrupted ? "interrupted"
                  : why.empty()                  ? "exit code " + std::to_string(process.exit_code)
                                                 : why;
    }
  }
  return run;
}

std::string run_line(const CampaignTest& test, const CampaignRun& run) {
  const char* mark = run.matched()                            ? "ok   "
                     : run.exit_code == ExitCode::interrupted ? "stop "
                     : run.is_error()                         ? "ERROR"
                                                              : "FAIL ";
  // While later seeds may still find it, a run that did not is no failure.
  if (!run.matched() && !run.is_error() && test.stops_at_match) mark = "-    ";
  std::string text = std::string(mark) + "  " + padded(test.name, 36) + "  seed " +
                     padded(std::to_string(run.seed), 6) + "  " +
                     padded(run.verdict.empty() ? "no verdict" : run.verdict, 10);
  if (!run.expected.empty()) text += "  expected " + padded(run.expected, 7);
  text += "  " + padded(seconds_text(run.seconds), 7, true);
  if (!run.directory.empty()) text += "  " + run.directory;
  text += '\n';
  if (!run.error.empty()) text += "         " + run.error + '\n';
  for (std::size_t i = 0; i < std::min(run.findings.size(), summary_lines_max); ++i)
    text += "         " + run.findings[i] + '\n';
  if (run.findings.size() > summary_lines_max)
    text += "         … " + std::to_string(run.findings.size() - summary_lines_max) +
            " more lines in its results.json\n";
  return text;
}

const char* stop_text(Stop stop) {
  switch (stop) {
    case Stop::none:
      return "";
    case Stop::interrupted:
      return "interrupted";
    case Stop::failed_fast:
      return "stopped at the first failure";
    case Stop::out_of_time:
      return "out of time";
  }
  return "";
}

std::string campaign_table(const CampaignResult& result) {
  std::vector<Row> rows = {
      {"test", "find", "seeds", "runs", "matched", "other", "errors", "time", ""}};
  std::size_t passed = 0;
  for (const CampaignTestResult& test : result.tests) {
    const std::size_t other = test.runs.size() - test.matched() - test.errors();
    double seconds = 0;
    for (const CampaignRun& run : test.runs) seconds += run.seconds;
    rows.push_back({test.test.name, find_text(test.test), std::to_string(test.test.seeds.size()),
                    std::to_string(test.runs.size()), std::to_string(test.matched()),
                    std::to_string(other), std::to_string(test.errors()), seconds_text(seconds),
                    outcome_text(test)});
    passed += test.ok() ? 1 : 0;
  }
  std::string text = table(rows);
  text += result.campaign.name + ": " + std::to_string(passed) + " of " +
          std::to_string(result.campaign.tests.size()) + " tests as expected, " +
          seconds_text(result.seconds) + ", exit code " +
          std::to_string(static_cast<int>(result.exit_code()));
  if (result.stopped != Stop::none) text += ", " + std::string(stop_text(result.stopped));
  return text + '\n';
}

Value campaign_value(const CampaignResult& result) {
  List tests;
  for (const CampaignTestResult& test : result.tests) {
    List seeds, runs;
    for (const std::uint64_t seed : test.test.seeds) seeds.emplace_back(seed);
    for (const CampaignRun& run : test.runs) runs.push_back(run_value(run));
    tests.emplace_back(Map{{"name", test.test.name},
                           {"config", test.test.config.string()},
                           {"label", test.test.label},
                           {"find", find_text(test.test)},
                           {"set", List(test.test.settings.begin(), test.test.settings.end())},
                           {"seeds", std::move(seeds)},
                           {"ok", test.ok()},
                           {"decided", test.decided()},
                           {"exit_code", static_cast<int>(test.exit_code())},
                           {"matched", test.matched()},
                           {"errors", test.errors()},
                           {"runs", std::move(runs)}});
  }
  return Map{{"schema", "faultline.campaign/1"},
             {"name", result.campaign.name},
             {"seed", result.campaign.seed},
             {"planned", result.campaign.tests.size()},
             {"tests", std::move(tests)},
             {"shard", result.campaign.shard.empty() ? Value() : Value(result.campaign.shard)},
             {"interrupted", result.stopped == Stop::interrupted},
             {"stopped", result.stopped == Stop::none ? Value() : stop_text(result.stopped)},
             {"seconds", std::round(result.seconds * 1000) / 1000},
             {"exit_code", static_cast<int>(result.exit_code())}};
}

}  // namespace faultline
