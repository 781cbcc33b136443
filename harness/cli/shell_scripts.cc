#include "harness/cli/shell_scripts.h"

#include <algorithm>

namespace faultline {
namespace {

using Kind = Values::Kind;

std::string joined(const std::vector<std::string>& words, const std::string& separator = " ") {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

/// In single quotes, for sh and zsh.
std::string sh_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

/// In single quotes, for fish, which knows \' and \\ there.
std::string fish_quoted(std::string_view text) {
  std::string out = "'";
  for (const char c : text) out += (c == '\'' || c == '\\' ? "\\" : "") + std::string(1, c);
  return out + "'";
}

/// Both names, those that there are.
std::vector<std::string> names_in(const OptionInfo& option) {
  std::vector<std::string> names;
  for (const std::string& name : {option.short_name, option.long_name})
    if (!name.empty()) names.push_back(name);
  return names;
}

std::vector<std::string> command_names(const std::vector<CompletedCommand>& commands) {
  std::vector<std::string> names;
  for (const CompletedCommand& command : commands)
    if (!command.name.empty()) names.push_back(command.name);
  return names;
}

// --- bash
// ------------------------------------------------------------------------------------------

/// The call that fills COMPREPLY.
std::string bash_action(const CompletedOption& option) {
  switch (option.values.kind) {
    case Kind::none:
    case Kind::any:
      return ":";
    case Kind::file:
      return "_faultline_paths -f";
    case Kind::directory:
      return "_faultline_paths -d";
    case Kind::words:
      break;
  }
  return (option.info.comma_separated ? "_faultline_list " : "_faultline_words ") +
         sh_quoted(joined(option.values.words));
}

constexpr std::string_view bash_head =
    R"(# bash completion for faultline. Made by: faultline completions bash
# Try it with: source <(faultline completions bash)

_faultline_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }

# Words with commas between them: what stands before the last comma is kept.
_faultline_list() {
  local before=
  [[ $cur != *,* ]] || before=${cur%,*},
  mapfile -t COMPREPLY < <(compgen -P "$before" -W "$1" -- "${cur##*,}")
}

_faultline_paths() {
  compopt -o filenames 2>/dev/null
  mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
}

_faultline() {
  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command= i
  COMPREPLY=()
  # Readline hands "--color=al" over as three words.
  if [[ $cur == = ]]; then
    cur=
  elif [[ $prev == = ]]; then
    prev=${COMP_WORDS[COMP_CWORD - 2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    case ${COMP_WORDS[i]} in
)";

/// A line of the case statement for each option that takes a value. Those that every command has
/// are the program's.
void add_bash_values(std::string& out, const CompletedCommand& command) {
  const bool is_program = command.name.empty();
  for (const CompletedOption& option : command.options) {
    if (option.values.kind == Kind::none || (option.info.is_common && !is_program)) continue;
    std::string patterns;
    for (const std::string& name : names_in(option.info))
      patterns += (patterns.empty() ? "" : " | ") + std::string(is_program ? "*" : "") +
                  sh_quoted(command.name + " " + name);
    out += "    " + patterns + ") " + bash_action(option) + "; return ;;\n";
  }
}

std::string option_words(const CompletedCommand& command) {
  std::vector<std::string> names;
  for (const CompletedOption& option : command.options)
    for (std::string& name : names_in(option.info)) names.push_back(std::move(name));
  return joined(names);
}

// --- zsh
// -------------------------------------------------------------------------------------------

std::string zsh_escaped(std::string_view text, std::string_view special) {
  std::string out;
  for (const char c : text)
    out += (special.find(c) != std::string_view::npos ? "\\" : "") + std::string(1, c);
  return out;
}

/// ":message:action".
std::string zsh_action(const CompletedOption& option) {
  const std::string message = ":" + zsh_escaped(option.info.metavar, ":\\") + ":";
  switch (option.values.kind) {
    case Kind::none:
      return "";
    case Kind::any:
      return message + " ";
    case Kind::file:
      return message + "_files";
    case Kind::directory:
      return message + "_files -/";
    case Kind::words:
      break;
  }
  const std::string words = joined(option.values.words);
  return message +
         (option.info.comma_separated ? "_values -s , value " + words : "(" + words + ")");
}

std::vector<std::string> zsh_specs(const CompletedCommand& command) {
  std::vector<std::string> specs;
  for (const CompletedOption& option : command.options) {
    const std::string doc = "[" + zsh_escaped(option.info.doc, "[]\\") + "]";
    for (const std::string& name : names_in(option.info)) {
      // Without a star, one excludes the other: nobody wants -q --quiet.
      std::string spec = option.info.repeats ? "*" : "(" + joined(names_in(option.info)) + ")";
      const bool is_long = name.starts_with("--");
      spec += name + (option.values.kind != Kind::none && is_long ? "=" : "") + doc;
      specs.push_back(spec + zsh_action(option));
    }
  }
  for (const CompletedOption& argument : command.arguments)
    specs.push_back((argument.info.repeats ? "*" : "") + zsh_action(argument));
  return specs;
}

std::string zsh_arguments(const CompletedCommand& command, const std::string& indent) {
  std::string text;
  for (const std::string& spec : zsh_specs(command)) text += " \\\n" + indent + sh_quoted(spec);
  return text;
}

// --- fish
// ------------------------------------------------------------------------------------------

std::string fish_action(const CompletedOption& option) {
  switch (option.values.kind) {
    case Kind::none:
      return "";
    case Kind::any:
      return " -x";
    case Kind::file:
      return " -r -F";
    case Kind::directory:
      return " -x -a '(__fish_complete_directories)'";
    case Kind::words:
      break;
  }
  const std::string words = joined(option.values.words);
  return option.info.comma_separated ? " -x -a '(__fish_append , " + words + ")'"
                                     : " -x -a " + fish_quoted(words);
}

std::string fish_line(const std::string& condition, const CompletedOption& option) {
  std::string line = "complete -c faultline -n " + condition;
  if (!option.info.short_name.empty()) line += " -s " + option.info.short_name.substr(1);
  if (!option.info.long_name.empty()) line += " -l " + option.info.long_name.substr(2);
  line += fish_action(option);
  if (!option.info.long_name.empty()) line += " -d " + fish_quoted(option.info.doc);
  return line + "\n";
}

}  // namespace

std::vector<CompletedCommand> completed_commands(const Manual& manual,
                                                 const Catalogues& catalogues) {
  std::vector<CompletedCommand> all;
  const auto add = [&](const CommandInfo& command) {
    CompletedCommand completed{command.name, command.doc, {}, {}};
    for (const OptionInfo& argument : command.arguments)
      completed.arguments.push_back({argument, values_of(argument, manual, catalogues)});
    for (const OptionInfo& option : command.options)
      completed.options.push_back({option, values_of(option, manual, catalogues)});
    all.push_back(std::move(completed));
  };
  add(manual.program);
  for (const CommandInfo& command : manual.commands) add(command);
  return all;
}

std::string bash_script(const std::vector<CompletedCommand>& commands) {
  const std::vector<std::string> names = command_names(commands);
  std::string out(bash_head);
  out += "      " + joined(names, " | ") + ") command=${COMP_WORDS[i]}; break ;;\n" +
         "    esac\n  done\n\n  case \"$command $prev\" in\n";
  for (const CompletedCommand& command : commands) add_bash_values(out, command);
  out += "  esac\n\n  if [[ $cur == -* ]]; then\n    case $command in\n";
  for (const CompletedCommand& command : commands)
    out += "      " + sh_quoted(command.name) + ") _faultline_words " +
           sh_quoted(option_words(command)) + " ;;\n";
  out += "    esac\n    return\n  fi\n\n  case $command in\n";
  out += "    '') _faultline_words " + sh_quoted(joined(names)) + " ;;\n";
  for (const CompletedCommand& command : commands)
    if (!command.arguments.empty())
      out += "    " + sh_quoted(command.name) + ") " + bash_action(command.arguments.front()) +
             " ;;\n";
  return out + "  esac\n}\n\ncomplete -F _faultline faultline\n";
}

std::string zsh_script(const std::vector<CompletedCommand>& commands) {
  std::string out =
      "#compdef faultline\n"
      "# zsh completion for faultline. Made by: faultline completions zsh\n"
      "# Put it into a folder of $fpath as _faultline.\n\n"
      "_faultline() {\n"
      "  local context state state_descr line curcontext=$curcontext\n"
      "  typeset -A opt_args\n"
      "  _arguments -C" +
      zsh_arguments(commands.front(), "    ") +
      " \\\n    '1: :->command' \\\n    '*:: :->arguments' && return 0\n\n"
      "  case $state in\n"
      "    command)\n"
      "      local -a names=(\n";
  for (const CompletedCommand& command : commands)
    if (!command.name.empty())
      out += "        " + sh_quoted(command.name + ":" + zsh_escaped(command.doc, "\\")) + "\n";
  out +=
      "      )\n"
      "      _describe -t commands command names\n"
      "      ;;\n"
      "    arguments)\n"
      "      case $line[1] in\n";
  for (const CompletedCommand& command : commands)
    if (!command.name.empty())
      out += "        " + command.name + ")\n          _arguments" +
             zsh_arguments(command, "            ") + "\n          ;;\n";
  return out +
         "      esac\n"
         "      ;;\n"
         "  esac\n"
         "}\n\n"
         "if [[ $funcstack[1] == _faultline ]]; then\n"
         "  _faultline \"$@\"\n"
         "else\n"
         "  compdef _faultline faultline\n"
         "fi\n";
}

std::string fish_script(const std::vector<CompletedCommand>& commands) {
  std::string out =
      "# fish completion for faultline. Made by: faultline completions fish\n"
      "# Put it into ~/.config/fish/completions as faultline.fish.\n\n"
      "complete -c faultline -f\n";
  const std::string no_command =
      "'not __fish_seen_subcommand_from " + joined(command_names(commands)) + "'";
  for (const CompletedCommand& command : commands) {
    const bool is_program = command.name.empty();
    const std::string condition =
        is_program ? no_command : "'__fish_seen_subcommand_from " + command.name + "'";
    if (!is_program)
      out += "\ncomplete -c faultline -n " + no_command + " -a " + command.name + " -d " +
             fish_quoted(command.doc) + "\n";
    for (const CompletedOption& argument : command.arguments)
      if (argument.values.kind != Kind::any) out += fish_line(condition, argument);
    for (const CompletedOption& option : command.options) out += fish_line(condition, option);
  }
  return out;
}

}  // namespace faultline
