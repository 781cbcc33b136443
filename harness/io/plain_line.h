// The lines of JSON that nearly all histories are made of, at several times the speed of a general
// parser. Internal to this room.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "harness/io/bytes.h"
#include "harness/io/event_words.h"
#include "harness/io/load_parse.h"

namespace faultline {

/// Takes an event of a client with the fields of ours and nothing else, without escapes, beyond
/// ASCII or large numbers; all that is different, and all that is wrong, is left to LineParser.
/// What it takes means the same to both. Not thread-safe; one for each block.
class PlainLine {
 public:
  PlainLine(Block& block, Names& nodes, Names& errors)
      : block_(block), nodes_(nodes), errors_(errors) {}

  /// The line that `lines` begin with; a '\0' and eight more readable bytes must follow them. Its
  /// end, or nullptr: it is no such line, `event` is undefined, and nothing that is ever seen of
  /// the block has changed.
  const char* parse(std::string_view lines, ParsedEvent& event);

 private:
  struct Words {
    std::string_view node, error;
  };

  bool take_fields(ParsedEvent& event, Words& words, unsigned& seen);
  bool take(EventField which, ParsedEvent& event, Words& words);
  bool take_word(std::string_view& into);
  bool take_type(ParsedEvent& event);
  bool take_function(ParsedEvent& event);
  bool take_natural(std::uint64_t& into);
  bool take_value(ValueHandle& into, int depth);
  bool take_list(ValueHandle& into, int depth);
  bool take_literal(std::string_view word);
  void pass_blanks() {
    while (*at_ == ' ') ++at_;
  }
  ValueHandle interned(std::string_view text);
  std::size_t id_of_node(std::string_view name);

  static constexpr int depth_max = 16;

  Block& block_;
  Names &nodes_, &errors_;
  const char* at_ = nullptr;
  std::array<EventField, 16> order_{};  ///< Of the fields of the line before.
  /// What a short text stands for. No text that is taken holds a 0, so that eight bytes are enough.
  template <typename Meaning>
  struct Known {
    std::uint64_t text = 0;
    Meaning meaning{};
  };
  // Caches, by a cheap hash.
  std::array<Known<ValueHandle>, 64> texts_{};
  std::array<Known<std::uint8_t>, 16> functions_{};
  std::array<Known<std::size_t>, 16> known_nodes_{};
  std::vector<ValueHandle> items_;  ///< A stack, as in LineParser.
};

}  // namespace faultline
