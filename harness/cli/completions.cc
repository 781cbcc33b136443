// faultline completions SHELL: the script that completes this command line there.
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "harness/cli/commands.h"
#include "harness/cli/console.h"
#include "harness/cli/shell_scripts.h"

namespace faultline {
namespace {

struct Shell {
  std::string_view name;
  std::string (*script)(const std::vector<CompletedCommand>&);
};
constexpr auto shells =
    std::to_array<Shell>({{"bash", &bash_script}, {"zsh", &zsh_script}, {"fish", &fish_script}});

int run(const std::string& wanted, const CLI::App& app, const Catalogues& catalogues) {
  std::vector<std::string_view> names;
  for (const Shell& shell : shells) {
    names.push_back(shell.name);
    if (shell.name != wanted) continue;
    const std::string script = shell.script(completed_commands(describe(app), catalogues));
    std::fwrite(script.data(), 1, script.size(), stdout);
    return 0;
  }
  return complain(unknown_component("shell", wanted, names));
}

}  // namespace

void add_completions(CLI::App& app, Invocation& invocation) {
  auto wanted = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("completions", std::string(command_doc("completions")));
  command->add_option("shell", *wanted, "whose")->type_name("bash|zsh|fish")->required();
  command->footer(
      "For one user: bash reads ~/.local/share/bash-completion/completions/faultline (or source "
      "the "
      "script in ~/.bashrc), zsh _faultline in a folder of $fpath, fish "
      "~/.config/fish/completions/faultline.fish.");
  command->callback([wanted, &app, &invocation] {
    invocation.action = [wanted, &app, &invocation] {
      return run(*wanted, app, invocation.catalogues);
    };
  });
}

}  // namespace faultline
