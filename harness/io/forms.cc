#include "harness/io/forms.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <system_error>

#include "harness/io/bytes.h"

namespace faultline {
namespace {

constexpr std::size_t found_bytes_max = 40;

bool is_closing(char c) { return c == ')' || c == ']' || c == '}'; }
char closing_of(char c) { return c == '(' ? ')' : c == '[' ? ']' : '}'; }

void append_utf8(std::string& out, unsigned code) {
  const auto byte = [&](unsigned v) { out += static_cast<char>(v); };
  if (code < 0x80) {
    byte(code);
  } else if (code < 0x800) {
    byte(0xC0 | code >> 6), byte(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    byte(0xE0 | code >> 12), byte(0x80 | (code >> 6 & 0x3F)), byte(0x80 | (code & 0x3F));
  } else {
    byte(0xF0 | code >> 18), byte(0x80 | (code >> 12 & 0x3F));
    byte(0x80 | (code >> 6 & 0x3F)), byte(0x80 | (code & 0x3F));
  }
}

bool is_surrogate(unsigned code, unsigned first) { return code >= first && code < first + 0x400; }

}  // namespace

std::string canonical_real(std::string_view token, double v) {
  if (token.find_first_of(".eE") != std::string_view::npos) return real_spelling(v);
  const std::size_t sign = token.starts_with('-') ? 1 : 0;
  const std::size_t first = std::min(token.find_first_not_of('0', sign), token.size());
  return std::string(token.substr(0, sign)).append(token.substr(first));
}

void Forms::open(std::string_view text, ValuePool& pool) {
  at_ = text.data();
  end_ = at_ + text.size();
  pool_ = &pool;
  recent_.fill({});
  items_.clear();
  failed_at_ = nullptr;
  is_quote_open_ = false;
}

bool Forms::fail(const char* at, std::string expected) {
  failed_at_ = at;
  expected_ = std::move(expected);
  return false;
}

bool Forms::is_failure_within_lines() const {
  if (is_quote_open_) return false;
  const char* const from = std::max(at_, failed_at_);
  return std::memchr(from, '\n', static_cast<std::size_t>(end_ - from)) != nullptr;
}

bool Forms::unexpected(std::string_view wanted) {
  std::string what = "expected " + std::string(wanted) + ", found ";
  if (at_ == end_) return fail(at_, what + "the end of the file");
  const auto c = static_cast<unsigned char>(*at_);
  if (c < 0x20 || c == 0x7f) return fail(at_, what + "byte " + std::to_string(c));
  const char* stop = at_ + 1;
  while (is_token(*at_) && is_token(*stop)) ++stop;
  const auto size = static_cast<std::size_t>(stop - at_);
  what.append(at_, std::min(size, found_bytes_max));
  return fail(at_, what + (size > found_bytes_max ? "…" : ""));
}

bool Forms::space_slowly() {
  for (;;) {
    while (is_space(*at_)) ++at_;
    if (*at_ == ';' && dialect_ == Dialect::edn) {
      const void* newline = std::memchr(at_, '\n', static_cast<std::size_t>(end_ - at_));
      at_ = newline == nullptr ? end_ : static_cast<const char*>(newline) + 1;
    } else if (*at_ == '#' && at_[1] == '_' && dialect_ == Dialect::edn) {
      at_ += 2;
      if (!space_slowly()) return false;
      if (at_ == end_ || is_closing(*at_)) return unexpected("a form after #_");
      if (!skip()) return false;
    } else {
      return true;
    }
  }
}

ValueHandle Forms::interned(std::string_view text) {
  if (text.empty() || text.size() > 32) return pool_->text(text);
  const auto first = static_cast<unsigned char>(text.front());
  const auto last = static_cast<unsigned char>(text.back());
  const auto middle = static_cast<unsigned char>(text[text.size() / 2]);
  Recent& recent = recent_[(first * 7u + middle * 5u + last * 3u + text.size()) % recent_.size()];
  if (recent.text != text) recent = {text, pool_->text(text)};
  return recent.handle;
}

bool Forms::value(ValueHandle& into, int depth) {
  const char c = *at_;
  if (is_digit(c) || ((c == '-' || c == '+') && is_digit(at_[1]))) return number(into);
  switch (c) {
    case ':':
      if (dialect_ == Dialect::json || !is_token(at_[1])) return unexpected("a value");
      ++at_;
      into = interned(token());
      return true;
    case '"':
      return text(into);
    case '[':
      return sequence(into, ']', depth);
    case '(':
      return dialect_ == Dialect::json ? unexpected("a value") : sequence(into, ')', depth);
    case '{':
      return map(into, depth);
    case '#':
    case '^':
      return dialect_ == Dialect::json ? unexpected("a value") : dispatch(into, depth);
    case '\\':
      return dialect_ == Dialect::json ? unexpected("a value") : character(into);
    default:
      return is_token(c) ? symbol(into) : unexpected("a value");
  }
}

bool Forms::number(ValueHandle& into) {
  const char* first = at_;
  const char* stop = at_ + (*at_ == '-' || *at_ == '+');
  std::size_t digits = 0;
  const std::uint64_t v = take_digits(stop, digits);
  if (is_token(*stop) || *stop == '\\' || digits > 18 ||
      (*first == '+' && dialect_ == Dialect::json))
    return odd_number(into);
  at_ = stop;
  into =
      pool_->integer(*first == '-' ? -static_cast<std::int64_t>(v) : static_cast<std::int64_t>(v));
  return true;
}

/// Numbers that are not simply a few digits.
bool Forms::odd_number(ValueHandle& into) {
  const char* first = at_;
  std::string_view digits = token();
  const auto wrong = [&] {
    at_ = first;
    return unexpected("a number");
  };
  if (*at_ == '\\') return wrong();
  if (dialect_ == Dialect::edn) {
    if (digits.front() == '+') digits.remove_prefix(1);
    const bool is_ratio = digits.find('/') != std::string_view::npos;
    if (digits.back() == 'N' || digits.back() == 'M') digits.remove_suffix(1);
    if (is_ratio) {  // equal ratios have one spelling: Clojure prints them in lowest terms
      if (digits.find_first_not_of("-0123456789/") != std::string_view::npos) return wrong();
      into = interned(digits);
      return true;
    }
  } else if (digits.front() == '+') {
    return wrong();
  }
  const char* const stop = digits.data() + digits.size();
  std::int64_t integer = 0;
  if (const auto [end, failed] = std::from_chars(digits.data(), stop, integer);
      failed == std::errc() && end == stop) {
    into = pool_->integer(integer);
    return true;
  }
  double real = 0;
  const auto [end, failed] = std::from_chars(digits.data(), stop, real);
  if (end != stop || failed == std::errc::invalid_argument) return wrong();
  const bool is_integer = digits.find_first_of(".eE") == std::string_view::npos;
  if (failed == std::errc::result_out_of_range && !is_integer)
    return fail(first, "expected a number within the range of a double");
  into = pool_->real(canonical_real(digits, real));
  return true;
}

/// Between quotes; `raw` is what stands there.
bool Forms::quoted(std::string_view& raw, bool& has_escapes) {
  const char* first = at_ + 1;
  const char* stop = first;
  has_escapes = false;
  for (;; ++stop) {
    if (*stop == '"') break;
    if (*stop == '\\') {
      has_escapes = true;
      if (stop + 1 < end_) ++stop;
    } else if (*stop == '\0' && stop == end_) {
      is_quote_open_ = true;
      return fail(at_, "expected a text that ends, found the end of the file before its \"");
    }
  }
  raw = {first, static_cast<std::size_t>(stop - first)};
  at_ = stop + 1;
  return true;
}

bool Forms::text(ValueHandle& into) {
  std::string_view raw;
  bool has_escapes = false;
  if (!quoted(raw, has_escapes)) return false;
  if (!has_escapes) {
    into = interned(raw);
    return true;
  }
  scratch_.clear();
  if (!unescape(raw, scratch_)) return false;
  into = pool_->text(scratch_);
  return true;
}

bool Forms::unescape(std::string_view raw, std::string& into) {
  const char* at = raw.data();
  const char* const stop = at + raw.size();
  while (at < stop) {
    if (*at != '\\')
      into += *at++;
    else if (!escape(at, into))
      return false;
  }
  return true;
}

/// At a backslash; a quote follows what is between quotes, so that nothing is read behind it.
bool Forms::escape(const char*& at, std::string& into) {
  constexpr std::string_view names = "\"\\/nrtbf", meanings = "\"\\/\n\r\t\b\f";
  const char* const first = at++;
  if (const std::size_t known = names.find(*at); known != std::string_view::npos) {
    into += meanings[known];
    ++at;
    return true;
  }
  unsigned code = 0;
  if (*at == 'u') {
    if (!code_unit(at, code)) return fail(first, "expected four hexadecimal digits after \\u");
    if (is_surrogate(code, 0xD800)) {
      unsigned low = 0;
      const bool is_escape = at[0] == '\\' && at[1] == 'u';
      if (is_escape) ++at;
      if (!is_escape || !code_unit(at, low) || !is_surrogate(low, 0xDC00))
        return fail(first, "expected the second half of a surrogate pair");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
    } else if (is_surrogate(code, 0xDC00)) {
      return fail(first, "expected the first half of a surrogate pair");
    }
    append_utf8(into, code);
    return true;
  }
  if (dialect_ == Dialect::edn && *at >= '0' && *at <= '7') {
    for (int i = 0; i < 3 && *at >= '0' && *at <= '7'; ++i)
      code = code * 8 + static_cast<unsigned>(*at++ - '0');
    append_utf8(into, code);
    return true;
  }
  return fail(first,
              "expected an escape: \\\" \\\\ \\/ \\n \\r \\t \\b \\f or \\u and four digits");
}

/// Four hexadecimal digits behind the u.
bool Forms::code_unit(const char*& at, unsigned& into) {
  const auto [end, failed] = std::from_chars(at + 1, std::min(at + 5, end_), into, 16);
  if (failed != std::errc() || end != at + 5) return false;
  at = end;
  return true;
}

bool Forms::symbol(ValueHandle& into) {
  const char* first = at_;
  const std::string_view name = token();
  if (name == "true" || name == "false")
    into = pool_->boolean(name == "true");
  else if (name == (dialect_ == Dialect::json ? "null" : "nil"))
    into = {};
  else if (dialect_ == Dialect::edn)
    into = interned(name);
  else
    return at_ = first, unexpected("a value");
  return true;
}

/// \a, \newline, \u00e9: a text.
bool Forms::character(ValueHandle& into) {
  const char* first = at_++;
  if (at_ == end_ || is_space(*at_)) return fail(first, "expected a character after \\");
  const char* name = at_++;
  if (is_token(*name)) token();
  const std::string_view text(name, static_cast<std::size_t>(at_ - name));
  constexpr auto names =
      std::to_array<std::pair<std::string_view, std::string_view>>({{"newline", "\n"},
                                                                    {"space", " "},
                                                                    {"tab", "\t"},
                                                                    {"return", "\r"},
                                                                    {"formfeed", "\f"},
                                                                    {"backspace", "\b"}});
  const auto named =
      std::ranges::find(names, text, &std::pair<std::string_view, std::string_view>::first);
  into = interned(named == names.end() ? text : named->second);
  return true;
}

bool Forms::dispatch(ValueHandle& into, int depth) {
  const char* first = at_;
  if (depth == depth_max)
    return fail(first, "expected a value nested at most " + std::to_string(depth_max) + " deep");
  ++at_;
  if (*first == '^') {
    if (!space()) return false;
    if (!skip()) return false;
  } else if (*at_ == '{') {
    const std::size_t items = items_.size();
    ValueHandle list;
    if (!sequence(list, '}', depth)) return false;
    const auto members = pool_->items(list);
    items_.insert(items_.end(), members.begin(), members.end());
    sort_set(items);
    into = pool_->list(std::span(items_).subspan(items));
    items_.resize(items);
    return true;
  } else if (*at_ == '#') {
    ++at_;
    const std::string_view name = token();
    into = interned(name == "Inf" ? "inf" : name == "-Inf" ? "-inf" : name == "NaN" ? "nan" : name);
    return true;
  } else if (*at_ == '"') {
    return text(into);
  } else if (token().empty()) {
    return unexpected("a tag or { after #");
  }
  return space() && value(into, depth + 1);
}

bool Forms::tag() {
  const bool is_meta = *at_++ == '^';
  if (!is_meta && token().empty()) return --at_, unexpected("a form");
  return space() && (!is_meta || (skip() && space()));
}

/// Equal sets must be equal lists, also of two pools.
void Forms::sort_set(std::size_t first) {
  const auto members = std::span(items_).subspan(first);
  const bool all_integers =
      std::ranges::all_of(members, [](ValueHandle h) { return h.is_small_integer(); });
  if (all_integers)
    std::ranges::sort(members, {}, [](ValueHandle h) { return h.small_integer(); });
  else
    std::ranges::sort(members, {}, [this](ValueHandle h) { return pool_->to_text(h); });
}

bool Forms::sequence(ValueHandle& into, char closing, int depth) {
  const char* opening = at_++;
  if (depth == depth_max)
    return fail(opening, "expected a value nested at most " + std::to_string(depth_max) + " deep");
  const std::size_t first = items_.size();
  for (;;) {
    if (!space()) return false;
    if (*at_ == closing) break;
    if (at_ == end_)
      return fail(opening, std::string("expected a ") + closing +
                               " that ends this, found the end of the file");
    ValueHandle item;
    if (is_closing(*at_)) return unexpected(std::string("a value or ") + closing);
    if (!value(item, depth + 1)) return false;
    items_.push_back(item);
  }
  ++at_;
  into = pool_->list(std::span(items_).subspan(first));
  items_.resize(first);
  return true;
}

bool Forms::colon() {
  if (dialect_ == Dialect::edn) return true;
  if (!space()) return false;
  if (*at_ != ':') return unexpected("a colon");
  ++at_;
  return true;
}

bool Forms::map(ValueHandle& into, int depth) {
  const char* opening = at_++;
  if (depth == depth_max)
    return fail(opening, "expected a value nested at most " + std::to_string(depth_max) + " deep");
  const std::size_t first = items_.size();
  for (;;) {
    if (!space()) return false;
    if (*at_ == '}') break;
    if (at_ == end_) return fail(opening, "expected a } that ends this, found the end of the file");
    if (dialect_ == Dialect::json && *at_ != '"') return unexpected("a text as the key");
    ValueHandle key, item;
    if (!value(key, depth + 1) || !colon() || !space()) return false;
    if (*at_ == '}') return unexpected("a value for every key of the map");
    if (!value(item, depth + 1)) return false;
    items_.push_back(key);
    items_.push_back(item);
  }
  ++at_;
  into = pool_->map(std::span(items_).subspan(first));
  items_.resize(first);
  return true;
}

bool Forms::word(std::string_view& into, std::string_view wanted) {
  bool has_escapes = false;
  if (*at_ == '"') return quoted(into, has_escapes);
  const bool is_keyword = *at_ == ':' && dialect_ == Dialect::edn;
  const char first = at_[is_keyword ? 1 : 0];
  const bool may_be_name = is_token(first) && !is_digit(first) && first != '#' && first != '^';
  if (dialect_ == Dialect::json || !may_be_name) return unexpected(wanted);
  if (is_keyword) ++at_;
  into = token();
  return true;
}

bool Forms::key(std::string_view& into) {
  if (!is_word()) return false;
  if (!word(into, "a key")) return false;
  return colon();
}

/// Only brackets, quotes and comments mean anything here.
bool Forms::skip() {
  const char* first = at_;
  brackets_.clear();
  for (int wanted = 1; wanted > 0;) {
    while (is_space(*at_)) ++at_;
    const char c = *at_;
    if (at_ == end_) return fail(first, "expected a form that ends, found the end of the file");
    bool is_form = true;
    if (c == '[' || c == '(' || c == '{') {
      brackets_ += closing_of(c);
      ++at_;
      continue;
    }
    if (is_closing(c)) {
      if (brackets_.empty()) return unexpected("a form");
      if (brackets_.back() != c) return unexpected(std::string(1, brackets_.back()));
      brackets_.pop_back();
      ++at_;
    } else if (c == '"') {
      std::string_view raw;
      bool has_escapes = false;
      if (!quoted(raw, has_escapes)) return false;
    } else if (c == ';') {
      const void* newline = std::memchr(at_, '\n', static_cast<std::size_t>(end_ - at_));
      at_ = newline == nullptr ? end_ : static_cast<const char*>(newline);
      is_form = false;
    } else if (c == '\\') {
      at_ += at_ + 1 < end_ ? 2 : 1;
      token();
    } else if (c == '#' || c == '^') {
      const bool is_discard = c == '#' && at_[1] == '_';
      is_form = c == '#' && at_[1] == '#';
      at_ += is_form || is_discard ? 2 : 1;
      if (c == '#' && !is_discard) token();
      if ((is_discard || c == '^') && brackets_.empty()) ++wanted;
    } else if (is_token(c)) {
      token();
    } else {
      return unexpected("a form");
    }
    if (is_form && brackets_.empty()) --wanted;
  }
  return true;
}

}  // namespace faultline
