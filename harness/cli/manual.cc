#include "harness/cli/manual.h"

#include <algorithm>
#include <array>

#include <CLI/CLI.hpp>

#include "harness/cli/glossary.h"
#include "harness/io/export.h"

namespace faultline {
namespace {

constexpr std::size_t help_width = 100;
constexpr std::size_t help_column = 26;

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    parts.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

bool is_flag(const CLI::Option& option) { return option.get_items_expected_max() == 0; }

OptionInfo describe_option(const CLI::Option& option) {
  OptionInfo info;
  if (!option.get_lnames().empty()) info.long_name = "--" + option.get_lnames().front();
  if (!option.get_snames().empty()) info.short_name = "-" + option.get_snames().front();
  // What a validator adds to it, as in "N:UINT in [1 - 256]", is for its own message. A type name
  // that CLI11 made up (TEXT, UINT) says nothing of what an argument is.
  if (!is_flag(option)) info.metavar = split(option.get_type_name(), ':').front();
  if (option.get_positional() && !is_known_metavar(info.metavar))
    info.metavar = upper(option.get_name(true));
  info.doc = option.get_description();
  info.default_text = option.get_default_str();
  info.required = option.get_required();
  info.repeats = option.get_items_expected_max() > 1;
  info.comma_separated = option.get_delimiter() == ',';
  info.is_common = option.get_group() == common_group;
  return info;
}

/// What a metavar of the catalogues stands for; nullopt if it stands for no catalogue.
std::optional<std::vector<std::string>> catalogue_words(std::string_view metavar,
                                                        const Catalogues& catalogues) {
  const auto names = [](const auto& entries) {
    std::vector<std::string> all;
    for (const auto& entry : entries) all.emplace_back(entry.name);
    return all;
  };
  if (metavar == "CHECKER") return names(catalogues.checkers);
  if (metavar == "TARGET") return names(catalogues.targets);
  if (metavar == "WORKLOAD") return names(catalogues.workloads);
  if (metavar == "FAULT") return names(catalogues.nemeses);
  if (metavar == "MODEL") return checker_choices(catalogues, "model");
  if (metavar == "ENGINE") return checker_choices(catalogues, "engine");
  if (metavar == "THING") return thing_names(catalogues);
  if (metavar == "KIND") return thing_kinds();
  if (metavar == "FORMAT")
    return std::vector<std::string>(export_formats().begin(), export_formats().end());
  return std::nullopt;
}

/// A term, and what it is, in two columns.
std::string row(const std::string& term, const std::string& text) {
  const std::string body = wrapped(text, help_column, help_width);
  if (term.size() + 4 > help_column) return "  " + term + "\n" + body;
  return "  " + term + std::string(help_column - 2 - term.size(), ' ') + body.substr(help_column);
}

std::string option_rows(const CommandInfo& command, bool common) {
  std::string rows;
  for (const OptionInfo& option : command.options)
    if (option.is_common == common) rows += row(names_of(option), doc_of(option));
  return rows;
}

std::string help_section(const std::string& title, const std::string& rows) {
  return rows.empty() ? rows : "\n" + title + ":\n" + rows;
}

constexpr auto plain_metavars = std::to_array<std::string_view>(
    {"N", "SEED", "DURATION", "BUDGET", "KEY=VALUE", "VALUE", "K/N", "SHELL", "PORT", "TEXT"});
constexpr auto file_metavars = std::to_array<std::string_view>({"FILE", "CONFIG", "PATH"});
constexpr auto directory_metavars = std::to_array<std::string_view>({"DIR", "RUN", "CAMPAIGN"});
constexpr auto catalogue_metavars =
    std::to_array<std::string_view>({"CHECKER", "TARGET", "WORKLOAD", "FAULT", "MODEL", "ENGINE",
                                     "THING", "KIND", "FORMAT", "COMMAND"});

template <std::size_t N>
bool is_in(const std::array<std::string_view, N>& words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

}  // namespace

bool is_known_metavar(std::string_view metavar) {
  return metavar.empty() || metavar.find('|') != std::string_view::npos ||
         is_in(plain_metavars, metavar) || is_in(file_metavars, metavar) ||
         is_in(directory_metavars, metavar) || is_in(catalogue_metavars, metavar);
}

CommandInfo describe_command(const CLI::App& command) {
  CommandInfo info;
  if (command.get_parent() != nullptr) info.name = command.get_name();
  info.doc = command.get_description();
  info.footer = command.get_footer();
  for (const CLI::Option* option : command.get_options()) {
    if (option->get_group().empty()) continue;  // hidden
    const bool is_argument = option->get_positional();
    (is_argument ? info.arguments : info.options).push_back(describe_option(*option));
  }
  // The common ones last, in the order in which they were added.
  std::ranges::stable_sort(info.options, {}, &OptionInfo::is_common);
  return info;
}

Manual describe(const CLI::App& app) {
  Manual manual{app.version(), describe_command(app), {}};
  for (const CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; }))
    if (!command->get_group().empty()) manual.commands.push_back(describe_command(*command));
  return manual;
}

