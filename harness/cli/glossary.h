// Every word that Faultline says and a reader may not know: what is in the catalogues (from their
// list.def, their parameters and what the components say of themselves), and verdicts, reasons,
// anomalies, models and exit codes (from the table in glossary.cc and from core/exit_code.h).
// `faultline list` and `explain`, and completion, read from here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "harness/core/catalogue.h"

namespace faultline {

struct Thing {
  std::string kind;  ///< "fault", "anomaly", "exit-code" …
  std::string name;  ///< "kill", "stale-read", "exit-4" …
  std::string doc;   ///< One sentence, beginning with a small letter, without a full stop.
  std::string text;  ///< More: paragraphs, up to 14 lines of 76 columns once wrapped; may be empty.
};

/// All of them, by kind in the order of thing_kinds(). One name may be several things
/// ("linearizable" is a checker and a model).
std::vector<Thing> things(const Catalogues& catalogues);

/// The kinds, in the plural that `faultline list` takes: "targets" … "exit-codes".
std::vector<std::string> thing_kinds();
/// "fault" → "faults", "anomaly" → "anomalies".
std::string plural_of(std::string_view kind);

/// What is called `name`, which may be an exit code's bare number; in case of doubt, whatever its
/// case. Empty if there is none.
std::vector<Thing> find_things(const Catalogues& catalogues, std::string_view name);
/// Every name once.
std::vector<std::string> thing_names(const Catalogues& catalogues);

/// The words that some checker accepts for its parameter `key`.
std::vector<std::string> checker_choices(const Catalogues& catalogues, std::string_view key);

}  // namespace faultline
