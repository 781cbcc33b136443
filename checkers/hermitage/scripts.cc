#include "checkers/hermitage/scripts.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "harness/core/check.h"
#include "harness/core/predicate.h"

namespace faultline::hermitage {
namespace {

constexpr auto all_lines = std::to_array<ScriptLine>({
    {"G0", "G0", "G0", "of two transactions that wrote x and y, each had the last word on one",
     "1 w x 11; 2 w x 12; 2 w y 22; 1 w y 21; 1 commit; 2 commit; 3 r x; 3 r y"},
    {"G1a", "G1a", "G1a", "a write was read whose transaction was undone",
     "1 w x 101; 2 r x; 1 abort; 2 r x; 2 commit; 3 r x; 3 r y"},
    {"G1b", "G1b", "G1b", "a write was read that its transaction wrote over afterwards",
     "1 w x 101; 2 r x; 1 w x 11; 1 commit; 2 r x; 2 commit; 3 r x; 3 r y"},
    {"G1c", "G1c", "G1c", "two transactions each read what the other wrote",
     "1 w x 11; 2 w y 22; 1 r y; 2 r x; 1 commit; 2 commit; 3 r x; 3 r y"},
    {"OTV", "OTV", "OTV", "a transaction was seen, and then what it had replaced",
     "1 w x 11; 1 w y 19; 2 w x 12; 1 commit; 3 r x; 3 r y; 2 w y 18; 3 r y; 2 commit; 3 r y; "
     "3 r x; 3 commit; 4 r x; 4 r y"},
    {"PMP", "PMP", "PMP", "a transaction asked twice for what fits, and a row came in between",
     "1 read = 30; 2 w z 30; 2 commit; 1 read % 3; 1 commit; 3 r x; 3 r y; 3 r z"},
    {"PMP-write", "PMP", "PMP", "a transaction deleted what fits, and then found what fits",
     "1 w x 20; 1 w y 30; 2 delete = 20; 1 commit; 2 read = 20; 2 commit; 3 r x; 3 r y"},
    {"P4", "P4", "lost-update", "two transactions read a value, and both replaced it",
     "1 r x; 2 r x; 1 w x 11; 2 w x 12; 1 commit; 2 commit; 3 r x; 3 r y"},
    {"G-single", "G-single", "G-single-item",
     "a transaction read x before another one wrote it, and y after that one had written it",
     "1 r x; 2 r x; 2 r y; 2 w x 12; 2 w y 18; 2 commit; 1 r y; 1 commit; 3 r x; 3 r y"},
    {"G-single-predicate", "G-single", "G-single",
     "a transaction found x before another one changed it, and what it had become",
     "1 read % 5; 2 w x 12; 2 commit; 1 read % 3; 1 commit; 3 r x; 3 r y"},
    {"G-single-write", "G-single", "G-single",
     "a transaction read x before another one wrote it, and deleted by what that one wrote to y",
     "1 r x; 2 r x; 2 r y; 2 w x 12; 2 w y 18; 2 commit; 1 delete = 20; 1 commit; 3 r x; 3 r y"},
    {"G2-item", "G2-item", "G2-item",
     "two transactions read x and y, and each wrote one of them: write skew",
     "1 r x; 1 r y; 2 r x; 2 r y; 1 w x 11; 2 w y 21; 1 commit; 2 commit; 3 r x; 3 r y"},
    {"G2", "G2", "G2", "two transactions found nothing that fits, and each put a row that does",
     "1 read % 3; 2 read % 3; 1 w z 30; 2 w u 42; 1 commit; 2 commit; 3 r x; 3 r y; 3 r z; 3 r u"},
    {"G2-reader", "G2", "G2-item", "a transaction that only read made a circle of two others",
     "1 r x; 1 r y; 2 r y; 2 w y 25; 2 commit; 3 r y; 3 r x; 3 commit; 1 w x 0; 1 commit; "
     "4 r x; 4 r y"},
});

/// Of 10 and 20 nothing is a multiple of 3, and both are of 5.
constexpr std::string_view setup_steps = "0 w x 10; 0 w y 20; 0 commit; ";

/// The next word of `text`, which loses it.
std::string_view take_word(std::string_view& text) {
  text.remove_prefix(std::min(text.find_first_not_of(' '), text.size()));
  const std::string_view word = text.substr(0, text.find(' '));
  text.remove_prefix(word.size());
  return word;
}

std::int64_t number_of(std::string_view word) {
  std::int64_t number = 0;
  const auto parsed = std::from_chars(word.data(), word.data() + word.size(), number);
  FAULTLINE_CHECK(parsed.ec == std::errc() && parsed.ptr == word.data() + word.size());
  return number;
}

Step step_of(std::string_view script, std::string_view text) {
  const std::string prefix = std::string(script) + "/";
  const std::string_view verb = take_word(text);
  if (verb == "commit") return {Step::Kind::commit, {}};
  if (verb == "abort") return {Step::Kind::abort, {}};
  if (verb == "r" || verb == "w") {
    const std::string key = prefix + std::string(take_word(text));
    return {Step::Kind::access, List{std::string(verb), key,
                                     verb == "r" ? Value() : Value(number_of(take_word(text)))}};
  }
  FAULTLINE_CHECK(verb == "read" || verb == "delete");
  const auto kind = take_word(text) == "=" ? Predicate::Kind::equal : Predicate::Kind::multiple_of;
  const Predicate predicate{prefix, kind, number_of(take_word(text))};
  return {Step::Kind::access,
          List{verb == "read" ? "r-where" : "delete-where", predicate.value(), Value()}};
}

}  // namespace

std::span<const ScriptLine> script_lines() { return all_lines; }

std::vector<std::string_view> script_names() {
  std::vector<std::string_view> names;
  for (const ScriptLine& line : all_lines) names.push_back(line.name);
  return names;
}

const ScriptLine* find_script(std::string_view name) {
  const auto at = std::ranges::find(all_lines, name, &ScriptLine::name);
  return at == all_lines.end() ? nullptr : &*at;
}

Script script_of(const ScriptLine& line) {
  Script script{std::string(line.name), {}};
  const std::string steps = std::string(setup_steps) + std::string(line.steps);
  std::size_t last = 0;
  for (std::string_view rest = steps; !rest.empty();) {
    std::string_view one = rest.substr(0, rest.find(';'));
    rest.remove_prefix(std::min(one.size() + 1, rest.size()));
    const auto transaction = static_cast<std::size_t>(number_of(take_word(one)));
    script.parts.push_back({transaction, step_of(line.name, one)});
    last = std::max(last, transaction);
  }
  script.parts.push_back({last, {Step::Kind::commit, {}}});
  return script;
}

}  // namespace faultline::hermitage
