// How this process speaks to people: diagnostics and progress on standard error, colours. Results
// go to standard output and are no business of this file. One per process, as standard error is:
// the options that every subcommand has (command_line.cc) set it before the subcommand runs. Not
// thread-safe; only the main thread speaks.
#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/checker.h"
#include "harness/core/result.h"
#include "harness/core/value.h"

namespace faultline {

enum class LogFormat : std::uint8_t { text, json };
enum class ColorWhen : std::uint8_t { automatic, on, off };

struct Console {
  bool quiet = false;    ///< Nothing but results and errors.
  bool verbose = false;  ///< Also what Level::debug says.
  LogFormat log_format = LogFormat::text;
  ColorWhen color = ColorWhen::automatic;
};
Console& console();

enum class Level : std::uint8_t { debug, info, warning, error };

/// A line on standard error. As text it is `text` (an error and a warning after "faultline: "); as
/// JSON `{"time":…,"level":…,"event":…,"message":…,"fields":{…}}`, where `event` is a word that
/// programs can rely on and `fields` repeats what the sentence says. Takes a progress line away.
void say(Level level, std::string_view event, const std::string& text, Map fields = {});

/// What a subcommand has found out, for people: on stdout, or, where that is for a program
/// (`stdout_is_taken`, --json), as say() on stderr. Not silenced by --quiet: the caller knows what
/// of it is the verdict.
void tell(bool stdout_is_taken, std::string_view event, const std::string& text, Map fields = {});

/// Says an error; its exit code.
int complain(const Error& error);
void warn(const std::string& text);
void warn(const std::vector<std::string>& texts);  ///< Each.

/// The state of something that goes on: one line that is rewritten on a terminal, never wider than
/// it; a line of its own elsewhere. Ask progress_due() first.
void show_progress(const std::string& text, Map fields = {});
/// Whether it is rewritten, and so leaves nothing behind.
bool rewrites_progress();
/// Whether a line shown at `last` should be replaced: often on a terminal; elsewhere every ten
/// seconds, so that whoever kills silent jobs knows that this one lives. Never if quiet.
bool progress_due(std::chrono::steady_clock::time_point last);
/// Leaves nothing of it on the terminal; before anything else is printed there.
void clear_progress();

/// Whether `to` (stdout or stderr) gets colours: as --color says; else none if NO_COLOR is set
/// (no-color.org), or if it goes to no terminal and CLICOLOR_FORCE is not (bixense.com/clicolors).
bool has_colors(std::FILE* to);
enum class Paint : std::uint8_t { good, bad, doubtful };
Paint paint_of(Validity validity);
/// `text`, in that colour if `to` has colours.
std::string painted(std::FILE* to, Paint paint, const std::string& text);
/// `text` with its first word painted, if that is a verdict or an outcome: "valid", "FAILED".
std::string first_word_painted(std::FILE* to, const std::string& text);

/// The first `columns` columns of a text in UTF-8, each character taken for one column.
std::string_view cut_to(std::string_view text, std::size_t columns);

}  // namespace faultline
