// What the command line is, as data: read off the parser itself, so that help, manual pages,
// completions and docs/cli.md are made from one source and pick up every new subcommand and option.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/core/catalogue.h"

namespace CLI {
class App;
}

namespace faultline {

/// An option, a flag or an argument.
struct OptionInfo {
  std::string long_name;   ///< "--seed"; empty for an argument.
  std::string short_name;  ///< "-n"; may be empty.
  /// What its value is: "N", "DIR", "auto|always|never"; empty for a flag. See values_of().
  std::string metavar;
  std::string doc;
  std::string default_text;
  bool required = false;
  bool repeats = false;          ///< May be given several times, or takes several values.
  bool comma_separated = false;  ///< Of several values.
  bool is_common = false;        ///< One of those that every subcommand has.
};

struct CommandInfo {
  std::string name;    ///< Empty for the program itself.
  std::string doc;     ///< What it does, beginning with a small letter.
  std::string footer;  ///< Paragraphs for the end of its help; may be empty.
  std::vector<OptionInfo> arguments, options;
};

struct Manual {
  std::string version;  ///< "faultline 0.1.0".
  CommandInfo program;  ///< Its options are those that stand before a subcommand.
  std::vector<CommandInfo> commands;
};

/// The options of this group are the common ones.
inline constexpr const char* common_group = "Common options";

CommandInfo describe_command(const CLI::App& command);
Manual describe(const CLI::App& app);

/// What can stand where an option or an argument wants a value.
struct Values {
  enum class Kind { none, any, words, file, directory };
  Kind kind = Kind::any;
  std::vector<std::string> words;  ///< Of Kind::words.
};
/// By its metavar: words with "|" between them are these; FILE and CONFIG are files; DIR and RUN
/// directories; CHECKER, TARGET … the names in the catalogues, COMMAND the subcommands, THING what
/// `explain` knows. Kind::none for a flag.
Values values_of(const OptionInfo& option, const Manual& manual, const Catalogues& catalogues);
/// Whether values_of() knows the metavar: a typing error there would silently complete nothing.
bool is_known_metavar(std::string_view metavar);

/// "faultline run [OPTIONS] CONFIG".
std::string usage_of(const CommandInfo& command);
/// "-n, --count N", "CONFIG".
std::string names_of(const OptionInfo& option);
/// "of everything that is drawn (default: 1)".
std::string doc_of(const OptionInfo& option);

/// What `faultline --help` prints, and `faultline COMMAND --help`.
std::string program_help(const Manual& manual);
std::string command_help(const CommandInfo& command);

/// What the manual says of every command, beside its options.
struct Paragraph {
  std::string_view term, text;
};
/// Environment variables and files.
std::vector<Paragraph> environment_paragraphs();
std::vector<Paragraph> file_paragraphs();
/// Command lines of `command` (empty: of the program as a whole), and what each does.
std::vector<Paragraph> example_paragraphs(std::string_view command);

/// Words into lines of at most `width` columns, each after `indent` spaces; ends in a newline.
/// Keeps line ends that are there.
std::string wrapped(std::string_view text, std::size_t indent, std::size_t width);

}  // namespace faultline
