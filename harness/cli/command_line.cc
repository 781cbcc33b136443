#include "harness/cli/command_line.h"

#include <algorithm>
#include <cstdio>

#include <CLI/CLI.hpp>

#include "harness/cli/console.h"
#include "harness/cli/manual.h"
#include "harness/core/exit_code.h"
#include "harness/core/text.h"

namespace faultline {
namespace {

class HelpFormatter : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const override {
    return app->get_parent() == nullptr ? program_help(describe(*app))
                                        : command_help(describe_command(*app));
  }
};

std::string in_quotes(std::string_view word) { return "\"" + std::string(word) + "\""; }

/// An option that takes one of a few words, and hands on which.
void add_choice(CLI::App& command, const std::string& name, std::vector<std::string> words,
                const std::function<void(std::size_t)>& take, const std::string& doc) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : "|") + word;
  const auto accept = [words, name, take](const std::string& word) {
    const auto at = std::ranges::find(words, word);
    const std::vector<std::string_view> views(words.begin(), words.end());
    if (at == words.end())
      throw CLI::ValidationError(name, unknown_component("value", word, views).what);
    take(static_cast<std::size_t>(at - words.begin()));
  };
  command.add_option_function<std::string>(name, accept, doc)
      ->type_name(all)
      ->default_str(words.front())
      ->group(common_group);
}

void add_common_options(CLI::App& command) {
  command.set_help_flag("-h,--help", "this text")->group(common_group);
  command.add_flag("-q,--quiet", console().quiet, "only the verdict and errors")
      ->group(common_group);
  command.add_flag("-v,--verbose", console().verbose, "also what goes on: phases, faults, loading")
      ->group(common_group);
  add_choice(
      command, "--color", {"auto", "always", "never"},
      [](std::size_t i) { console().color = static_cast<ColorWhen>(i); },
      "colours: on a terminal, or as said; NO_COLOR and CLICOLOR_FORCE are obeyed");
  add_choice(
      command, "--log-format", {"text", "json"},
      [](std::size_t i) { console().log_format = static_cast<LogFormat>(i); },
      "of progress and diagnostics on standard error; json is an object a line");
}

// --- what is said when it does not fit
// -------------------------------------------------------------

/// "faultline run", "faultline".
std::string called(const CLI::App& command) {
  return command.get_parent() == nullptr ? "faultline" : "faultline " + command.get_name();
}

/// As the user knows it: "--seed", "CONFIG".
std::string shown_name(const CLI::App& command, const std::string& name) {
  const CLI::Option* option = command.get_option_no_throw(name);
  if (option == nullptr || option->nonpositional()) return name;
  for (const OptionInfo& argument : describe_command(command).arguments)
    if (argument.doc == option->get_description()) return argument.metavar;
  return name;
}

const OptionInfo* find_option(const CommandInfo& command, const std::string& name) {
  for (const OptionInfo& option : command.options)
    if (name == option.long_name || name == option.short_name) return &option;
  return nullptr;
}

/// A word that begins with a dash and is no option here.
std::string unknown_option(const CLI::App& app, const CLI::App& command, const std::string& word) {
  const std::string name = word.substr(0, word.find('='));
  std::string text = "unknown option " + in_quotes(name) + " of " + called(command);
  const CommandInfo info = describe_command(command);
  std::vector<std::string_view> known;
  for (const OptionInfo& option : info.options) known.push_back(option.long_name);
  const std::string bare = name.substr(std::min(name.find_first_not_of('-'), name.size()));
  if (bare.size() > 1)
    if (const auto near = nearest_word("--" + bare, known))
      return text + ", did you mean " + in_quotes(*near) + "?";
  for (const CommandInfo& other : describe(app).commands)
    if (find_option(other, name) != nullptr) return text + "; it is one of faultline " + other.name;
  return text + "; " + called(command) + " --help lists what there is";
}

std::string unknown_command(const CLI::App& app, const std::string& word) {
  const Manual manual = describe(app);
  std::vector<std::string_view> names;
  for (const CommandInfo& command : manual.commands) names.push_back(command.name);
  return unknown_component("command", word, names).what;
}

bool is_option(const std::string& word) { return word.size() > 1 && word.front() == '-'; }

std::string mismatch_text(const CLI::App& command, const std::string& what) {
  const std::string name = what.substr(0, what.find(':'));
  const CommandInfo info = describe_command(command);
  const OptionInfo* option = find_option(info, name);
  if (option == nullptr) return what;
  if (what.find("At Most") != std::string::npos) return name + ": given more than once";
  return name + ": a value is missing: " + option->metavar + ", " + option->doc;
}

/// CLI11 says "Could not convert: --seed = abc".
std::string conversion_text(const std::string& what) {
  constexpr std::string_view prefix = "Could not convert: ";
  const std::size_t equals = what.find(" = ");
  if (!what.starts_with(prefix) || equals == std::string::npos) return what;
  return what.substr(prefix.size(), equals - prefix.size()) + ": expected a number, found " +
         in_quotes(what.substr(equals + 3));
}

