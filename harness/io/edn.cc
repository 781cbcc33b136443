// Histories in EDN as Jepsen, Knossos, Elle and their users write them, and in JSON as elle-cli
// takes them: the formats `edn` and `json`. An event is a map; a small vector [PROCESS :TYPE :F
// VALUE]; or a row of these four on a line, with an error behind them. Events come one after the
// other, or in one vector or list. Fields mean what load.h says; and besides:
//
// - Missing fields. Without `process`, a completion belongs to the open invocation of its f (and,
// if
//   there are several, of its value); without `f`, a value that is a list of micro-operations makes
//   a transaction.
// - Transactions by other names: an f of read or write whose value is a list of micro-operations
//   that begin with keywords, [[:r 1 nil]], is a txn. Micro-operations :read and :write are r and
//   w.
// - `get` and `put` are read and write.
// - The log of Jepsen's etcd test (Porcupine's etcd_*.log) is rows behind "INFO  jepsen.util - ". A
//   compare-and-set that fails without an error there is a known mismatch.
// - A row of info or fail whose value is a keyword has no value: it is the error.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "harness/io/event_words.h"
#include "harness/io/format.h"
#include "harness/io/forms.h"
#include "harness/io/load_merge.h"
#include "harness/io/load_parse.h"
#include "harness/io/micro_operations.h"

namespace faultline {
namespace {

using Type = ParsedEvent::Type;
using Kind = ValueHandle::Kind;

constexpr auto edn_field_names = std::to_array<std::string_view>(
    {"index", "type", "process", "f", "key", "value", "time", "node", "error"});

EventField field_of(std::string_view name) {
  for (unsigned i = 0; i < edn_field_names.size(); ++i)
    if (name == edn_field_names[i]) return static_cast<EventField>(i);
  return EventField::other;
}

constexpr std::string_view log_prefix = "INFO  jepsen.util - ";
constexpr std::string_view row_shape = "an event: a map, or PROCESS :TYPE :F VALUE";

class Events {
 public:
  Events(const Input& input, std::string_view text, Forms::Dialect dialect)
      : text_(text),
        is_log_(text.starts_with(log_prefix)),
        forms_(text, dialect),
        merger_(input.name, text.size(), input.options, text) {
    begin_block();
  }

  std::optional<LoadError> read(Loaded& into) {
    if (!read_all()) {
      if (merge_failure_) return merge_failure_;
      block_.problem = Problem{offset(forms_.failed_at()), 1, forms_.expected()};
    }
    if (auto failed = merger_.add(std::move(block_))) return failed;
    if (auto failed = merger_.finish()) return failed;
    into.history = merger_.history();
    into.warnings = merger_.take_warnings();
    if (has_get_ && has_append_) {  // texts that grow, as in Porcupine's key-value histories
      into.model_hint = "key-value";
      into.initial_hint = "";
    }
    return {};
  }

 private:
  /// Fields that mean something only once the whole event is known.
  struct Raw {
    const char* begin;
    std::string_view type{}, f{};
    const char* value_at = nullptr;
    bool has_type = false, has_f = false, is_client = true, has_process = false;
  };

  bool is_json() const { return forms_.dialect() == Forms::Dialect::json; }
  std::uint32_t offset(const char* at) const {
    return static_cast<std::uint32_t>(at - text_.data() -
                                      static_cast<std::ptrdiff_t>(block_.begin));
  }

  void begin_block() {
    block_ = Block();
    block_.begin = static_cast<std::uint64_t>(forms_.at() - text_.data());
    block_.events.reserve(events_expected_);
    forms_.use(block_.pool);
    nodes_ = Names(block_.nodes);
    errors_ = Names(block_.errors);
  }

  bool end_block() {
    events_expected_ = std::max(events_expected_, block_.events.size() + 64);
    merge_failure_ = merger_.add(std::move(block_));
    begin_block();
    return !merge_failure_;
  }

  bool read_all() {
    char closing = '\0';  // of the collection that holds the events
    for (;;) {
      if (!forms_.space()) return false;
      const char c = forms_.peek();
      if (forms_.at_end()) {
        if (closing == '\0') return true;
        return forms_.unexpected(std::string("an event, or the ") + closing + " that ends them");
      }
      if (closing != '\0' && c == closing) {
        forms_.go_to(forms_.at() + 1);
        closing = '\0';
        continue;
      }
      if (!is_json() && (c == '#' || c == '^')) {
        if (!forms_.tag()) return false;
        continue;
      }
      const bool is_sequence = c == '[' || (c == '(' && !is_json());
      if (is_sequence && closing == '\0' && !begins_row()) {
        forms_.go_to(forms_.at() + 1);
        closing = c == '[' ? ']' : ')';
        continue;
      }
      if (!read_event(c, closing != '\0')) return false;
      if (offset(forms_.at()) >= block_bytes && !end_block()) return false;
    }
  }

