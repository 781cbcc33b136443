// The manual as man(7) pages and as Markdown. Pure.
#pragma once

#include <string>

#include "harness/cli/manual.h"

namespace faultline {

/// faultline.1 for the program (`command` is the manual's), faultline-NAME.1 for a subcommand.
/// `date` as YYYY-MM-DD.
std::string man_page(const Manual& manual, const CommandInfo& command, const std::string& date);
/// "faultline.1", "faultline-run.1".
std::string man_page_name(const CommandInfo& command);

/// docs/cli.md: every command on one page.
std::string markdown_page(const Manual& manual);

}  // namespace faultline