/// CLI11 says "--seed: Value -5 not in range 0 to 9".
std::string validation_text(const std::string& what) {
  const std::size_t value = what.find(": Value "), range = what.find(" not in range ");
  if (value == std::string::npos || range == std::string::npos) return what;
  return what.substr(0, value) + ": expected a number from " + what.substr(range + 14) +
         ", found " + in_quotes(what.substr(value + 8, range - value - 8));
}

/// "A excludes B" and "A requires B".
std::string relation_text(const CLI::App& command, const std::string& what, const std::string& verb,
                          const std::string& end) {
  const std::size_t at = what.find(" " + verb + " ");
  if (at == std::string::npos) return what;
  return shown_name(command, what.substr(0, at)) + (end.empty() ? " needs " : " and ") +
         shown_name(command, what.substr(at + verb.size() + 2)) + end;
}

std::string required_text(const CLI::App& command, const std::string& what) {
  const std::string name = what.substr(0, what.find(" is required"));
  const CommandInfo info = describe_command(command);
  std::string doc;
  for (const std::vector<OptionInfo>* list : {&info.arguments, &info.options})
    for (const OptionInfo& option : *list)
      if (option.long_name == name || option.metavar == shown_name(command, name))
        doc = ", " + option.doc;
  return shown_name(command, name) + " is missing" + doc + "; usage: " + usage_of(info);
}

/// Whether the user asked for JSON on standard error, as far as that was parsed before the error.
void take_log_format(const CLI::App& app) {
  const auto take = [](const CLI::App& command) {
    const CLI::Option* option = command.get_option_no_throw("--log-format");
    if (option != nullptr && !option->results().empty() && option->results().back() == "json")
      console().log_format = LogFormat::json;
  };
  take(app);
  for (const CLI::App* command : app.get_subcommands()) take(*command);
}

}  // namespace

std::unique_ptr<CLI::App> make_parser(Invocation& invocation) {
  auto app = std::make_unique<CLI::App>(
      "Faultline breaks a distributed store on purpose, and proves from what its clients saw "
      "whether it kept its promises.",
      "faultline");
  app->formatter(std::make_shared<HelpFormatter>());
  app->set_version_flag("--version", invocation.version, "the version, and the commit it is of");
  app->require_subcommand(1);
  for (const Command& command : commands()) command.add(*app, invocation);
  add_common_options(*app);
  for (CLI::App* command : app->get_subcommands([](CLI::App*) { return true; }))
    add_common_options(*command);
  return app;
}

std::string parse_error_text(const CLI::App& app, const CLI::ParseError& error) {
  std::string what = error.what();
  for (const std::string& word : app.remaining())
    return is_option(word) ? unknown_option(app, app, word) : unknown_command(app, word);
  const std::vector<CLI::App*> chosen = app.get_subcommands();
  if (chosen.empty() && dynamic_cast<const CLI::RequiredError*>(&error) != nullptr)
    return "a command is missing: " + std::string("faultline --help lists them");
  const CLI::App& command = chosen.empty() ? app : *chosen.front();
  const std::vector<std::string> rest = command.remaining();
  if (const auto word = std::ranges::find_if(rest, is_option); word != rest.end())
    return unknown_option(app, command, *word);
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr)
    return required_text(command, what);
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error) != nullptr)
    return mismatch_text(command, what);
  if (dynamic_cast<const CLI::ConversionError*>(&error) != nullptr) return conversion_text(what);
  if (dynamic_cast<const CLI::ValidationError*>(&error) != nullptr) return validation_text(what);
  if (dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr)
    return relation_text(command, what, "excludes", " exclude each other");
  if (dynamic_cast<const CLI::RequiresError*>(&error) != nullptr)
    return relation_text(command, what, "requires", "");
  if (!rest.empty())
    return "unexpected argument " + in_quotes(rest.front()) +
           "; usage: " + usage_of(describe_command(command));
  return what;
}

int run_command_line(Invocation& invocation) {
  const std::unique_ptr<CLI::App> app = make_parser(invocation);
  std::vector<const char*> argv;
  for (const std::string& word : invocation.argv) argv.push_back(word.c_str());
  try {
    app->parse(static_cast<int>(argv.size()), argv.data());
  } catch (const CLI::CallForHelp&) {
    std::fputs(app->help().c_str(), stdout);
    return 0;
  } catch (const CLI::CallForVersion& version) {
    std::printf("%s\n", version.what());
    return 0;
  } catch (const CLI::ParseError& error) {
    take_log_format(*app);
    return complain({parse_error_text(*app, error), ErrorKind::usage});
  }
  return invocation.action();
}

}  // namespace faultline
