// Which checks `faultline check` makes of a history: what the options say, else what a run was
// configured with, else what the history is plainly for.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "harness/core/catalogue.h"
#include "harness/core/history.h"
#include "harness/io/load.h"

namespace faultline {

/// The options that choose; empty where they leave it open.
struct CheckChoice {
  std::vector<std::string> checks;
  std::string model, engine;
  std::optional<std::string> initial;
  bool has_real_time = true;  ///< Of the history, as its format says.
};

/// The checks of `history`, which was read from `path` (empty: from nowhere). What `choice` says of
/// a check's parameters goes before what a run's configuration says. Where there is no real time, a
/// check that cannot do without answers `unknown`. Errors are of kind usage.
Result<std::vector<std::unique_ptr<Checker>>> make_checkers(
    const CheckChoice& choice, const std::filesystem::path& path, const History& history,
    std::span<const CheckerEntry> catalogue);

/// `choice`, where it leaves it open completed by what the input's format says of the object, as
/// far as there is such a model.
CheckChoice hinted(const CheckChoice& choice, const Loaded& loaded,
                   std::span<const CheckerEntry> catalogue);

/// A mistake in the options is one message, and not one for each input. (Where a run's
/// configuration says what to check, only that check knows whether they fit.)
Status refuse_misfits(const CheckChoice& choice, std::span<const std::string> paths,
                      std::span<const CheckerEntry> catalogue);

}  // namespace faultline
