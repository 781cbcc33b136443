// What the fields of an event say: the other half of EventReader.
#include <utility>

#include "harness/io/edn_events.h"
#include "harness/io/micro_operations.h"

namespace faultline {
namespace {

constexpr std::uint64_t golden = 0x9e3779b97f4a7c15;

}  // namespace

bool EventReader::take(EventField which, ParsedEvent& event, Raw& raw) {
  using enum EventField;
  switch (which) {
    case type:
      raw.has_type = true;
      return take_type(raw);
    case f:
      if (is_nil_here()) return forms_.skip();
      raw.has_f = true;
      return forms_.word(raw.f, "the f of the event");
    case process:
      return take_process(event, raw);
    case value:
      raw.value_at = forms_.at();
      return forms_.value(event.value);
    case key:
      event.has_key = true;
      return take_key(event.key);
    case index:
      return take_index(event.index);
    case time:
      return take_time(event.time);
    case node:
      return take_node(event.node);
    case error:
      return take_error(event);
    case other:
      break;
  }
  return forms_.skip();
}

bool EventReader::take_type(Raw& raw) {
  const char* const at = forms_.at();
  const auto take_word = [&](std::string_view word, ParsedEvent::Type what) {
    const std::size_t size = word.size();
    const bool is_here =
        is_json() ? at[0] == '"' && stands_at(at + 1, word) && at[1 + size] == '"'
                  : at[0] == ':' && stands_at(at + 1, word) && !Forms::is_token(at[1 + size]);
    if (!is_here) return false;
    raw.known_type = what;
    forms_.go_to(at + 1 + size + (is_json() ? 1 : 0));
    return true;
  };
  if (take_word("invoke", ParsedEvent::Type::invoke) || take_word("ok", ParsedEvent::Type::ok))
    return true;
  return forms_.word(raw.type, "a type: invoke, ok, fail or info");
}

bool EventReader::is_nil_here() const {
  const std::string_view nil = is_json() ? "null" : "nil";
  return *forms_.at() == 'n' && stands_at(forms_.at(), nil) &&
         !Forms::is_token(forms_.at()[nil.size()]);
}

/// A plain number from 0, of which most fields are; false: it is something else.
bool EventReader::take_natural(std::uint64_t& into) {
  const char* at = forms_.at();
  std::size_t digits = 0;
  const std::uint64_t v = take_digits(at, digits);
  if (digits == 0 || digits > 18 || Forms::is_token(*at) || *at == '\\') return false;
  into = v;
  forms_.go_to(at);
  return true;
}

bool EventReader::take_process(ParsedEvent& event, Raw& raw) {
  const char* const at = forms_.at();
  std::uint64_t natural = 0;
  if (take_natural(natural)) {
    raw.has_process = true;
    event.process = static_cast<std::uint32_t>(natural);
    return natural <= 0xffffffff ||
           forms_.fail(at, "expected process as an integer from 0 to 4294967295");
  }
  if (is_nil_here()) return forms_.skip();
  raw.has_process = true;
  if (forms_.is_word()) {
    std::string_view name;
    if (!forms_.word(name, "a process")) return false;
    raw.is_client = false;
    // Taken for a nemesis, every client of such a file would be left out without a word.
    if (!is_integer_text(name)) return true;
    return forms_.fail(
        at, "expected process as a number, or a name such as nemesis, found " + in_quotes(name));
  }
  ValueHandle number;
  if (!Forms::is_digit(*at)) return forms_.unexpected("process as an integer from 0, or a name");
  if (!forms_.value(number)) return false;
  if (!number.is_small_integer() || number.small_integer() > 0xffffffff)
    return forms_.fail(at, "expected process as an integer from 0 to 4294967295");
  event.process = static_cast<std::uint32_t>(number.small_integer());
  return true;
}

bool EventReader::take_key(ValueHandle& into) {
  const char* const at = forms_.at();
  if (!forms_.value(into)) return false;
  return !into.is_compound() || forms_.fail(at, "expected the key as a text or a number");
}

bool EventReader::take_index(std::uint64_t& into) {
  if (take_natural(into)) return true;
  const char* const at = forms_.at();
  if (is_nil_here()) return forms_.skip();
  ValueHandle number;
  if (!forms_.value(number)) return false;
  if (!number.is_small_integer() || number.small_integer() < 0)
    return forms_.fail(at, "expected the index as an integer from 0");
  into = static_cast<std::uint64_t>(number.small_integer());
  return true;
}

bool EventReader::take_time(std::int64_t& into) {
  std::uint64_t natural = 0;
  if (take_natural(natural)) {
    into = static_cast<std::int64_t>(natural);
    return true;
  }
  const char* const at = forms_.at();
  ValueHandle number;
  if (!forms_.value(number)) return false;
  if (number.is_nil()) return true;
  double real = 0;
  if (number.kind() == ValueHandle::Kind::real)
    real = std::get<double>(block().pool.value(number).content);
  else if (number.kind() == ValueHandle::Kind::integer ||
           number.kind() == ValueHandle::Kind::big_integer)
    into = block().pool.as_integer(number);
  else
    return forms_.fail(at, "expected the time as nanoseconds");
  if (real > 0 && real < 9e18) into = static_cast<std::int64_t>(real);
  if (into < 0) into = no_time;  // it orders nothing; a negative one is as good as none
  return true;
}

bool EventReader::take_node(NodeId& into) {
  const char* const at = forms_.at();
  if (is_nil_here()) return forms_.skip();
  std::string_view name;
  if (!forms_.word(name, "the node's name")) return false;
  const std::size_t id = nodes_.id(name);
  if (id >= no_node) return forms_.fail(at, "expected fewer than 65,535 nodes");
  into = static_cast<NodeId>(id);
  return true;
}

bool EventReader::take_error(ParsedEvent& event) {
  const char* const at = forms_.at();
  if (is_nil_here()) return forms_.skip();
  if (*at == '"') {
    ValueHandle text;
    if (!forms_.value(text)) return false;
    note_error(event, block().pool.as_text(text));
    return true;
  }
  if (!forms_.skip()) return false;
  note_error(event, {at, static_cast<std::size_t>(forms_.at() - at)});
  return true;
}

std::string EventReader::named(std::string_view field) const {
  return is_json() ? "\"" + std::string(field) + "\"" : ":" + std::string(field);
}

bool EventReader::finish(ParsedEvent& event, const Raw& raw) {
  event.line = offset(raw.begin);
  if (raw.is_client) {
    event.has_process = raw.has_process;
    if (!raw.has_type) return forms_.fail(raw.begin, "expected the field " + named("type"));
    event.type = raw.known_type;
    if (raw.known_type == ParsedEvent::Type::skipped) {
      const auto what = parse_event_type(raw.type);
      if (!what) return forms_.fail(raw.type.data(), what.error().what);
      event.type = *what;
    }
    if (!take_function(event, raw)) return false;
    if (is_log_ && event.type == ParsedEvent::Type::fail && event.error == no_error)
      event.error = static_cast<ErrorId>(errors_.id("mismatch"));
  }
  block().events.push_back(event);
  return true;
}

bool EventReader::take_function(ParsedEvent& event, const Raw& raw) {
  constexpr auto txn = static_cast<std::uint8_t>(Function::txn);
  const auto is_txn_value = [&] {
    return raw.is_short_txn || is_micro_operations(block().pool, event.value);
  };
  if (!raw.has_f) {
    const bool is_txn = is_txn_value();
    if (event.type == ParsedEvent::Type::invoke && !is_txn)
      return forms_.fail(raw.begin, "expected the field " + named("f"));
    if (is_txn) event.function = txn;
  } else {
    if (!function_of(raw.f, event.function)) return false;
    const bool is_plain = event.function == static_cast<std::uint8_t>(Function::read) ||
                          event.function == static_cast<std::uint8_t>(Function::write);
    if (is_plain && begins_with_keyword(raw.value_at) && is_txn_value()) {
      event.function = txn;
      state_.has_renamed = true;
    } else if (is_plain && state_.has_renamed && event.type != ParsedEvent::Type::invoke) {
      event.function = ParsedEvent::no_function;  // an error: it does not repeat the value
    }
  }
  if (event.function == txn && !raw.is_short_txn) {
    event.value = with_short_names(block().pool, event.value);
    event.lists_from = ParsedEvent::lists_anywhere;
  }
  return true;
}

bool EventReader::function_of(std::string_view name, std::uint8_t& into) {
  const std::uint64_t text = load_eight(name.data()) & mask_of(name.size());
  KnownF& known = functions_[text * golden >> 60];
  if (known.size != name.size() || known.name != text || name.size() > 8 || name.empty()) {
    const auto function = parse_function(name == "get" ? "read" : name == "put" ? "write" : name);
    if (!function) return forms_.fail(name.data(), function.error().what);
    known = {text, name.size(), static_cast<std::uint8_t>(*function), name == "get",
             name == "append"};
  }
  into = known.function;
  piece_->has_get |= known.is_get;
  piece_->has_append |= known.is_append;
  return true;
}

}  // namespace faultline
