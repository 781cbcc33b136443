// faultline explain THING: what a word means that a verdict, a table or the help uses.
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

constexpr std::size_t explanation_width = 78;

struct ExplainArguments {
  std::string thing;
  bool json = false;
};

std::string text_of(const std::vector<Thing>& found) {
  std::string text;
  for (const Thing& thing : found) {
    text += (text.empty() ? "" : "\n") + thing.name + " (" + thing.kind + ")\n";
    text += wrapped(thing.doc, 2, explanation_width);
    if (!thing.text.empty()) text += "\n" + wrapped(thing.text, 2, explanation_width);
  }
  return text;
}

Value value_of(const std::string& asked, const std::vector<Thing>& found) {
  List list;
  for (const Thing& thing : found)
    list.emplace_back(
        Map{{"kind", thing.kind}, {"name", thing.name}, {"doc", thing.doc}, {"text", thing.text}});
  return Map{
      {"schema", "faultline.explain/1"}, {"asked", asked}, {"explanations", std::move(list)}};
}

int run(const ExplainArguments& options, const Catalogues& catalogues) {
  const std::vector<Thing> found = find_things(catalogues, options.thing);
  if (found.empty()) {
    const std::vector<std::string> names = thing_names(catalogues);
    const std::vector<std::string_view> views(names.begin(), names.end());
    Error error = unknown_component("thing", options.thing, views);
    if (const auto more = error.what.find("; there is"); more != std::string::npos)
      error.what = error.what.substr(0, more) + "; faultline list says what there is";
    return complain(error);
  }
  const std::string text =
      options.json ? to_json(value_of(options.thing, found)) + "\n" : text_of(found);
  std::fwrite(text.data(), 1, text.size(), stdout);
  return 0;
}

}  // namespace

void add_explain(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<ExplainArguments>();
  CLI::App* command = app.add_subcommand("explain", std::string(command_doc("explain")));
  command
      ->add_option(
          "thing", options->thing,
          "an anomaly, verdict, reason, exit code, model, target, workload, fault or checker")
      ->type_name("THING")
      ->required();
  command->add_flag("--json", options->json, "one JSON document on stdout");
  command->callback([options, &invocation] {
    invocation.action = [options, &invocation] { return run(*options, invocation.catalogues); };
  });
}

}  // namespace faultline
