// The subcommands: one file each, listed in list.def. CLI11 appears only in the .cc files.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "harness/core/catalogue.h"

namespace CLI {
class App;
}

namespace faultline {

/// What a subcommand gets, and what it leaves for main() to do.
struct Invocation {
  const Catalogues& catalogues;
  std::vector<std::string> argv;  ///< The whole command line, argv[0] first.
  std::function<int()> action;  ///< Set by the chosen subcommand's callback; returns the exit code.
  std::string version = "faultline";  ///< As --version says it.
};

/// Adds the subcommand NAME with its options to `app`.
#define COMMAND(name, doc) void add_##name(CLI::App& app, Invocation& invocation);
#include "harness/cli/list.def"
#undef COMMAND

struct Command {
  std::string_view name, doc;
  void (*add)(CLI::App&, Invocation&);
};
std::span<const Command> commands();
std::string_view command_doc(std::string_view name);

}  // namespace faultline
