// The scripts that complete this command line in a shell, made from the manual. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/cli/manual.h"

namespace faultline {

/// An option or argument with what can stand for its value.
struct CompletedOption {
  OptionInfo info;
  Values values;
};
struct CompletedCommand {
  std::string name, doc;
  std::vector<CompletedOption> arguments, options;
};

/// What there is to complete: the first is the program itself, without a name.
std::vector<CompletedCommand> completed_commands(const Manual& manual,
                                                 const Catalogues& catalogues);

/// Needs bash 4 and nothing else; not the package bash-completion.
std::string bash_script(const std::vector<CompletedCommand>& commands);
std::string zsh_script(const std::vector<CompletedCommand>& commands);
std::string fish_script(const std::vector<CompletedCommand>& commands);

}  // namespace faultline
