#include "harness/cli/console.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <ctime>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

#include "harness/core/exit_code.h"
#include "harness/io/json.h"

namespace faultline {
namespace {

using Clock = std::chrono::steady_clock;

bool progress_is_shown = false;

bool is_set(const char* variable) {
  const char* value = std::getenv(variable);
  return value != nullptr && *value != '\0';
}

/// One that can go back to the beginning of a line.
bool is_terminal(std::FILE* file) {
  const char* term = std::getenv("TERM");
  return ::isatty(::fileno(file)) == 1 && (term == nullptr || std::string_view(term) != "dumb");
}

std::size_t columns_of_terminal() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  const char* columns = std::getenv("COLUMNS");
  const long parsed = columns != nullptr ? std::strtol(columns, nullptr, 10) : 0;
  return parsed > 0 ? static_cast<std::size_t>(parsed) : 80;
}

std::string_view name_of(Level level) {
  static constexpr std::array<std::string_view, 4> names = {"debug", "info", "warning", "error"};
  return names[static_cast<std::size_t>(level)];
}

std::string time_text() {
  timespec now{};
  std::timespec_get(&now, TIME_UTC);
  std::tm utc{};
  ::gmtime_r(&now.tv_sec, &utc);
  char text[64];
  std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
  std::snprintf(text + length, sizeof text - length, ".%03ldZ", now.tv_nsec / 1'000'000);
  return text;
}

void write_line(const std::string& line) {
  std::fwrite(line.data(), 1, line.size(), stderr);
  std::fflush(stderr);
}

void write_json(Level level, std::string_view event, const std::string& text, Map fields) {
  const Map line = {{"time", time_text()},
                    {"level", std::string(name_of(level))},
                    {"event", std::string(event)},
                    {"message", text},
                    {"fields", std::move(fields)}};
  write_line(to_json(Value(line)) + "\n");
}

}  // namespace

Console& console() {
  static Console settings;
  return settings;
}

void say(Level level, std::string_view event, const std::string& text, Map fields) {
  if (console().quiet && level != Level::error) return;
  if (level == Level::debug && !console().verbose) return;
  clear_progress();
  if (console().log_format == LogFormat::json) {
    write_json(level, event, text, std::move(fields));
    return;
  }
  const char* prefix = level == Level::error     ? "faultline: "
                       : level == Level::warning ? "faultline: warning: "
                                                 : "";
  write_line(prefix + text + "\n");
}

void tell(bool stdout_is_taken, std::string_view event, const std::string& text, Map fields) {
  clear_progress();
  if (stdout_is_taken && console().log_format == LogFormat::json)
    return write_json(Level::info, event, text, std::move(fields));
  std::FILE* to = stdout_is_taken ? stderr : stdout;
  std::fputs((first_word_painted(to, text) + "\n").c_str(), to);
  std::fflush(to);
}

int complain(const Error& error) {
  const ExitCode code = exit_code_of(error);
  say(Level::error, "error", error.what, {{"exit_code", static_cast<std::int64_t>(code)}});
  return static_cast<int>(code);
}

void warn(const std::string& text) { say(Level::warning, "warning", text); }
void warn(const std::vector<std::string>& texts) {
  for (const std::string& text : texts) warn(text);
}

bool rewrites_progress() { return console().log_format == LogFormat::text && is_terminal(stderr); }

void show_progress(const std::string& text, Map fields) {
  if (console().log_format == LogFormat::json)
    return write_json(Level::info, "progress", text, std::move(fields));
  if (!rewrites_progress()) return write_line(text + "\n");
  // The last column stays free: some terminals wrap as soon as it is written.
  write_line("\r\033[K" + std::string(cut_to(text, columns_of_terminal() - 1)));
  progress_is_shown = true;
}

bool progress_due(Clock::time_point last) {
  const auto period =
      rewrites_progress() ? std::chrono::milliseconds(200) : std::chrono::seconds(10);
  return !console().quiet && Clock::now() - last >= period;
}

void clear_progress() {
  if (std::exchange(progress_is_shown, false)) write_line("\r\033[K");
}

bool has_colors(std::FILE* to) {
  if (console().color != ColorWhen::automatic) return console().color == ColorWhen::on;
  if (is_set("NO_COLOR")) return false;
  const char* force = std::getenv("CLICOLOR_FORCE");
  if (force != nullptr && *force != '\0' && std::string_view(force) != "0") return true;
  return is_terminal(to);
}

Paint paint_of(Validity validity) {
  switch (validity) {
    case Validity::valid:
      return Paint::good;
    case Validity::invalid:
      return Paint::bad;
    case Validity::unknown:
      break;
  }
  return Paint::doubtful;
}

std::string painted(std::FILE* to, Paint paint, const std::string& text) {
  if (!has_colors(to)) return text;
  const char* color = paint == Paint::good ? "32" : paint == Paint::bad ? "31" : "33";
  return std::string("\033[1;") + color + "m" + text + "\033[0m";
}

std::string first_word_painted(std::FILE* to, const std::string& text) {
  static constexpr auto words =
      std::to_array<std::pair<std::string_view, Paint>>({{"valid", Paint::good},
                                                         {"ok", Paint::good},
                                                         {"invalid", Paint::bad},
                                                         {"FAILED", Paint::bad},
                                                         {"ERROR", Paint::bad},
                                                         {"unknown", Paint::doubtful},
                                                         {"interrupted", Paint::doubtful}});
  const std::size_t end = std::min(text.find_first_of(" ,:\n"), text.size());
  const auto known =
      std::ranges::find(words, text.substr(0, end), &decltype(words)::value_type::first);
  if (known == words.end()) return text;
  return painted(to, known->second, text.substr(0, end)) + text.substr(end);
}

std::string_view cut_to(std::string_view text, std::size_t columns) {
  std::size_t end = 0, used = 0;
  const auto begins = [&](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xc0) != 0x80;
  };
  while (end < text.size() && (!begins(end) || used < columns)) used += begins(end++) ? 1 : 0;
  return text.substr(0, end);
}

}  // namespace faultline
