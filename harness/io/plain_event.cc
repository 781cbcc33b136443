#include "harness/io/plain_event.h"

#include <algorithm>
#include <span>

#include "harness/io/forms.h"

namespace faultline {
namespace {

/// A word behind a colon, of seven bytes at the most.
struct PlainName {
  std::uint64_t spelled, mask;
  std::size_t size;  ///< With the colon.
  constexpr explicit PlainName(std::string_view word)
      : spelled(packed(word)), mask(mask_of(word.size())), size(word.size()) {}
  bool stands_at(const char* at) const {
    return (load_eight(at) & mask) == spelled && !Forms::is_token(at[size]);
  }
};

constexpr auto plain_names =
    std::to_array<PlainName>({PlainName(":index"), PlainName(":type"), PlainName(":process"),
                              PlainName(":f"), PlainName(":key"), PlainName(":value"),
                              PlainName(":time"), PlainName(":node"), PlainName(":error")});

/// The field whose name stands at `at`, which mostly is `expected`.
EventField plain_name_at(const char* at, EventField expected) {
  if (expected != EventField::other && plain_names[static_cast<unsigned>(expected)].stands_at(at))
    return expected;
  const auto known =
      std::ranges::find_if(plain_names, [at](const PlainName& name) { return name.stands_at(at); });
  return static_cast<EventField>(known - plain_names.begin());  // `other` is behind the last
}

/// Line ends are left to Forms: an event on several lines may be cut off anywhere.
const char* behind_plain_blanks(const char* at) {
  while (*at == ' ' || *at == ',') ++at;
  return at;
}

ValueHandle integer_handle(std::uint64_t natural) {
  return ValueHandle::of_bits(natural << 3 |
                              static_cast<std::uint64_t>(ValueHandle::Kind::integer));
}

}  // namespace

void PlainEvent::open(ValuePool& pool) {
  pool_ = &pool;
  texts_.fill({});
  long_names_.fill({});
}

const char* PlainEvent::parse(const char* at, ParsedEvent& event, Found& found) {
  at_ = at + 1;
  return take_fields(event, found) ? at_ : nullptr;
}

/// What is between the braces, and the one that closes.
bool PlainEvent::take_fields(ParsedEvent& event, Found& found) {
  unsigned seen = 0;
  for (std::size_t position = 0;; ++position) {
    at_ = behind_plain_blanks(at_);
    if (*at_ != ':') {
      if (*at_++ != '}') return false;
      return (seen & bit_of(EventField::type)) != 0;
    }
    EventField& expected = order_[position % order_.size()];
    const EventField which = plain_name_at(at_, expected);
    if (which == EventField::other || (seen & bit_of(which)) != 0) return false;
    expected = which;
    seen |= bit_of(which);
    at_ = behind_plain_blanks(at_ + plain_names[static_cast<unsigned>(which)].size);
    if (!take(which, event, found)) return false;
  }
}

bool PlainEvent::take(EventField which, ParsedEvent& event, Found& found) {
  using enum EventField;
  std::uint64_t natural = 0;
  switch (which) {
    case index:
      return take_natural(event.index);
    case type:
      return take_type(event);
    case process:
      if (!take_natural(natural) || natural > 0xffffffff) return false;
      found.has_process = true;
      event.process = static_cast<std::uint32_t>(natural);
      return true;
    case f:
      return take_keyword(found.f);
    case value: {
      const std::size_t words = pool_->compound_words();
      if (words < ParsedEvent::lists_anywhere) event.lists_from = static_cast<std::uint32_t>(words);
      found.value_at = at_;
      are_short_operations_ = true;
      if (!take_value(event.value, 0)) return false;
      found.is_short_txn =
          are_short_operations_ && event.value.is_compound() && !pool_->items(event.value).empty();
      return true;
    }
    case time:
      if (!take_natural(natural)) return false;
      event.time = static_cast<std::int64_t>(natural);
      return true;
    case error:
      return take_keyword(found.error);
    case key:
    case node:
    case other:
      break;
  }
  return false;
}

bool PlainEvent::take_type(ParsedEvent& event) {
  constexpr auto types = std::to_array<PlainName>(
      {PlainName(":invoke"), PlainName(":ok"), PlainName(":fail"), PlainName(":info")});
  for (unsigned i = 0; i < types.size(); ++i) {
    if (!types[i].stands_at(at_)) continue;
    event.type = static_cast<ParsedEvent::Type>(i);
    at_ += types[i].size;
    return true;
  }
  return false;
}

/// Not one that Forms takes for something else, or whose colon it would keep.
bool PlainEvent::take_keyword(std::string_view& into) {
  if (*at_ != ':') return false;
  const char* const first = ++at_;
  if (*first == ':' || *first == '#' || *first == '^' || Forms::is_digit(*first)) return false;
  while (Forms::is_token(*at_)) ++at_;
  into = {first, static_cast<std::size_t>(at_ - first)};
  return at_ != first;
}

/// An integer from 0, in at most 18 digits.
bool PlainEvent::take_natural(std::uint64_t& into) {
  std::size_t digits = 0;
  into = take_digits(at_, digits);
  return digits > 0 && digits <= 18 && !Forms::is_token(*at_) && *at_ != '\\';
}

/// What most items of lists are: up to seven digits, and what ends them. Else nothing is taken.
bool PlainEvent::take_small_integer(ValueHandle& into) {
  const std::uint64_t eight = load_eight(at_);
  const unsigned digits = digits_in_front(eight);
  if (digits - 1 >= 7) return false;
  const char behind = at_[digits];
  if (behind != ' ' && behind != ']') return false;
  at_ += digits;
  into = integer_handle(value_of_digits(eight, digits));
  return true;
}

bool PlainEvent::take_value(ValueHandle& into, int depth) {
  std::uint64_t natural = 0;
  std::string_view word;
  switch (*at_) {
    case '[':
      return depth < depth_max && take_list(into, depth);
    case ':':
      if (!take_keyword(word)) return false;
      into = interned(word);
      return true;
    case '"':
      if (!take_plain_text(at_, word)) return false;
      into = interned(word);
      return true;
    case 'n':
      if (!stands_at(at_, "nil") || Forms::is_token(at_[3])) return false;
      at_ += 3;
      into = {};
      return true;
    case '-':
      ++at_;
      if (!take_natural(natural)) return false;
      into = pool_->integer(-static_cast<std::int64_t>(natural));
      return true;
    default:
      if (!take_natural(natural)) return false;
      into = integer_handle(natural);
      return true;
  }
}

bool PlainEvent::take_list(ValueHandle& into, int depth) {
  if (depth == 0) items_.clear();  // what an event that was given up has left
  const std::size_t first = items_.size();
  ++at_;
  for (;;) {
    at_ = behind_plain_blanks(at_);
    if (*at_ == ']') break;
    ValueHandle item;
    if (!take_small_integer(item) && !take_value(item, depth + 1)) return false;
    items_.push_back(item);
    if (depth == 0) are_short_operations_ &= item.kind() == ValueHandle::Kind::list;
  }
  ++at_;
  if (depth == 1) are_short_operations_ &= is_short_operation(first);
  into = pool_->list(std::span(items_).subspan(first));
  items_.resize(first);
  return true;
}

/// Of what is on the stack from `first`; see is_micro_operations and with_short_names.
bool PlainEvent::is_short_operation(std::size_t first) const {
  const std::size_t size = items_.size() - first;
  if (size != 2 && size != 3) return false;
  const ValueHandle name = items_[first];
  return name.kind() == ValueHandle::Kind::text && name != long_names_[0] && name != long_names_[1];
}

ValueHandle PlainEvent::interned(std::string_view text) {
  if (text.empty() || text.size() > 8) return pool_->text(text);
  const std::uint64_t name = load_eight(text.data()) & mask_of(text.size());
  Known& known = texts_[name * 0x9e3779b97f4a7c15 >> 58];
  if (known.text != name) {
    known = {name, pool_->text(text)};
    if (text == "read") long_names_[0] = known.handle;
    if (text == "write") long_names_[1] = known.handle;
  }
  return known.handle;
}

}  // namespace faultline
