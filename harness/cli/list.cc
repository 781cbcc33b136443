// faultline list [KIND]: what there is, from the same tables that the program runs on.
#include <algorithm>
#include <cstdio>
#include <memory>

#include <CLI/CLI.hpp>

#include "harness/cli/commands.h"
#include "harness/cli/console.h"
#include "harness/cli/glossary.h"
#include "harness/cli/manual.h"
#include "harness/io/json.h"

namespace faultline {
namespace {

constexpr std::size_t list_width = 100;

struct ListArguments {
  std::string kind;
  bool json = false;
};

std::string text_of(const std::string& kind, const std::vector<Thing>& entries) {
  std::size_t width = 14;
  for (const Thing& entry : entries) width = std::max(width, entry.name.size());
  std::string text = kind + "\n";
  for (const Thing& entry : entries) {
    const std::string doc = wrapped(entry.doc, width + 4, list_width);
    text +=
        "  " + entry.name + std::string(width + 2 - entry.name.size(), ' ') + doc.substr(width + 4);
  }
  return text;
}

int run(const ListArguments& options, const Catalogues& catalogues) {
  const std::vector<std::string> kinds = thing_kinds();
  if (!options.kind.empty() && std::ranges::find(kinds, options.kind) == kinds.end())
    return complain(unknown_component("kind", options.kind,
                                      std::vector<std::string_view>(kinds.begin(), kinds.end())));
  const std::vector<Thing> all = things(catalogues);
  Map document = {{"schema", "faultline.list/1"}};
  for (const std::string& kind : kinds) {
    if (!options.kind.empty() && options.kind != kind) continue;
    std::vector<Thing> entries;
    std::ranges::copy_if(all, std::back_inserter(entries),
                         [&](const Thing& thing) { return plural_of(thing.kind) == kind; });
    if (!options.json) std::fputs(text_of(kind, entries).c_str(), stdout);
    List items;
    for (const Thing& entry : entries)
      items.emplace_back(Map{{"name", entry.name}, {"doc", entry.doc}});
    document.emplace_back(kind, std::move(items));
  }
  if (options.json) std::printf("%s\n", to_json(Value(std::move(document))).c_str());
  return 0;
}

}  // namespace

void add_list(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<ListArguments>();
  CLI::App* command = app.add_subcommand("list", std::string(command_doc("list")));
  command->add_option("kind", options->kind, "targets, faults, anomalies …; everything if none")
      ->type_name("KIND");
  command->add_flag("--json", options->json, "one JSON document on stdout");
  command->callback([options, &invocation] {
    invocation.action = [options, &invocation] { return run(*options, invocation.catalogues); };
  });
}

}  // namespace faultline