Values values_of(const OptionInfo& option, const Manual& manual, const Catalogues& catalogues) {
  const std::string& metavar = option.metavar;
  if (metavar.empty()) return {Values::Kind::none, {}};
  if (metavar.find('|') != std::string::npos) return {Values::Kind::words, split(metavar, '|')};
  if (is_in(file_metavars, metavar)) return {Values::Kind::file, {}};
  if (is_in(directory_metavars, metavar)) return {Values::Kind::directory, {}};
  if (metavar == "COMMAND") {
    Values values{Values::Kind::words, {}};
    for (const CommandInfo& command : manual.commands) values.words.push_back(command.name);
    return values;
  }
  if (auto words = catalogue_words(metavar, catalogues))
    return {Values::Kind::words, std::move(*words)};
  return {};
}

std::string usage_of(const CommandInfo& command) {
  std::string usage = "faultline " + command.name + (command.name.empty() ? "" : " ");
  usage += command.name.empty() ? "COMMAND [OPTIONS]" : "[OPTIONS]";
  for (const OptionInfo& argument : command.arguments) {
    const std::string name = argument.metavar + (argument.repeats ? "..." : "");
    usage += argument.required ? " " + name : " [" + name + "]";
  }
  return usage;
}

std::string names_of(const OptionInfo& option) {
  std::string names = option.short_name;
  if (!option.long_name.empty()) names += (names.empty() ? "" : ", ") + option.long_name;
  if (!option.metavar.empty()) names += (names.empty() ? "" : " ") + option.metavar;
  if (option.comma_separated) names += ",...";
  if (option.long_name.empty() && option.short_name.empty() && option.repeats) names += "...";
  return names;
}

std::string doc_of(const OptionInfo& option) {
  std::string text = option.doc;
  if (!option.default_text.empty()) text += " (default: " + option.default_text + ")";
  return text;
}

std::string command_help(const CommandInfo& command) {
  std::string text = "Usage: " + usage_of(command) + "\n\n" + wrapped(command.doc, 0, help_width);
  std::string arguments;
  for (const OptionInfo& argument : command.arguments)
    arguments += row(names_of(argument), doc_of(argument));
  text += help_section("Arguments", arguments) +
          help_section("Options", option_rows(command, false)) +
          help_section(common_group, option_rows(command, true));
  std::string examples;
  for (const Paragraph& example : example_paragraphs(command.name))
    examples += "  " + std::string(example.term) + "\n";
  text += help_section("Examples", examples);
  if (!command.footer.empty()) text += "\n" + wrapped(command.footer, 0, help_width);
  return text;
}

std::string program_help(const Manual& manual) {
  std::string text =
      "Usage: " + usage_of(manual.program) + "\n\n" + wrapped(manual.program.doc, 0, help_width);
  std::string commands;
  for (const CommandInfo& command : manual.commands) commands += row(command.name, command.doc);
  return text + help_section("Commands", commands) +
         help_section("Options", option_rows(manual.program, false)) +
         help_section(common_group, option_rows(manual.program, true)) +
         "\nfaultline COMMAND --help says more; faultline explain 4 says what exit code 4 means.\n";
}

std::vector<Paragraph> environment_paragraphs() {
  return {
      {"NO_COLOR", "If set and not empty: no colours, unless --color says otherwise."},
      {"CLICOLOR_FORCE",
       "If set, not empty and not 0: colours even where output goes to no terminal."},
      {"TERM", "If it is dumb: no colours, and progress as lines."},
      {"FAULTLINE_REFKV",
       "The program of the embedded store, where it is neither beside faultline nor in "
       "../libexec/faultline."},
      {"PATH", "Where the stores and nft are looked for."},
  };
}

std::vector<Paragraph> file_paragraphs() {
  return {
      {"runs/NAME/TIME-sSEED/", "A run's directory; runs/NAME/latest is a link to the newest."},
      {"config.yaml", "There: the configuration as resolved, every default written out."},
      {"meta.json", "Versions, kernel, the store's program and its sha256, the command to repeat."},
      {"schedule.json", "The planned faults."},
      {"history.jsonl", "What the clients saw: the only evidence that a verdict rests on."},
      {"faults.jsonl", "What was injected, with the evidence that it took effect."},
      {"nodes.jsonl", "Starts and deaths of the store's processes."},
      {"links.json", "What each directed link carried, lost and altered, with links: switch."},
      {"results.json", "Verdicts, availability, latency, counts, and the exit code."},
      {"nodes/n1/", "Standard output and error of a node, and its data if it was kept."},
  };
}

std::vector<Paragraph> example_paragraphs(std::string_view command) {
  struct Example {
    std::string_view command, line, text;
  };
  static constexpr auto examples = std::to_array<Example>({
#define EXAMPLE(command, line, text) {command, line, text},
#include "harness/cli/examples.def"
#undef EXAMPLE
  });
  std::vector<Paragraph> found;
  for (const Example& example : examples)
    if (example.command == command) found.push_back({example.line, example.text});
  return found;
}

std::string wrapped(std::string_view text, std::size_t indent, std::size_t width) {
  std::string out, line;
  const auto flush = [&] {
    out += (line.empty() ? "" : std::string(indent, ' ')) + line + "\n";
    line.clear();
  };
  const auto columns = [](std::string_view word) {
    return static_cast<std::size_t>(std::ranges::count_if(
        word, [](char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }));
  };
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find_first_of(" \n", at), text.size());
    const std::string_view word = text.substr(at, end - at);
    if (!line.empty() && indent + columns(line) + 1 + columns(word) > width) flush();
    if (!word.empty()) line += (line.empty() ? "" : " ") + std::string(word);
    if (end < text.size() && text[end] == '\n') flush();
    at = end + 1;
  }
  if (!line.empty()) flush();
  return out;
}

}  // namespace faultline
