// The maps of EDN that nearly all events of Jepsen's histories are, at several times the speed of a
// general parser. Internal to this room.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "harness/io/bytes.h"
#include "harness/io/load_parse.h"

namespace faultline {

/// Takes a client's event on one line with the fields of Jepsen and nothing else: no sets, maps,
/// symbols, escapes, characters beyond ASCII or large numbers. All that is different, and all that
/// is wrong, is left to Forms and EventReader. What it takes means the same to both. Not
/// thread-safe.
class PlainEvent {
 public:
  /// What was found, but for what goes into `event` at once. A text is empty where there is none.
  struct Found {
    std::string_view f, error;  ///< Without the colon.
    const char* value_at = nullptr;
    bool has_process = false;
    bool is_short_txn = false;  ///< is_micro_operations, of which none has a long name.
  };

  /// Begins a text whose values go into `pool`; a '\0' and eight more readable bytes must follow
  /// it.
  void open(ValuePool& pool);

  /// The map whose brace is at `at`. Its end, or nullptr: it is none such, `event` and `found` are
  /// undefined, and nothing that is ever seen of the pool has changed. Every event that it takes
  /// has a type.
  const char* parse(const char* at, ParsedEvent& event, Found& found);

 private:
  bool take_fields(ParsedEvent& event, Found& found);
  bool take(EventField which, ParsedEvent& event, Found& found);
  bool take_type(ParsedEvent& event);
  bool take_keyword(std::string_view& into);
  bool take_natural(std::uint64_t& into);
  bool take_small_integer(ValueHandle& into);
  bool take_value(ValueHandle& into, int depth);
  bool take_list(ValueHandle& into, int depth);
  bool is_short_operation(std::size_t first) const;
  ValueHandle interned(std::string_view text);

  static constexpr int depth_max = 16;

  ValuePool* pool_ = nullptr;
  const char* at_ = nullptr;
  std::array<EventField, 16> order_{};  ///< Of the fields of the map before.
  /// What a short text stands for. No text that is taken holds a 0, so that eight bytes are enough.
  struct Known {
    std::uint64_t text = 0;
    ValueHandle handle{};
  };
  std::array<Known, 64> texts_{};            ///< A cache, by a cheap hash.
  std::array<ValueHandle, 2> long_names_{};  ///< read and write, once they have been seen.
  std::vector<ValueHandle> items_;           ///< A stack, as in Forms.
  bool are_short_operations_ = false;        ///< The lists within the outermost one so far.
};

}  // namespace faultline
