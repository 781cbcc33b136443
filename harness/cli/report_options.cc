#include "harness/cli/report_options.h"

#include <CLI/CLI.hpp>

namespace faultline {

void add_report_options(CLI::App& command, std::vector<std::string>& report,
                        std::string& directory) {
  CLI::Option* kinds =
      command
          .add_option("--report", report,
                      "for CI: junit (junit.xml) and markdown (summary.md), separated by a comma")
          ->type_name("junit|markdown")
          ->allow_extra_args(false);
  command.add_option("--report-dir", directory, "where, instead of the run's own directory")
      ->type_name("DIR")
      ->needs(kinds);
}

}  // namespace faultline
