// Events in EDN, or in JSON as a dialect of it, from a piece of a file: see edn.cc for what they
// look like. Internal to this room.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "harness/io/bytes.h"
#include "harness/io/event_words.h"
#include "harness/io/forms.h"
#include "harness/io/load_parse.h"
#include "harness/io/plain_event.h"

namespace faultline {

/// What stands in front of every event of Jepsen's etcd test.
inline constexpr std::string_view log_prefix = "INFO  jepsen.util - ";

/// What of the events before bears on those to come.
struct EventsState {
  char closing = '\0';       ///< Of the collection that holds the events, or none.
  bool has_renamed = false;  ///< A read or write was taken for a transaction.
  friend bool operator==(const EventsState&, const EventsState&) = default;
};

/// A piece of a file, and its events.
struct EventsPiece {
  std::uint64_t begin = 0;  ///< In the file.
  EventsState before, after;
  Block block;
  /// How much of the piece is certain, whatever follows it: up to behind an event or the bracket of
  /// the collection. `after` and `block` are of this much.
  std::uint64_t certain = 0;
  /// The piece ends between two events, if it does not end within a token or a comment.
  bool is_whole = false;
  char first = '\0';  ///< What its first event begins with.
  bool has_get = false, has_append = false;
};

/// Not thread-safe.
class EventReader {
 public:
  EventReader(Forms::Dialect dialect, bool is_log) : is_log_(is_log), forms_(dialect) {}

  /// Reads `text`, which begins between two events, at `piece.begin` and in the state
  /// `piece.before`; a '\0' and eight more readable bytes must follow it. If it `is_end`, nothing
  /// follows it in the file; else it may be cut off anywhere, and what seems wrong only since more
  /// follows is no problem. The piece's memory is used again.
  void read(std::string_view text, bool is_end, EventsPiece& piece);

 private:
  /// Fields that mean something only once the whole event is known.
  struct Raw {
    const char* begin;
    std::string_view type{}, f{};
    const char* value_at = nullptr;
    bool has_type = false, has_f = false, is_client = true, has_process = false;
    bool is_short_txn = false;  ///< As in PlainEvent::Found; false: find out.
    ParsedEvent::Type known_type = ParsedEvent::Type::skipped;  ///< Otherwise it is `type`.
  };
  /// What an f means, by its name.
  struct KnownF {
    std::uint64_t name = 0;
    std::size_t size = 0;  ///< 0: none is known.
    std::uint8_t function = 0;
    bool is_get = false, is_append = false;
  };

  bool is_json() const { return forms_.dialect() == Forms::Dialect::json; }
  std::uint32_t offset(const char* at) const {
    return static_cast<std::uint32_t>(at - text_.data());
  }
  const char* text_end() const { return text_.data() + text_.size(); }
  Block& block() { return piece_->block; }

  bool read_all();
  bool begins_row();
  bool read_event(char first, bool is_in_collection);
  void certain_up_to_here();
  bool read_map();
  bool read_plain_map(const char* end, ParsedEvent& event, const PlainEvent::Found& found);
  bool read_field(std::size_t position, EventField& which, std::string_view& name);
  bool read_vector();
  bool read_row();
  bool pass_log_prefix();
  bool read_type(Raw& raw);
  bool read_rest(ParsedEvent& event, Raw& raw);
  void note_error(ParsedEvent& event, std::string_view what);

  bool take(EventField which, ParsedEvent& event, Raw& raw);
  bool take_type(Raw& raw);
  bool is_nil_here() const;
  bool take_natural(std::uint64_t& into);
  bool take_process(ParsedEvent& event, Raw& raw);
  bool take_key(ValueHandle& into);
  bool take_index(std::uint64_t& into);
  bool take_time(std::int64_t& into);
  bool take_node(NodeId& into);
  bool take_error(ParsedEvent& event);

  std::string named(std::string_view field) const;
  bool finish(ParsedEvent& event, const Raw& raw);
  bool take_function(ParsedEvent& event, const Raw& raw);
  bool function_of(std::string_view name, std::uint8_t& into);

  const bool is_log_;  ///< Rows behind what Jepsen's logger writes.
  Forms forms_;
  PlainEvent plain_;
  std::string_view text_;
  bool is_end_ = true;
  bool has_met_end_ = false;  ///< Something looked ahead, and found the end of a text that goes on.
  EventsPiece* piece_ = nullptr;
  EventsState state_;
  std::size_t nodes_certain_ = 0, errors_certain_ = 0;
  std::vector<std::string> none_;
  Names nodes_{none_}, errors_{none_};
  std::size_t events_expected_ = 0;
  std::array<EventField, 16> order_{};  ///< Of the fields of the map before.
  std::array<KnownF, 16> functions_{};  ///< A cache.
};

}  // namespace faultline
