// From bytes to events, a block of lines at a time: the part of loading that threads share out.
// Internal to this room.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "harness/core/history.h"
#include "harness/io/load_source.h"

namespace faultline {

inline constexpr std::uint64_t line_bytes_max = 256u << 20;

/// What an event is made of, in the order in which the parsers spell their names.
enum class EventField : unsigned { index, type, process, f, key, value, time, node, error, other };
constexpr unsigned bit_of(EventField field) { return 1u << static_cast<unsigned>(field); }

/// An event of the file as it stands. Handles and ids are the block's own.
struct ParsedEvent {
  enum class Type : std::uint8_t { invoke, ok, fail, info, skipped };
  static constexpr std::uint64_t no_index = ~std::uint64_t{0};
  static constexpr std::uint8_t no_function = 0xff;
  static constexpr std::uint32_t lists_anywhere = 0xffffffff;

  std::uint64_t index = no_index;
  std::int64_t time = no_time;
  ValueHandle value{};
  ValueHandle key{};  ///< nil: none.
  std::uint32_t process = 0;
  ErrorId error = no_error;
  /// The first word of the pool's lists that belongs to `value`, if they are as
  /// ValuePool::import_lists wants them.
  std::uint32_t lists_from = lists_anywhere;
  std::uint32_t line = 0;  ///< Counted from 0 within the block; or Block::begin's bytes.
  NodeId node = no_node;
  Type type = Type::skipped;  ///< `skipped`: none of a client's.
  std::uint8_t function = no_function;
  bool has_process = true;  ///< False: the file does not say whose it is.
  bool has_key = false;     ///< The field is there, be it null.
};

struct Problem {
  std::uint32_t line = 0;  ///< As in ParsedEvent.
  std::uint32_t column = 1;
  std::string expected;
};

struct Block {
  /// Where it is in the file, of a format in which "lines" are bytes, counted from here.
  std::uint64_t begin = 0;
  std::vector<ParsedEvent> events;
  ValuePool pool;
  std::vector<std::string> nodes, errors;
  std::uint32_t lines = 0;
  std::optional<Problem> problem;  ///< What follows `events`.
  std::optional<Error> failure;    ///< The file could not be read.
  std::uint64_t torn_bytes = 0;    ///< Of a last line that is no whole JSON and has no newline.

  /// Empties it, keeping its memory.
  void clear();
};

/// Parses all lines that begin in bytes [n * block_bytes, (n + 1) * block_bytes). Not thread-safe:
/// one per thread, used again, since it keeps its buffers.
class BlockParser {
 public:
  BlockParser(const Source& source, std::uint64_t block_bytes);
  ~BlockParser();
  BlockParser(const BlockParser&) = delete;
  BlockParser& operator=(const BlockParser&) = delete;

  void parse(std::uint64_t n, Block& into);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace faultline