  /// Whether the sequence that begins here is an event, and not the collection of events.
  bool begins_row() {
    const char* at = forms_.at() + 1;
    while (Forms::is_space(*at)) ++at;
    return !is_json() && (Forms::is_digit(*at) || *at == ':');
  }

  bool read_event(char first, bool is_in_collection) {
    if (first == '{') return read_map();
    if (is_json()) return forms_.unexpected("an event: an object");
    if ((first == '[' || first == '(') && begins_row()) return read_vector();
    const bool begins_line = Forms::is_digit(first) || first == ':' || is_log_;
    return begins_line && !is_in_collection ? read_row() : forms_.unexpected(row_shape);
  }

  bool read_map() {
    ParsedEvent event;
    Raw raw{.begin = forms_.at()};
    unsigned seen = 0;
    forms_.go_to(raw.begin + 1);
    for (;;) {
      if (!forms_.space()) return false;
      if (forms_.peek() == '}') break;
      if (forms_.at_end())
        return forms_.fail(raw.begin, "expected an event that ends, found the end of the file");
      const char* const at = forms_.at();
      std::string_view name;
      if (!forms_.key(name)) {
        if (forms_.has_failed()) return false;
        if (is_json()) return forms_.unexpected("a field's name in quotes");
        if (!forms_.skip()) return false;  // 7, "x" or (f): no field of ours
      }
      const EventField which = field_of(name);
      if (which != EventField::other && (seen & bit_of(which)) != 0)
        return forms_.fail(at, "expected every field once, found a second " + in_quotes(name));
      seen |= bit_of(which);
      if (!forms_.space()) return false;
      if (forms_.peek() == '}') return forms_.unexpected("a value for " + in_quotes(name));
      if (!take(which, event, raw)) return false;
    }
    forms_.go_to(forms_.at() + 1);
    return finish(event, raw);
  }

  /// [PROCESS :TYPE :F VALUE], with errors behind it.
  bool read_vector() {
    ParsedEvent event;
    Raw raw{.begin = forms_.at()};
    const char closing = *raw.begin == '[' ? ']' : ')';
    forms_.go_to(raw.begin + 1);
    if (!forms_.space() || !take_process(event, raw)) return false;
    if (raw.is_client ? !read_rest(event, raw) : !read_type(raw)) return false;
    const char* error_at = nullptr;
    for (;;) {
      const char* const stop = forms_.at();
      if (!forms_.space()) return false;
      if (forms_.peek() == closing) {
        if (error_at != nullptr) note_error(event, {error_at, size_between(error_at, stop)});
        break;
      }
      if (error_at == nullptr) error_at = forms_.at();
      if (forms_.at_end())
        return forms_.fail(raw.begin, "expected an event that ends, found the end of the file");
      if (!forms_.skip()) return false;
    }
    forms_.go_to(forms_.at() + 1);
    return finish(event, raw);
  }

  /// PROCESS :TYPE :F VALUE on a line, and whatever the error looks like behind it.
  bool read_row() {
    ParsedEvent event;
    Raw raw{.begin = forms_.at()};
    const char* const text_end = text_.data() + text_.size();
    const char* const line_end = std::find(raw.begin, text_end, '\n');
    if (is_log_ && !pass_log_prefix()) return false;
    if (!take_process(event, raw)) return false;
    if (!raw.is_client) {  // the value of a nemesis may be anything
      if (!read_type(raw)) return false;
      forms_.go_to(line_end);
      return finish(event, raw);
    }
    if (!read_rest(event, raw)) return false;
    if (forms_.at() > line_end)
      return forms_.fail(raw.begin, "expected PROCESS :TYPE :F VALUE on one line");
    std::string_view rest(forms_.at(), size_between(forms_.at(), line_end));
    while (!rest.empty() && Forms::is_space(rest.front())) rest.remove_prefix(1);
    while (!rest.empty() && Forms::is_space(rest.back())) rest.remove_suffix(1);
    if (!rest.empty()) note_error(event, rest);
    forms_.go_to(line_end);
    return finish(event, raw);
  }

