#include "harness/io/edn_events.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "harness/io/micro_operations.h"

namespace faultline {
namespace {

using Type = ParsedEvent::Type;
using Kind = ValueHandle::Kind;

/// A word as it stands in a text, for comparison in one step.
struct PackedWord {
  std::string_view text;
  std::uint64_t name, mask;

  constexpr explicit PackedWord(std::string_view word)
      : text(word), name(packed(word)), mask(mask_of(word.size())) {}
  /// EDN's, behind a colon at `at`.
  bool is_keyword_at(const char* at) const {
    return *at == ':' && (load_eight(at + 1) & mask) == name &&
           !Forms::is_token(at[1 + text.size()]);
  }
  /// Between the quotes that begin at `at`. No escape spells a whole word.
  bool is_quoted_at(const char* at) const {
    return *at == '"' && (load_eight(at + 1) & mask) == name && at[1 + text.size()] == '"';
  }
};

constexpr auto edn_field_names =
    std::to_array<PackedWord>({PackedWord("index"), PackedWord("type"), PackedWord("process"),
                               PackedWord("f"), PackedWord("key"), PackedWord("value"),
                               PackedWord("time"), PackedWord("node"), PackedWord("error")});

EventField edn_field_of(std::string_view name) {
  for (unsigned i = 0; i < edn_field_names.size(); ++i)
    if (name == edn_field_names[i].text) return static_cast<EventField>(i);
  return EventField::other;
}

constexpr std::string_view row_shape = "an event: a map, or PROCESS :TYPE :F VALUE";

std::size_t size_between(const char* from, const char* to) {
  return static_cast<std::size_t>(to - from);
}

}  // namespace

void EventReader::read(std::string_view text, bool is_end, EventsPiece& piece) {
  text_ = text;
  is_end_ = is_end;
  has_met_end_ = false;
  piece_ = &piece;
  piece.block.clear();
  piece.block.begin = piece.begin;
  piece.block.events.reserve(events_expected_);
  piece.is_whole = piece.has_get = piece.has_append = false;
  piece.first = '\0';
  nodes_ = Names(piece.block.nodes);
  errors_ = Names(piece.block.errors);
  forms_.open(text, piece.block.pool);
  plain_.open(piece.block.pool);
  state_ = piece.before;
  certain_up_to_here();
  piece.is_whole = read_all();
  events_expected_ = std::max(events_expected_, piece.block.events.size() + 64);
  if (piece.is_whole) return;
  if (is_end || (!has_met_end_ && forms_.has_failed() && forms_.is_failure_within_lines())) {
    piece.block.problem = Problem{offset(forms_.failed_at()), 1, forms_.expected()};
    return;
  }
  // Of an event that may go on behind the piece: a name may be the half of one.
  piece.block.nodes.resize(nodes_certain_);
  piece.block.errors.resize(errors_certain_);
}

void EventReader::certain_up_to_here() {
  piece_->certain = offset(forms_.at());
  piece_->after = state_;
  nodes_certain_ = piece_->block.nodes.size();
  errors_certain_ = piece_->block.errors.size();
}

bool EventReader::read_all() {
  for (;;) {
    if (!forms_.space()) return false;
    const char c = forms_.peek();
    if (forms_.at_end()) {
      if (state_.closing == '\0' || !is_end_) return true;
      return forms_.unexpected(std::string("an event, or the ") + state_.closing +
                               " that ends them");
    }
    if (state_.closing != '\0' && c == state_.closing) {
      forms_.go_to(forms_.at() + 1);
      state_.closing = '\0';
      certain_up_to_here();
      continue;
    }
    if (!is_json() && (c == '#' || c == '^')) {
      if (!forms_.tag()) return false;
      continue;
    }
    const bool is_sequence = c == '[' || (c == '(' && !is_json());
    if (is_sequence && state_.closing == '\0' && !begins_row()) {
      if (has_met_end_) return false;
      forms_.go_to(forms_.at() + 1);
      state_.closing = c == '[' ? ']' : ')';
      certain_up_to_here();
      continue;
    }
    if (piece_->first == '\0') piece_->first = c;
    if (!read_event(c, state_.closing != '\0')) return false;
    certain_up_to_here();
  }
}

/// Whether the sequence that begins here is an event, and not the collection of events.
bool EventReader::begins_row() {
  const char* at = forms_.at() + 1;
  while (Forms::is_space(*at)) ++at;
  has_met_end_ |= at == text_end() && !is_end_;
  return !is_json() && (Forms::is_digit(*at) || *at == ':');
}

bool EventReader::read_event(char first, bool is_in_collection) {
  if (first == '{') {
    if (!is_json()) {
      ParsedEvent event;
      PlainEvent::Found found;
      if (const char* const end = plain_.parse(forms_.at(), event, found))
        return read_plain_map(end, event, found);
    }
    return read_map();
  }
  if (is_json()) return forms_.unexpected("an event: an object");
  if ((first == '[' || first == '(') && begins_row()) return read_vector();
  const bool begins_line = Forms::is_digit(first) || first == ':' || is_log_;
  return begins_line && !is_in_collection ? read_row() : forms_.unexpected(row_shape);
}

/// What the short cut took, up to `end`.
bool EventReader::read_plain_map(const char* end, ParsedEvent& event,
                                 const PlainEvent::Found& found) {
  const Raw raw{.begin = forms_.at(),
                .f = found.f,
                .value_at = found.value_at,
                .has_type = true,
                .has_f = !found.f.empty(),
                .has_process = found.has_process,
                .is_short_txn = found.is_short_txn,
                .known_type = event.type};
  if (!found.error.empty()) note_error(event, found.error);
  forms_.go_to(end);
  return finish(event, raw);
}

bool EventReader::read_map() {
  ParsedEvent event;
  Raw raw{.begin = forms_.at()};
  unsigned seen = 0;
  forms_.go_to(raw.begin + 1);
  for (std::size_t position = 0;; ++position) {
    if (!forms_.space()) return false;
    if (forms_.peek() == '}') break;
    if (forms_.at_end())
      return forms_.fail(raw.begin, "expected an event that ends, found the end of the file");
    const char* const at = forms_.at();
    std::string_view name;
    EventField which{};
    if (!read_field(position, which, name)) return false;
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

/// A field's name, which mostly is the one that stood in the same place in the map before.
bool EventReader::read_field(std::size_t position, EventField& which, std::string_view& name) {
  const char* const at = forms_.at();
  EventField& expected = order_[position % order_.size()];
  if (expected != EventField::other) {
    const PackedWord& word = edn_field_names[static_cast<unsigned>(expected)];
    which = expected;
    name = {at + 1, word.text.size()};
    if (!is_json() && word.is_keyword_at(at)) {
      forms_.go_to(at + 1 + name.size());
      return true;
    }
    if (is_json() && word.is_quoted_at(at)) {
      forms_.go_to(at + 2 + name.size());
      return forms_.colon();
    }
    name = {};
  }
  if (!forms_.key(name)) {
    if (forms_.has_failed()) return false;
    if (is_json()) return forms_.unexpected("a field's name in quotes");
    if (!forms_.skip()) return false;  // 7, "x" or (f): no field of ours
  }
  which = expected = edn_field_of(name);
  return true;
}

/// [PROCESS :TYPE :F VALUE], with errors behind it.
bool EventReader::read_vector() {
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
bool EventReader::read_row() {
  ParsedEvent event;
  Raw raw{.begin = forms_.at()};
  const char* const line_end = std::find(raw.begin, text_end(), '\n');
  if (line_end == text_end() && !is_end_) {
    has_met_end_ = true;
    return false;
  }
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

bool EventReader::pass_log_prefix() {
  const std::string_view rest(forms_.at(), size_between(forms_.at(), text_end()));
  if (!rest.starts_with(log_prefix))
    return forms_.unexpected("\"" + std::string(log_prefix) + "\" and an event");
  forms_.go_to(forms_.at() + log_prefix.size());
  return forms_.space();
}

bool EventReader::read_type(Raw& raw) {
  if (!forms_.space() || !forms_.word(raw.type, ":invoke, :ok, :fail or :info")) return false;
  const auto what = parse_event_type(raw.type);
  return static_cast<bool>(what) || forms_.fail(raw.type.data(), what.error().what);
}

/// :TYPE :F VALUE
bool EventReader::read_rest(ParsedEvent& event, Raw& raw) {
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

void EventReader::note_error(ParsedEvent& event, std::string_view what) {
  if (what.size() > 1 && what[0] == ':' &&
      std::ranges::all_of(what, [](char c) { return Forms::is_token(c); }))
    what.remove_prefix(1);
  event.error = static_cast<ErrorId>(errors_.id(what));
}

}  // namespace faultline
