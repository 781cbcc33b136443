// faultline list [KIND]: the catalogues, from the same tables that the program runs on.
#include <cstdio>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "harness/cli/commands.h"

namespace faultline {
namespace {

struct Options {
  std::string kind;
  bool json = false;
};

struct Section {
  std::string_view kind;
  std::vector<std::pair<std::string_view, std::string_view>> entries;
};

template <typename Entry>
Section section(std::string_view kind, std::span<const Entry> entries) {
  Section result{kind, {}};
  for (const Entry& entry : entries) result.entries.emplace_back(entry.name, entry.doc);
  return result;
}

int run(const Options& options, const Catalogues& catalogues) {
  const std::vector<Section> sections = {
      section("targets", catalogues.targets), section("workloads", catalogues.workloads),
      section("faults", catalogues.nemeses), section("checkers", catalogues.checkers)};
  nlohmann::ordered_json document = {{"schema", "faultline.list/1"}};
  for (const Section& s : sections) {
    if (!options.kind.empty() && options.kind != s.kind) continue;
    auto& items = document[std::string(s.kind)] = nlohmann::ordered_json::array();
    if (!options.json) std::printf("%.*s\n", static_cast<int>(s.kind.size()), s.kind.data());
    for (const auto& [name, doc] : s.entries) {
      items.push_back({{"name", name}, {"doc", doc}});
      if (!options.json)
        std::printf("  %-14.*s %.*s\n", static_cast<int>(name.size()), name.data(),
                    static_cast<int>(doc.size()), doc.data());
    }
  }
  if (options.json) std::printf("%s\n", document.dump().c_str());
  return 0;
}

}  // namespace

void add_list(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand("list", std::string(command_doc("list")));
  command->add_option("kind", options->kind, "targets, workloads, faults or checkers; all if none")
      ->check(CLI::IsMember({"targets", "workloads", "faults", "checkers"}));
  command->add_flag("--json", options->json, "one JSON document on stdout");
  command->callback([options, &invocation] {
    invocation.action = [options, &invocation] { return run(*options, invocation.catalogues); };
  });
}

}  // namespace faultline
