// faultline check PATH…: a verdict for each history, whoever recorded it and when. Reads files
// only.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <iterator>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>

#include "harness/cli/check_choice.h"
#include "harness/cli/commands.h"
#include "harness/cli/console.h"
#include "harness/core/exit_code.h"
#include "harness/core/text.h"
#include "harness/io/export.h"
#include "harness/io/json.h"
#include "harness/io/load.h"
#include "harness/io/run_dir.h"
#include "harness/run/judge.h"
#include "harness/run/log_check.h"
#include "harness/run/node_journal.h"
#include "harness/run/record.h"
#include "harness/run/yaml.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

struct CheckArguments {
  std::vector<std::string> paths;
  CheckChoice choice;
  std::string budget = "60s,4GiB";
  std::string export_format;
  bool json = false, nil_reads_unknown = false;
};

struct Report {
  std::string input;
  ExitCode code = ExitCode::valid;
  std::optional<LoadError> error;
  History history;
  std::vector<std::string> warnings;
  std::vector<Judgement> judgements;
  double load_seconds = 0, check_seconds = 0;
};

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// "30s,4GiB", either part alone, in any order.
Result<Allowance> parse_budget(const std::string& text) {
  Allowance allowance;
  std::string_view rest = text;
  for (bool more = true; more;) {
    const std::string_view part = rest.substr(0, rest.find(','));
    more = part.size() < rest.size();
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    const auto time = parse_duration(part);
    const auto size = parse_size(part);
    if (time && *time > std::chrono::nanoseconds(0)) {
      allowance.time = *time;
    } else if (size && *size > 0) {
      allowance.bytes = *size;
    } else {
      return Error{
          "--budget: expected a time, a size or both, as in 30s,4GiB; found \"" + text + "\"",
          ErrorKind::usage};
    }
  }
  return allowance;
}

LoadError load_error_of(const std::string& input, const Error& error) {
  LoadError result;
  result.where.file = input;
  result.expected = error.what;
  return result;
}

/// The check that is always on in a run, from what the run wrote down about the stores' processes.
std::optional<Error> add_crash_free(const fs::path& path, std::vector<Judgement>& judgements) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored) || !fs::exists(path / "nodes.jsonl", ignored)) return {};
  const auto begin = Clock::now();
  const auto lines = read_json_lines(path / "nodes.jsonl");
  if (!lines) return lines.error();
  judgements.push_back({check_crash_free(*lines), 0});
  judgements.back().seconds = seconds_since(begin);
  return {};
}

/// The check of the nodes' logs, if the run's configuration asks for it.
std::optional<Error> add_logs(const fs::path& path, std::vector<Judgement>& judgements) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored) || !fs::exists(path / "config.yaml", ignored)) return {};
  const auto config = load_config(path / "config.yaml");
  if (!config) return config.error();
  const ConfigNode* node = config->find("logs");
  if (node == nullptr) return {};
  Params params(*node, "logs");
  const auto rules = read_log_rules(params);
  if (!rules) return rules.error();
  const auto begin = Clock::now();
  judgements.push_back({check_logs(path, *rules), 0});
  judgements.back().seconds = seconds_since(begin);
  return {};
}

LoadOptions load_options(const CheckArguments& options) {
  return {std::max(1u, std::thread::hardware_concurrency()), options.nil_reads_unknown};
}

Report examine(const std::string& input, const CheckArguments& options, const Allowance& allowance,
               std::span<const CheckerEntry> catalogue) {
  Report report;
  report.input = input;
  auto begin = Clock::now();
  LoadError error;
  auto loaded = load_history(input, load_options(options), &error);
  report.load_seconds = seconds_since(begin);
  if (!loaded) {
    report.error = std::move(error);
    report.code = exit_code_of(loaded.error());
    return report;
  }
  const CheckChoice choice = hinted(options.choice, *loaded, catalogue);
  report.history = std::move(loaded->history);
  report.warnings = std::move(loaded->warnings);
  std::ranges::move(reservations_of(input), std::back_inserter(report.warnings));
  const auto checkers = make_checkers(choice, input, report.history, catalogue);
  if (!checkers) {
    report.error = load_error_of(input, checkers.error());
    report.code = exit_code_of(checkers.error());
    return report;
  }
  begin = Clock::now();
  for (const auto& checker : *checkers)
    report.judgements.push_back(judge(*checker, report.history, allowance));
  if (options.choice.checks.empty()) {
    auto failed = add_logs(input, report.judgements);
    if (!failed) failed = add_crash_free(input, report.judgements);
    if (failed) {
      report.error = load_error_of(input, *failed);
      report.code = exit_code_of(*failed);
      return report;
    }
  }
  if (auto doubt = doubt_record(input)) report.judgements.push_back({std::move(*doubt), 0});
  for (const Judgement& judgement : report.judgements)
    report.code = worse(report.code, exit_code_of(judgement.verdict));
  report.check_seconds = seconds_since(begin);
  return report;
}

