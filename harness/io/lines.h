// What the formats that are plain lines of text share: a cursor over the lines, and a history that
// is built from them, with errors that name a place. Internal to this room.
#pragma once

#include <charconv>
#include <optional>
#include <string>
#include <string_view>

#include "harness/core/history.h"
#include "harness/io/format.h"
#include "harness/io/load_merge.h"

namespace faultline {

/// Not thread-safe. Once a function answered false, error() says why and nothing else may be asked.
class Lines {
 public:
  Lines(std::string name, std::string_view text)
      : name_(std::move(name)), text_(text), at_(text.data()), line_(text.data()), end_(at_) {}

  /// Goes to the next line that is not blank; false behind the last one.
  bool next() {
    const char* const stop = text_.data() + text_.size();
    for (at_ = next_ == nullptr ? text_.data() : next_; at_ < stop; at_ = next_) {
      const std::string_view rest(at_, static_cast<std::size_t>(stop - at_));
      const std::size_t newline = rest.find('\n');
      end_ = at_ + std::min(newline, rest.size());
      next_ = newline == rest.npos ? stop : end_ + 1;
      while (end_ > at_ && is_blank(end_[-1])) --end_;
      skip_blanks();
      line_ = at_;
      if (at_ < end_) return true;
    }
    return false;
  }

  std::string_view rest() const { return {at_, static_cast<std::size_t>(end_ - at_)}; }
  bool at_line_end() const { return at_ == end_; }

  /// Takes `mark` and the blanks behind it, if it stands here.
  bool take(std::string_view mark) {
    if (!rest().starts_with(mark)) return false;
    at_ += mark.size();
    skip_blanks();
    return true;
  }
  bool expect(std::string_view mark) {
    return take(mark) || unexpected("\"" + std::string(mark) + "\"");
  }
  /// Up to the next of `stops`, a blank or the line's end; the blanks behind it are taken as well.
  std::string_view word(std::string_view stops = "") {
    const char* const first = at_;
    while (at_ < end_ && !is_blank(*at_) && stops.find(*at_) == stops.npos) ++at_;
    const std::string_view found(first, static_cast<std::size_t>(at_ - first));
    skip_blanks();
    return found;
  }
  template <typename Integer>
  bool number(Integer& into, std::string_view wanted) {
    const auto [stop, failed] = std::from_chars(at_, end_, into);
    if (failed != std::errc()) return unexpected(wanted);
    at_ = stop;
    skip_blanks();
    return true;
  }
  bool line_end() { return at_line_end() || unexpected("the end of the line"); }

  /// "expected WANTED, found …" what stands here.
  bool unexpected(std::string_view wanted) {
    const std::string_view found = rest();
    return fail(at_,
                "expected " + std::string(wanted) + ", found " +
                    (found.empty() ? "the end of the line" : std::string(found.substr(0, 40))));
  }
  /// Wrong is the whole line.
  bool fail(std::string expected) { return fail(line_, std::move(expected)); }
  bool fail(const char* at, std::string expected) {
    if (!error_)
      error_ = load_error_at(name_, text_, static_cast<std::uint64_t>(at - text_.data()),
                             std::move(expected));
    return false;
  }
  bool check(const Status& done) { return done || fail(done.error().what); }
  const char* at() const { return at_; }
  const std::optional<LoadError>& error() const { return error_; }

 private:
  static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r'; }
  void skip_blanks() {
    while (at_ < end_ && is_blank(*at_)) ++at_;
  }

  const std::string name_;
  const std::string_view text_;
  const char* at_;
  const char* line_;
  const char* end_;
  const char* next_ = nullptr;
  std::optional<LoadError> error_;
};

/// An integer if it is one, else a text.
inline ValueHandle scalar(ValuePool& pool, std::string_view word) {
  std::int64_t v = 0;
  const auto [stop, failed] = std::from_chars(word.data(), word.data() + word.size(), v);
  const bool is_integer = failed == std::errc() && stop == word.data() + word.size();
  return is_integer ? pool.integer(v) : pool.text(word);
}

/// Loads a format whose reader is `read(Lines&, HistoryBuilder&, Loaded&) → bool`.
template <typename Read>
std::optional<LoadError> load_lines(const Input& input, Loaded& into, Read read) {
  const auto text = input.source.whole();
  if (!text) return load_error(input.name, 0, 0, text.error().what);
  Lines lines(input.name, *text);
  HistoryBuilder builder;
  if (!read(lines, builder, into)) return lines.error();
  into.history = builder.finish();
  if (into.history.events() == 0)
    return load_error(input.name, 1, 1, "expected a history, found no event");
  return {};
}

}  // namespace faultline
