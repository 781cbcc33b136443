#include "harness/cli/commands.h"

#include <array>

namespace faultline {
namespace {

constexpr auto table = std::to_array<Command>({
#define COMMAND(name, doc) {#name, doc, &add_##name},
#include "harness/cli/list.def"
#undef COMMAND
});

}  // namespace

std::span<const Command> commands() { return table; }

std::string_view command_doc(std::string_view name) {
  for (const Command& command : table)
    if (command.name == name) return command.doc;
  return "";
}

}  // namespace faultline