/// The verdict that decides over the input; of equal ones the first that is not merely vacuous.
const Verdict& worst(const Report& report) {
  return std::ranges::max_element(report.judgements, {},
                                  [](const Judgement& j) {
                                    return std::pair(j.verdict.validity,
                                                     j.verdict.reason != "vacuous");
                                  })
      ->verdict;
}

std::string error_text(const LoadError& error) {
  return error_at(error.where, error.expected).what;
}

Value json_of(const Report& report) {
  Map map = {{"schema", "faultline.check/1"}, {"input", report.input}};
  if (report.error) {
    const LoadError& e = *report.error;
    map.emplace_back("verdict", "error");
    map.emplace_back("error", Map{{"file", e.where.file.empty() ? report.input : e.where.file},
                                  {"line", std::int64_t{e.where.line}},
                                  {"column", std::int64_t{e.where.column}},
                                  {"expected", e.expected}});
    return map;
  }
  const Verdict& verdict = worst(report);
  map.emplace_back("operations", std::uint64_t{report.history.size()});
  map.emplace_back("verdict", std::string(name_of(verdict.validity)));
  if (verdict.validity == Validity::unknown) map.emplace_back("reason", verdict.reason);
  List checks;
  for (const Judgement& j : report.judgements)
    checks.push_back(verdict_value(j.verdict, report.history, j.seconds));
  map.emplace_back("checks", std::move(checks));
  if (!report.warnings.empty())
    map.emplace_back("warnings", List(report.warnings.begin(), report.warnings.end()));
  map.emplace_back("seconds", Map{{"load", rounded(report.load_seconds)},
                                  {"check", rounded(report.check_seconds)}});
  return map;
}

/// Upper case.
std::string headline(Validity validity) {
  std::string word(name_of(validity));
  for (char& c : word) c = static_cast<char>(c - 'a' + 'A');
  return painted(stdout, paint_of(validity), word);
}

std::string seconds_text(double seconds) {
  return format_seconds(static_cast<std::int64_t>(seconds * 1e9));
}

std::string indented(const std::string& text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out += "  " + text.substr(at, end - at) + "\n";
    at = end + 1;
  }
  return out;
}

std::string counts_text(const Verdict& verdict) {
  std::string out;
  for (const auto& [name, count] : verdict.counted)
    out += (out.empty() ? "" : ", ") + name + " " + with_thousands(count);
  return out;
}

/// What was decided, and by what: "linearizable (zones)", "not serializable (list-append, graph)".
std::string claim_text(const Verdict& verdict) {
  std::string by = verdict.engine;
  std::string claim = verdict.name;
  if (verdict.validity == Validity::invalid) {
    std::string refuted;
    for (const std::string& model : verdict.refuted)
      refuted += (refuted.empty() ? "" : ", nor ") + model;
    if (!refuted.empty() && refuted != claim) {
      by = claim + (by.empty() ? "" : ", " + by);
      claim = refuted;
    }
    claim = "not " + claim;
  }
  if (verdict.validity == Validity::unknown) claim += " undecided";
  return claim + (by.empty() ? "" : " (" + by + ")");
}

std::string text_of(const Report& report) {
  std::string out;
  for (const auto& [verdict, seconds] : report.judgements) {
    const std::string check = claim_text(verdict);
    out += headline(verdict.validity) + " " + report.input + ": " +
           with_thousands(report.history.size()) +
           (report.history.size() == 1 ? " operation, " : " operations, ") + check + " in " +
           seconds_text(seconds) + "\n";
    if (verdict.validity == Validity::unknown)
      out += indented(verdict.reason + ": " + verdict.summary);
    if (console().quiet) continue;
    out += indented(table_text(verdict));
    if (const std::string counts = counts_text(verdict); !counts.empty()) out += indented(counts);
    if (verdict.validity != Validity::invalid) continue;
    if (verdict.explanation.find(verdict.summary) == std::string::npos)
      out += indented(verdict.summary);
    out += indented(verdict.explanation);
    std::string witness;
    for (const OperationId row : verdict.witness)
      witness += " " + std::to_string(report.history.index_of(report.history.begin()[row]));
    if (!witness.empty()) out += "  witness: the operations invoked at index" + witness + "\n";
  }
  return out;
}

/// The inputs that `path` stands for: itself, or, if it is a directory without a history of its
/// own, every run below it, in order. Follows no links (runs/NAME/latest would be judged twice).
Result<std::vector<std::string>> inputs_of(const std::string& path) {
  std::error_code failed;
  if (!fs::is_directory(path, failed) || fs::exists(fs::path(path) / "history.jsonl", failed))
    return std::vector<std::string>{path};
  std::vector<std::string> runs;
  const auto unreadable = fs::directory_options::skip_permission_denied;
  for (fs::recursive_directory_iterator at(path, unreadable, failed), end; at != end && !failed;
       at.increment(failed))
    if (at->path().filename() == "history.jsonl") runs.push_back(at->path().parent_path().string());
  if (failed) return Error{path + ": " + failed.message(), ErrorKind::usage};
  std::ranges::sort(runs);
  if (runs.empty())
    return Error{path +
                     ": there is no history.jsonl in it or below it; expected a history file, a "
                     "run's directory, or one with runs below it",
                 ErrorKind::usage};
  return runs;
}