  bool pass_log_prefix() {
    const std::string_view rest(forms_.at(),
                                text_.size() - size_between(text_.data(), forms_.at()));
    if (!rest.starts_with(log_prefix))
      return forms_.unexpected("\"" + std::string(log_prefix) + "\" and an event");
    forms_.go_to(forms_.at() + log_prefix.size());
    return forms_.space();
  }

  bool read_type(Raw& raw) {
    if (!forms_.space() || !forms_.word(raw.type, ":invoke, :ok, :fail or :info")) return false;
    const auto what = parse_event_type(raw.type);
    return static_cast<bool>(what) || forms_.fail(raw.type.data(), what.error().what);
  }

  /// :TYPE :F VALUE
  bool read_rest(ParsedEvent& event, Raw& raw) {
    if (!read_type(raw)) return false;
    if (!forms_.space() || !forms_.word(raw.f, "the f of the event")) return false;
    raw.has_type = raw.has_f = true;
    if (!forms_.space()) return false;
    const bool is_open = raw.type == "info" || raw.type == "fail";
    if (is_open && forms_.peek() == ':') {  // the error in the place of the value
      std::string_view word;
      if (!forms_.word(word, "a value")) return false;
      note_error(event, word);
      return true;
    }
    raw.value_at = forms_.at();
    return forms_.value(event.value);
  }

  static std::size_t size_between(const char* from, const char* to) {
    return static_cast<std::size_t>(to - from);
  }

  void note_error(ParsedEvent& event, std::string_view what) {
    if (what.size() > 1 && what[0] == ':' &&
        std::ranges::all_of(what, [](char c) { return Forms::is_token(c); }))
      what.remove_prefix(1);
    event.error = static_cast<ErrorId>(errors_.id(what));
  }

