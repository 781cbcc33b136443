// faultline man: manual pages of this command line, for packages and for reading.
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>

#include <CLI/CLI.hpp>

#include "harness/cli/commands.h"
#include "harness/cli/console.h"
#include "harness/cli/man_page.h"
#include "harness/cli/version.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

struct ManArguments {
  std::string command;
  std::string directory;
  bool markdown = false;
};

int print(const std::string& text) {
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

Status write_pages(const Manual& manual, const fs::path& directory) {
  std::error_code failed;
  fs::create_directories(directory, failed);
  if (failed) return Error{directory.string() + ": " + failed.message(), ErrorKind::usage};
  std::vector<CommandInfo> pages = manual.commands;
  pages.push_back(manual.program);
  for (const CommandInfo& command : pages) {
    const fs::path path = directory / man_page_name(command);
    std::ofstream file(path, std::ios::binary);
    file << man_page(manual, command, build::date) << std::flush;
    if (!file)
      return Error{"write " + path.string() + ": " + std::strerror(errno), ErrorKind::usage};
  }
  return Ok{};
}

int run(const ManArguments& options, const CLI::App& app) {
  const Manual manual = describe(app);
  if (options.markdown) return print(markdown_page(manual));
  if (!options.directory.empty()) {
    const Status written = write_pages(manual, options.directory);
    return written ? 0 : complain(written.error());
  }
  if (options.command.empty()) return print(man_page(manual, manual.program, build::date));
  std::vector<std::string_view> names;
  for (const CommandInfo& command : manual.commands) {
    names.push_back(command.name);
    if (command.name == options.command) return print(man_page(manual, command, build::date));
  }
  return complain(unknown_component("command", options.command, names));
}

}  // namespace

void add_man(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<ManArguments>();
  CLI::App* command = app.add_subcommand("man", std::string(command_doc("man")));
  CLI::Option* page =
      command->add_option("command", options->command, "whose page; faultline(1) if none")
          ->type_name("COMMAND");
  CLI::Option* directory =
      command->add_option("--dir", options->directory, "write every page into this directory")
          ->type_name("DIR")
          ->excludes(page);
  command->add_flag("--markdown", options->markdown, "every command on one page, in Markdown")
      ->excludes(page)
      ->excludes(directory);
  command->callback([options, &app, &invocation] {
    invocation.action = [options, &app] { return run(*options, app); };
  });
}

}  // namespace faultline
