// The command line as a whole: the parser with every subcommand and the options that all of them
// have, and what is said when it does not fit.
#pragma once

#include <memory>
#include <string>

#include "harness/cli/commands.h"

namespace CLI {
class App;
class ParseError;
}  // namespace CLI

namespace faultline {

/// `invocation` must outlive it. The common options go to console().
std::unique_ptr<CLI::App> make_parser(Invocation& invocation);

/// One sentence: what does not fit, where, and the nearest that would. `app` is the parser that
/// threw `error`.
std::string parse_error_text(const CLI::App& app, const CLI::ParseError& error);

/// Parses `invocation.argv` and does what it says; the exit code.
int run_command_line(Invocation& invocation);

}  // namespace faultline