  bool take(EventField which, ParsedEvent& event, Raw& raw) {
    using enum EventField;
    switch (which) {
      case type:
        raw.has_type = true;
        return forms_.word(raw.type, "a type: invoke, ok, fail or info");
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

  bool is_nil_here() const {
    const std::string_view nil = is_json() ? "null" : "nil";
    return std::strncmp(forms_.at(), nil.data(), nil.size()) == 0 &&
           !Forms::is_token(forms_.at()[nil.size()]);
  }

  bool take_process(ParsedEvent& event, Raw& raw) {
    const char* const at = forms_.at();
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

  bool take_key(ValueHandle& into) {
    const char* const at = forms_.at();
    if (!forms_.value(into)) return false;
    return !into.is_compound() || forms_.fail(at, "expected the key as a text or a number");
  }

  bool take_index(std::uint64_t& into) {
    const char* const at = forms_.at();
    if (is_nil_here()) return forms_.skip();
    ValueHandle number;
    if (!forms_.value(number)) return false;
    if (!number.is_small_integer() || number.small_integer() < 0)
      return forms_.fail(at, "expected the index as an integer from 0");
    into = static_cast<std::uint64_t>(number.small_integer());
    return true;
  }

  bool take_time(std::int64_t& into) {
    const char* const at = forms_.at();
    ValueHandle number;
    if (!forms_.value(number)) return false;
    if (number.is_nil()) return true;
    double real = 0;
    if (number.kind() == Kind::real)
      real = std::get<double>(block_.pool.value(number).content);
    else if (number.kind() == Kind::integer || number.kind() == Kind::big_integer)
      into = block_.pool.as_integer(number);
    else
      return forms_.fail(at, "expected the time as nanoseconds");
    if (real > 0 && real < 9e18) into = static_cast<std::int64_t>(real);
    if (into < 0) into = no_time;  // it orders nothing; a negative one is as good as none
    return true;
  }

  bool take_node(NodeId& into) {
    const char* const at = forms_.at();
    if (is_nil_here()) return forms_.skip();
    std::string_view name;
    if (!forms_.word(name, "the node's name")) return false;
    const std::size_t id = nodes_.id(name);
    if (id >= no_node) return forms_.fail(at, "expected fewer than 65,535 nodes");
    into = static_cast<NodeId>(id);
    return true;
  }

  bool take_error(ParsedEvent& event) {
    const char* const at = forms_.at();
    if (is_nil_here()) return forms_.skip();
    if (*at == '"') {
      ValueHandle text;
      if (!forms_.value(text)) return false;
      note_error(event, block_.pool.as_text(text));
      return true;
    }
    if (!forms_.skip()) return false;
    note_error(event, {at, size_between(at, forms_.at())});
    return true;
  }

  std::string named(std::string_view field) const {
    return is_json() ? "\"" + std::string(field) + "\"" : ":" + std::string(field);
  }

  bool finish(ParsedEvent& event, Raw& raw) {
    event.line = offset(raw.begin);
    if (raw.is_client) {
      event.has_process = raw.has_process;
      if (!raw.has_type) return forms_.fail(raw.begin, "expected the field " + named("type"));
      const auto what = parse_event_type(raw.type);
      if (!what) return forms_.fail(raw.type.data(), what.error().what);
      event.type = *what;
      if (!take_function(event, raw)) return false;
      if (is_log_ && event.type == Type::fail && event.error == no_error)
        event.error = static_cast<ErrorId>(errors_.id("mismatch"));
    }
    block_.events.push_back(event);
    return true;
  }

  bool take_function(ParsedEvent& event, const Raw& raw) {
    constexpr auto txn = static_cast<std::uint8_t>(Function::txn);
    if (!raw.has_f) {
      const bool is_txn = is_micro_operations(block_.pool, event.value);
      if (event.type == Type::invoke && !is_txn)
        return forms_.fail(raw.begin, "expected the field " + named("f"));
      if (is_txn) event.function = txn;
    } else {
      const std::string_view name = raw.f == "get" ? "read" : raw.f == "put" ? "write" : raw.f;
      const auto function = parse_function(name);
      has_get_ |= raw.f == "get";
      has_append_ |= raw.f == "append";
      if (!function) return forms_.fail(raw.f.data(), function.error().what);
      event.function = static_cast<std::uint8_t>(*function);
      const bool is_plain = *function == Function::read || *function == Function::write;
      if (is_plain && begins_with_keyword(raw.value_at) &&
          is_micro_operations(block_.pool, event.value)) {
        event.function = txn;
        has_renamed_ = true;
      } else if (is_plain && has_renamed_ && event.type != Type::invoke) {
        event.function = ParsedEvent::no_function;  // an error: it does not repeat the value
      }
    }
    if (event.function == txn) event.value = with_short_names(block_.pool, event.value);
    return true;
  }

  const std::string_view text_;
  const bool is_log_;  ///< Rows behind what Jepsen's logger writes.
  Forms forms_;
  Merger merger_;
  Block block_;
  Names nodes_{block_.nodes}, errors_{block_.errors};
  std::size_t events_expected_ = 0;
  bool has_get_ = false, has_append_ = false;
  bool has_renamed_ = false;  ///< A read or write was taken for a transaction.
  std::optional<LoadError> merge_failure_;
};

std::optional<LoadError> load_forms(const Input& input, Forms::Dialect dialect, Loaded& into) {
  const auto text = input.source.whole();
  if (!text) return load_error(input.name, 0, 0, text.error().what);
  if (auto failed = Events(input, *text, dialect).read(into)) return failed;
  if (into.history.events() == 0)
    return load_error(input.name, 1, 1, "expected a history, found no event");
  return {};
}

/// The first character that is no white space behind the first `from` bytes, or '\0'.
char next_in(std::string_view text, std::size_t from) {
  while (from < text.size() && Forms::is_space(text[from])) ++from;
  return from < text.size() ? text[from] : '\0';
}

}  // namespace

bool sniff_edn(const Head& head) {
  const std::string_view text = head.text;
  if (text.empty()) return false;
  const char first = text[0], next = next_in(text, 1);
  if (first == ';' || first == '(') return true;
  if (first == '#') return text.size() > 1 && Forms::is_token(text[1]) && text[1] != '!';
  if (first == '{') return next == ':';
  const auto begins_row = [&](std::size_t from) {
    while (from < text.size() && Forms::is_space(text[from])) ++from;
    if (from < text.size() && text[from] == ':') return true;
    const std::size_t behind = text.find_first_not_of("0123456789", from);
    return behind != text.npos && behind > from && next_in(text, behind) == ':';
  };
  if (text.starts_with(log_prefix)) return true;
  if (first != '[') return begins_row(0);
  const std::size_t second = text.find(next, 1);
  if (next == '{') return next_in(text, second + 1) == ':';
  if (next == '[') return begins_row(second + 1);
  return next == ';' || next == '#' || begins_row(1);
}

std::optional<LoadError> load_edn(const Input& input, Loaded& into) {
  return load_forms(input, Forms::Dialect::edn, into);
}

bool sniff_json(const Head& head) {
  if (head.text.starts_with('[')) return true;
  const std::string_view line = head.first_line();
  return line.size() < head.text.size() && line.starts_with('{') &&
         line.find_first_not_of(" \t\r", 1) == line.npos;
}

std::optional<LoadError> load_json(const Input& input, Loaded& into) {
  return load_forms(input, Forms::Dialect::json, into);
}

}  // namespace faultline