void print(const Report& report, bool json) {
  for (const std::string& warning : report.warnings) warn(warning);
  if (report.error)
    complain({error_text(*report.error), ErrorKind::usage});
  else
    say(Level::debug, "judged",
        report.input + ": " + with_thousands(report.history.size()) + " operations read in " +
            seconds_text(report.load_seconds) + ", judged in " + seconds_text(report.check_seconds),
        {{"input", report.input},
         {"operations", std::uint64_t{report.history.size()}},
         {"load_s", rounded(report.load_seconds)},
         {"check_s", rounded(report.check_seconds)}});
  const std::string out = json           ? to_json(json_of(report)) + "\n"
                          : report.error ? std::string()
                                         : text_of(report);
  std::fwrite(out.data(), 1, out.size(), stdout);
  std::fflush(stdout);
}

/// Writes the one history that is asked for on standard output, and judges nothing.
int export_only(const CheckArguments& options) {
  if (options.paths.size() != 1)
    return complain({"--export: expected one PATH, found " + std::to_string(options.paths.size()),
                     ErrorKind::usage});
  const auto loaded = load_history(options.paths[0], load_options(options));
  if (!loaded) return complain(loaded.error());
  for (const std::string& warning : loaded->warnings) warn(warning);
  const Status done = export_history(
      loaded->history, options.export_format,
      [](std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); });
  if (!done) return complain(done.error());
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    return complain({"cannot write to standard output"});
  return static_cast<int>(ExitCode::valid);
}

int run(const CheckArguments& options, const Catalogues& catalogues) {
  if (!options.export_format.empty()) return export_only(options);
  const auto allowance = parse_budget(options.budget);
  if (!allowance) return complain(allowance.error());
  if (const Status fits = refuse_misfits(options.choice, options.paths, catalogues.checkers); !fits)
    return complain(fits.error());
  ExitCode code = ExitCode::valid;
  for (const std::string& path : options.paths) {
    const auto inputs = inputs_of(path);
    Report failed;
    failed.input = path;
    if (!inputs) {
      failed.error = load_error_of("", inputs.error());
      failed.code = ExitCode::usage;
      print(failed, options.json);
    }
    code = worse(code, failed.code);
    for (const std::string& input : inputs ? *inputs : std::vector<std::string>()) {
      const Report report = examine(input, options, *allowance, catalogues.checkers);
      code = worse(code, report.code);
      print(report, options.json);
    }
  }
  // A verdict that nobody received is none.
  if (std::ferror(stdout) != 0) {
    complain({"cannot write to standard output"});
    code = worse(code, ExitCode::internal);
  }
  return static_cast<int>(code);
}

}  // namespace

void add_check(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<CheckArguments>();
  CLI::App* command = app.add_subcommand("check", std::string(command_doc("check")));
  command
      ->add_option(
          "path", options->paths,
          "history files in any format of `faultline list formats`, also compressed; - for "
          "standard input; run directories, or directories with runs below")
      ->type_name("PATH")
      ->required();
  command
      ->add_option(
          "--checks", options->choice.checks,
          "what to check, separated by commas; else what the run was configured with, else "
          "bank for transfers, list-append for transactions that append, rw-register for those "
          "that write unique "
          "values, else linearizable")
      ->type_name("CHECKER")
      ->delimiter(',')
      ->expected(1);
  command
      ->add_option(
          "--model", options->choice.model,
          "what it must be true to: an object's sequential specification, or of "
          "transactions their isolation (faultline list models). auto: for an object, what "
          "the history's operations say")
      ->type_name("MODEL");
  command
      ->add_option(
          "--initial", options->choice.initial,
          "the value before the first write; nil if none. {x: 1, y: 2} for a multi-register")
      ->type_name("VALUE");
  command->add_flag("--nil-reads-unknown", options->nil_reads_unknown,
                    "a read that answered nil says nothing, as in histories of Knossos");
  command->add_option("--engine", options->choice.engine, "auto, or the algorithm that must decide")
      ->type_name("ENGINE");
  command->add_option("--budget", options->budget, "time and memory that each check may use")
      ->type_name("BUDGET")
      ->capture_default_str();
  command
      ->add_option("--export", options->export_format,
                   "judge nothing: write the one history on stdout, as edn or jsonl")
      ->type_name("FORMAT");
  command->add_flag("--json", options->json, "one JSON document a line on stdout, an input each");
  command->callback([options, &invocation] {
    invocation.action = [options, &invocation] { return run(*options, invocation.catalogues); };
  });
}

}  // namespace faultline
