#include "harness/io/plain_line.h"

#include <algorithm>
#include <span>

namespace faultline {
namespace {

/// A field's name with the quote behind it, which is eight bytes at the most.
struct PlainField {
  std::uint64_t name, mask;
  std::size_t size;
  constexpr explicit PlainField(std::string_view spelled)
      : name(packed(spelled)), mask(mask_of(spelled.size())), size(spelled.size()) {}
  bool stands_at(const char* at) const { return (load_eight(at) & mask) == name; }
};

constexpr auto plain_fields =
    std::to_array<PlainField>({PlainField("index\""), PlainField("type\""), PlainField("process\""),
                               PlainField("f\""), PlainField("key\""), PlainField("value\""),
                               PlainField("time\""), PlainField("node\""), PlainField("error\"")});

/// The field whose name begins at `at`, which mostly is `expected`.
EventField plain_field_at(const char* at, EventField expected) {
  if (plain_fields[static_cast<unsigned>(expected)].stands_at(at)) return expected;
  const auto known =
      std::ranges::find_if(plain_fields, [at](const PlainField& f) { return f.stands_at(at); });
  return static_cast<EventField>(known - plain_fields.begin());  // `other` is behind the last
}

/// Of at most eight bytes, and followed by eight that can be read.
std::uint64_t short_text(std::string_view text) {
  return load_eight(text.data()) & mask_of(text.size());
}
std::uint64_t short_hash(std::uint64_t text) { return text * 0x9e3779b97f4a7c15; }

/// What may follow a number.
bool ends_number(char c) { return c == ',' || c == '}' || c == ']' || c == ' '; }

}  // namespace

const char* PlainLine::parse(std::string_view lines, ParsedEvent& event) {
  at_ = lines.data();
  if (*at_++ != '{') return nullptr;
  Words words;
  unsigned seen = 0;
  if (!take_fields(event, words, seen)) return nullptr;
  // No token goes over a newline or the '\0', so that this is the line's own.
  if (at_ != lines.data() + lines.size() && *at_ != '\n') return nullptr;
  const unsigned needed = bit_of(EventField::type) | bit_of(EventField::process) |
                          (event.type == ParsedEvent::Type::invoke ? bit_of(EventField::f) : 0);
  if ((seen & needed) != needed) return nullptr;
  if ((seen & bit_of(EventField::node)) != 0) {
    const std::size_t id = id_of_node(words.node);
    if (id >= no_node) return nullptr;
    event.node = static_cast<NodeId>(id);
  }
  if ((seen & bit_of(EventField::error)) != 0)
    event.error = static_cast<ErrorId>(errors_.id(words.error));
  return at_;
}

/// What is between the braces, and the one that closes.
bool PlainLine::take_fields(ParsedEvent& event, Words& words, unsigned& seen) {
  for (std::size_t position = 0;; ++position) {
    pass_blanks();
    if (*at_ != '"') return false;
    EventField& expected = order_[position % order_.size()];
    const EventField which = plain_field_at(at_ + 1, expected);
    if (which == EventField::other || (seen & bit_of(which)) != 0) return false;
    expected = which;
    seen |= bit_of(which);
    at_ += 1 + plain_fields[static_cast<unsigned>(which)].size;
    pass_blanks();
    if (*at_++ != ':') return false;
    pass_blanks();
    if (!take(which, event, words)) return false;
    pass_blanks();
    const char c = *at_++;
    if (c == '}') return true;
    if (c != ',') return false;
  }
}

bool PlainLine::take(EventField which, ParsedEvent& event, Words& words) {
  using enum EventField;
  std::uint64_t natural = 0;
  switch (which) {
    case index:
      return take_natural(event.index);
    case type:
      return take_type(event);
    case process:
      if (!take_natural(natural) || natural > 0xffffffff) return false;
      event.process = static_cast<std::uint32_t>(natural);
      return true;
    case f:
      return take_function(event);
    case key:
      event.has_key = true;
      return *at_ != '[' && take_value(event.key, 0);
    case value: {
      const std::size_t from = block_.pool.compound_words();
      if (from < ParsedEvent::lists_anywhere) event.lists_from = static_cast<std::uint32_t>(from);
      return take_value(event.value, 0);
    }
    case time:
      if (!take_natural(natural)) return false;
      event.time = static_cast<std::int64_t>(natural);
      return true;
    case node:
      return take_word(words.node);
    case error:
      return take_word(words.error);
    case other:
      break;
  }
  return false;
}

bool PlainLine::take_word(std::string_view& into) {
  return *at_ == '"' && take_plain_text(at_, into);
}

bool PlainLine::take_type(ParsedEvent& event) {
  constexpr auto spelled =
      std::to_array<std::string_view>({"\"invoke\"", "\"ok\"", "\"fail\"", "\"info\""});
  const std::uint64_t here = load_eight(at_);
  for (unsigned i = 0; i < spelled.size(); ++i) {
    if ((here & mask_of(spelled[i].size())) != packed(spelled[i])) continue;
    event.type = static_cast<ParsedEvent::Type>(i);
    at_ += spelled[i].size();
    return true;
  }
  return false;
}

bool PlainLine::take_function(ParsedEvent& event) {
  std::string_view word;
  if (!take_word(word) || word.empty() || word.size() > 8) return false;
  const std::uint64_t name = short_text(word);
  auto& known = functions_[short_hash(name) >> 60];
  if (known.text != name) {
    const auto function = parse_function(word);
    if (!function) return false;
    known = {name, static_cast<std::uint8_t>(*function)};
  }
  event.function = known.meaning;
  return true;
}

/// An integer from 0, in at most 18 digits.
bool PlainLine::take_natural(std::uint64_t& into) {
  const char* const first = at_;
  std::size_t digits = 0;
  into = take_digits(at_, digits);
  return digits > 0 && digits <= 18 && (*first != '0' || digits == 1) && ends_number(*at_);
}

bool PlainLine::take_literal(std::string_view word) {
  if (!stands_at(at_, word)) return false;
  at_ += word.size();
  return ends_number(*at_);
}

bool PlainLine::take_value(ValueHandle& into, int depth) {
  std::uint64_t natural = 0;
  std::string_view word;
  switch (*at_) {
    case '"':
      if (!take_word(word)) return false;
      into = interned(word);
      return true;
    case '[':
      return depth < depth_max && take_list(into, depth);
    case 'n':
      into = {};
      return take_literal("null");
    case 't':
      into = block_.pool.boolean(true);
      return take_literal("true");
    case 'f':
      into = block_.pool.boolean(false);
      return take_literal("false");
    case '-':
      ++at_;
      if (*at_ == '0' || !take_natural(natural)) return false;
      into = block_.pool.integer(-static_cast<std::int64_t>(natural));
      return true;
    default:
      if (!take_natural(natural)) return false;
      into = block_.pool.integer(static_cast<std::int64_t>(natural));
      return true;
  }
}

bool PlainLine::take_list(ValueHandle& into, int depth) {
  if (depth == 0) items_.clear();  // what a line that was given up has left
  const std::size_t first = items_.size();
  ++at_;
  pass_blanks();
  if (*at_ == ']') {
    ++at_;
  } else {
    for (;;) {
      ValueHandle item;
      if (!take_value(item, depth + 1)) return false;
      items_.push_back(item);
      pass_blanks();
      const char c = *at_++;
      if (c == ']') break;
      if (c != ',') return false;
      pass_blanks();
    }
  }
  into = block_.pool.list(std::span(items_).subspan(first));
  items_.resize(first);
  return true;
}

ValueHandle PlainLine::interned(std::string_view text) {
  if (text.empty() || text.size() > 8) return block_.pool.text(text);
  const std::uint64_t name = short_text(text);
  auto& known = texts_[short_hash(name) >> 58];
  if (known.text != name) known = {name, block_.pool.text(text)};
  return known.meaning;
}

std::size_t PlainLine::id_of_node(std::string_view name) {
  if (name.empty() || name.size() > 8) return nodes_.id(name);
  const std::uint64_t text = short_text(name);
  auto& known = known_nodes_[short_hash(text) >> 60];
  if (known.text != text) known = {text, nodes_.id(name)};
  return known.meaning;
}

}  // namespace faultline
