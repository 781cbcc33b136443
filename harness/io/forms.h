// EDN, and JSON as a dialect of it, from memory: one form after the other, by hand. It builds no
// tree: whoever reads asks for the form that it expects next, and values go straight into a
// ValuePool. Internal to this room.
//
// EDN is read as Jepsen and its tools write it: commas are white space, and may be missing; `;`
// comments and `#_` forms are nothing; `#tag form` is the form, `^meta form` likewise; keywords,
// symbols and characters are texts (`:x` and "x" are the same text, as in the JSON that Jepsen
// writes); a set is a list in a fixed order, so that equal sets are equal; a list, a vector and a
// lazy sequence are lists. Integers beyond 64 bits keep their digits.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "harness/core/value.h"

namespace faultline {

/// Not thread-safe. After a function returned false, `failed_at` and `expected` say what was wrong,
/// and nothing else may be asked.
class Forms {
 public:
  enum class Dialect : std::uint8_t { edn, json };

  explicit Forms(Dialect dialect) : dialect_(dialect) {}

  /// Begins with `text`, whose values go into `pool`. Both must stay; a '\0' and eight more
  /// readable bytes must follow the text.
  void open(std::string_view text, ValuePool& pool);

  const char* at() const { return at_; }
  void go_to(const char* at) { at_ = at; }
  bool at_end() const { return at_ == end_; }
  char peek() const { return *at_; }  ///< '\0' at the end.
  Dialect dialect() const { return dialect_; }

  /// Goes to the next form, a closing bracket or the end.
  bool space() {
    while (is_space(*at_)) ++at_;
    return *at_ == ';' || *at_ == '#' ? space_slowly() : true;
  }

  /// One form, which space() has found.
  bool value(ValueHandle& into) { return value(into, 0); }
  bool skip();
  /// Goes behind a #tag or the ^meta of a form, where one stands.
  bool tag();
  /// A keyword without its colon, a symbol, or a text as it stands between its quotes.
  bool word(std::string_view& into, std::string_view wanted);
  bool is_word() const { return *at_ == ':' || *at_ == '"'; }
  /// A keyword in EDN, and in JSON a text with the colon behind it. False without a failure
  /// (`has_failed`) if the form is something else.
  bool key(std::string_view& into);
  bool colon();  ///< JSON's; in EDN there is none.

  bool fail(const char* at, std::string expected);
  /// "expected WANTED, found …" whatever stands here.
  bool unexpected(std::string_view wanted);
  bool has_failed() const { return failed_at_ != nullptr; }
  /// Whether the text's end had no part in the failure: nothing here but quotes, and forms that are
  /// still open, looks behind the end of a line.
  bool is_failure_within_lines() const;
  const char* failed_at() const { return failed_at_; }
  const std::string& expected() const { return expected_; }

  static bool is_space(char c) { return classes[static_cast<unsigned char>(c)] == Class::space; }
  static bool is_token(char c) { return classes[static_cast<unsigned char>(c)] >= Class::token; }
  static bool is_digit(char c) { return c >= '0' && c <= '9'; }

 private:
  enum class Class : std::uint8_t { bad, space, bracket, quote, token };
  static constexpr int depth_max = 200;
  static constexpr auto classes = [] {
    std::array<Class, 256> table{};
    for (int c = 0x21; c < 256; ++c) table[static_cast<std::size_t>(c)] = Class::token;
    table[0x7f] = Class::bad;
    for (const unsigned char c : {' ', '\t', '\r', '\n', '\f', '\v', ','}) table[c] = Class::space;
    for (const unsigned char c : {'(', ')', '[', ']', '{', '}'}) table[c] = Class::bracket;
    for (const unsigned char c : {'"', ';', '\\'}) table[c] = Class::quote;
    return table;
  }();

  bool space_slowly();
  bool value(ValueHandle& into, int depth);
  bool number(ValueHandle& into);
  bool odd_number(ValueHandle& into);
  bool text(ValueHandle& into);
  bool unescape(std::string_view raw, std::string& into);
  bool escape(const char*& at, std::string& into);
  bool code_unit(const char*& at, unsigned& into);
  bool symbol(ValueHandle& into);
  bool character(ValueHandle& into);
  bool dispatch(ValueHandle& into, int depth);
  bool sequence(ValueHandle& into, char closing, int depth);
  bool map(ValueHandle& into, int depth);
  void sort_set(std::size_t first);
  std::string_view token() {
    const char* const first = at_;
    while (is_token(*at_)) ++at_;
    return {first, static_cast<std::size_t>(at_ - first)};
  }
  bool quoted(std::string_view& raw, bool& has_escapes);
  ValueHandle interned(std::string_view text);

  /// Texts seen lately, by a cheap hash: most of a history's are the same few.
  struct Recent {
    std::string_view text;
    ValueHandle handle{};
  };

  const char* end_ = nullptr;
  const char* at_ = nullptr;
  const Dialect dialect_;
  ValuePool* pool_ = nullptr;
  std::array<Recent, 256> recent_{};
  std::vector<ValueHandle> items_;  ///< A stack: nested lists append behind the outer one's items.
  std::string brackets_, scratch_;
  bool is_quote_open_ = false;  ///< At the end of the text.
  const char* failed_at_ = nullptr;
  std::string expected_;
};

/// The one spelling of a number that is no 64-bit integer: reals are compared by their spelling,
/// so every spelling of a double becomes one. An integer that is too large keeps its digits: as a
/// double it would equal its neighbours. Leading zeros go: EDN has them, JSON does not. `v` is the
/// token's value as a double.
std::string canonical_real(std::string_view token, double v);

}  // namespace faultline
