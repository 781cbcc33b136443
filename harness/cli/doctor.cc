// faultline doctor: what this machine can do, tried out; for what is missing, how to mend it.
#include <cstdio>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "harness/cli/commands.h"
#include "harness/cli/console.h"
#include "harness/core/exit_code.h"
#include "harness/os/world.h"

namespace faultline {
namespace {

/// A store that is not here is a capability like any other, but no test needs all of them.
Capability store(const TargetEntry& entry) {
  Capability capability{"store " + std::string(entry.name), false, false, {}, {}};
  const ConfigNode nothing;
  Params defaults(nothing, "target " + std::string(entry.name));
  const auto target = entry.make(defaults);
  const Status available = target ? (*target)->available() : Status(target.error());
  capability.present = static_cast<bool>(available);
  if (!available) {
    const std::string& what = available.error().what;
    const std::size_t end = what.find("; ");
    capability.detail = what.substr(0, end);
    if (end != std::string::npos) capability.remedy = what.substr(end + 2);
  } else {
    capability.detail = (*target)->program().string();
  }
  return capability;
}

void print_table(const std::vector<Capability>& capabilities, const std::string& rung) {
  for (const Capability& capability : capabilities) {
    if (console().quiet && (capability.present || !capability.required)) continue;
    const char* mark = capability.present ? "yes " : capability.required ? "NO  " : "no  ";
    const Paint paint = capability.present    ? Paint::good
                        : capability.required ? Paint::bad
                                              : Paint::doubtful;
    std::printf("%s%-26s%s\n", painted(stdout, paint, mark).c_str(), capability.name.c_str(),
                capability.detail.c_str());
    if (!capability.remedy.empty()) std::printf("    %-26s→ %s\n", "", capability.remedy.c_str());
  }
  if (rung.empty())
    std::printf("\nNo cluster can be started here: what is marked NO is missing.\n");
  else
    std::printf("\nClusters can be started here: %s.\n", rung.c_str());
}

void print_json(const std::vector<Capability>& capabilities, const std::string& rung) {
  nlohmann::ordered_json document = {
      {"schema", "faultline.doctor/1"}, {"usable", !rung.empty()}, {"rung", rung}};
  auto& items = document["capabilities"] = nlohmann::ordered_json::array();
  for (const Capability& capability : capabilities)
    items.push_back({{"name", capability.name},
                     {"present", capability.present},
                     {"required", capability.required},
                     {"detail", capability.detail},
                     {"remedy", capability.remedy}});
  std::printf("%s\n",
              document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace).c_str());
}

int run(bool json, const Catalogues& catalogues) {
  std::vector<Capability> capabilities = probe_capabilities();
  const std::string rung = rung_of(capabilities);
  for (const TargetEntry& entry : catalogues.targets) capabilities.push_back(store(entry));
  (json ? print_json : print_table)(capabilities, rung);
  return static_cast<int>(rung.empty() ? ExitCode::capability : ExitCode::valid);
}

}  // namespace

void add_doctor(CLI::App& app, Invocation& invocation) {
  auto json = std::make_shared<bool>(false);
  CLI::App* command = app.add_subcommand("doctor", std::string(command_doc("doctor")));
  command->add_flag("--json", *json, "one JSON document on stdout");
  command->callback([json, &invocation] {
    invocation.action = [json, &invocation] { return run(*json, invocation.catalogues); };
  });
}

}  // namespace faultline
