// --report and --report-dir, the same for every command that writes reports.
#pragma once

#include <string>
#include <vector>

namespace CLI {  // NOLINT(readability-identifier-naming): the library chose it
class App;
}

namespace faultline {

/// What was given goes to `report` (words, as Reports::open() takes them) and `directory` (empty:
/// the run's own).
void add_report_options(CLI::App& command, std::vector<std::string>& report,
                        std::string& directory);

}  // namespace faultline
