#include "harness/cli/console.h"

#include <doctest/doctest.h>
#include <stdlib.h>

#include "harness/io/json.h"
#include "tests/cli/command.h"

namespace faultline {
namespace {

/// Sets or (nullptr) removes a variable of the environment as long as it lives.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    const char* old = ::getenv(name);
    had_ = old != nullptr;
    if (had_) old_ = old;
    set(value);
  }
  ~Variable() { set(had_ ? old_.c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const char* value) {
    if (value != nullptr)
      ::setenv(name_, value, 1);
    else
      ::unsetenv(name_);
  }
  const char* name_;
  bool had_ = false;
  std::string old_;
};

/// What `speak` writes to standard error with these settings.
template <typename Speak>
std::string spoken(const Console& settings, Speak speak) {
  const TemporaryFolder folder;
  console() = settings;
  {
    const Redirected err(STDERR_FILENO, folder / "err");
    speak();
  }
  console() = {};
  return content_of(folder / "err");
}

TEST_CASE("console: what is said at which level") {
  const auto speak = [] {
    say(Level::debug, "a", "debugging");
    say(Level::info, "b", "informing");
    warn("beware");
    CHECK(complain({"it broke", ErrorKind::capability}) == 69);
  };
  CHECK(spoken({}, speak) == "informing\nfaultline: warning: beware\nfaultline: it broke\n");
  Console quiet, verbose;
  quiet.quiet = verbose.verbose = true;
  CHECK(spoken(quiet, speak) == "faultline: it broke\n");
  CHECK(spoken(verbose, speak).starts_with("debugging\ninforming\n"));
}

TEST_CASE("console: as JSON, a line is an object with time, level, event, message and fields") {
  Console json;
  json.log_format = LogFormat::json;
  const std::string line =
      spoken(json, [] { say(Level::warning, "disk", "a \"full\"\ndisk", {{"bytes", 7}}); });
  const auto object = parse_json(line);
  REQUIRE_MESSAGE(object, line);
  CHECK(line.find('\n') == line.size() - 1);
  const Map& map = *object->map();
  REQUIRE(map.size() == 5);
  CHECK(map[0].second.text()->size() == std::string("2026-11-21T10:15:00.123Z").size());
  CHECK(map[1].second == "warning");
  CHECK(map[2].second == "disk");
  CHECK(map[3].second == "a \"full\"\ndisk");
  CHECK(map[4].second == Map{{"bytes", 7}});
  CHECK(parse_json(spoken(json, [] { show_progress("12 s", {{"ok", 3}}); })));
}

TEST_CASE("console: colours as asked, as the environment says, and on terminals only") {
  const Variable term("TERM", "xterm"), none("NO_COLOR", nullptr),
      forced("CLICOLOR_FORCE", nullptr);
  const TemporaryFolder folder;
  const Redirected out(STDOUT_FILENO, folder / "out");  // no terminal
  const auto colors = [](ColorWhen when) {
    console().color = when;
    const bool has = has_colors(stdout);
    console() = {};
    return has;
  };
  CHECK_FALSE(colors(ColorWhen::automatic));
  CHECK(colors(ColorWhen::on));
  {
    const Variable force("CLICOLOR_FORCE", "1");
    CHECK(colors(ColorWhen::automatic));
    CHECK_FALSE(colors(ColorWhen::off));
    const Variable no("NO_COLOR", "1");
    CHECK_FALSE(colors(ColorWhen::automatic));
    CHECK(colors(ColorWhen::on));
    const Variable empty("NO_COLOR", "");
    CHECK(colors(ColorWhen::automatic));
  }
  const Variable zero("CLICOLOR_FORCE", "0");
  CHECK_FALSE(colors(ColorWhen::automatic));
}

TEST_CASE("console: only the first word is painted, and only if it is a verdict") {
  console().color = ColorWhen::on;
  CHECK(first_word_painted(stdout, "invalid, expected") == "\033[1;31minvalid\033[0m, expected");
  CHECK(first_word_painted(stdout, "ok     test") == "\033[1;32mok\033[0m     test");
  CHECK(first_word_painted(stdout, "nothing") == "nothing");
  CHECK(first_word_painted(stdout, "") == "");
  console() = {};
  CHECK(first_word_painted(stderr, "valid") == "valid");
}

TEST_CASE("console: a line is cut at columns, never inside a character") {
  CHECK(cut_to("abc", 5) == "abc");
  CHECK(cut_to("abc", 2) == "ab");
  CHECK(cut_to("aäöü", 2) == "aä");
  CHECK(cut_to("aäöü", 4) == "aäöü");
  CHECK(cut_to("ä", 0).empty());
  CHECK(cut_to("", 3).empty());
}

}  // namespace
}  // namespace faultline
