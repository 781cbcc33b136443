// From parsed blocks, in the order of the file, to one history. Internal to this room.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/io/load.h"
#include "harness/io/load_parse.h"

namespace faultline {

inline LoadError load_error(std::string file, std::uint64_t line, std::uint32_t column,
                            std::string expected) {
  LoadError error;
  error.where.file = std::move(file);
  error.where.line = static_cast<std::uint32_t>(line);
  error.where.column = column;
  error.expected = std::move(expected);
  return error;
}

/// Line and column of a byte of a text, both from 1.
LoadError load_error_at(std::string file, std::string_view text, std::uint64_t byte,
                        std::string expected);
/// The same of a file, which is read for it.
LoadError load_error_at(std::string file, const Source& source, std::uint64_t byte,
                        std::string expected);

/// How to find out whether keys are in tuples, which only the whole file says: hold all of it until
/// then, or guess it from the first that looks so, and load again if there is any error.
enum class Tuples : std::uint8_t { guess, wait };

/// Pairs events that do not say whose they are: a completion with the one open invocation of its f,
/// or, of several, with the one whose argument fits. Each gets a process of its own, so that
/// nothing follows from their order but what real time says.
class Anonymous {
 public:
  /// The process for an invocation; an error if too many are open.
  Result<std::uint32_t> invoke(std::uint8_t function, ValueHandle argument);
  /// The process of the operation that is completed, or why that cannot be told.
  Result<std::uint32_t> complete(const ParsedEvent& event, ValueHandle value,
                                 const ValuePool& pool);

 private:
  struct Open {
    std::uint32_t process;
    std::uint8_t function;
    ValueHandle argument;
  };
  std::vector<Open> open_;
  std::uint32_t next_ = 0;
  static constexpr std::size_t open_max = 10'000;  ///< Each completion looks at all of them.
};

/// Not thread-safe. After add() or finish() returned an error it must not be used again; and if
/// has_guessed_tuples() then, the error may be the guess's.
class Merger {
 public:
  /// `source`: of a format in which places are bytes, not lines; see Block::begin.
  Merger(std::string name, std::uint64_t file_bytes, const LoadOptions& options, Tuples tuples,
         const Source* source = nullptr)
      : name_(std::move(name)),
        file_bytes_(file_bytes),
        block_bytes_(options.block_bytes),
        nil_reads_unknown_(options.nil_reads_unknown),
        tuples_(tuples),
        source_(source) {}

  /// May take what the block holds.
  std::optional<LoadError> add(Block& block);
  std::optional<LoadError> finish();

  bool has_guessed_tuples() const { return has_guessed_tuples_; }
  History history() { return builder_.finish(); }
  std::vector<std::string> take_warnings() { return std::move(warnings_); }

 private:
  enum class Keys : std::uint8_t { undecided, in_field, in_tuple };
  struct Translation;
  struct Split;

  bool inspect(const Block& block);
  std::optional<LoadError> merge(const Block& block);
  std::optional<LoadError> merge_held();
  std::optional<LoadError> merge_event(const ParsedEvent& event, Translation& translation);
  std::optional<LoadError> merge_index(const ParsedEvent& event);
  std::optional<LoadError> name_process(ParsedEvent& event, const Split& split,
                                        Translation& translation);
  Status append_invoke(const ParsedEvent& event, const Split& split, Translation& translation);
  Status append_complete(const ParsedEvent& event, const Split& split, Translation& translation);
  LoadError error(std::uint32_t line, std::uint32_t column, std::string expected) const;

  const std::string name_;
  const std::uint64_t file_bytes_, block_bytes_;
  const bool nil_reads_unknown_;
  const Tuples tuples_;
  const Source* const source_;
  HistoryBuilder builder_;
  std::vector<std::string> warnings_;

  std::vector<Block> held_;  ///< Blocks that wait for the decision where keys are.
  Keys keys_ = Keys::undecided;
  bool has_tuple_evidence_ = false, has_guessed_tuples_ = false;

  std::uint64_t lines_ = 0;  ///< Of the blocks merged so far.
  std::uint64_t block_begin_ = 0;
  Anonymous anonymous_;
  enum class Processes : std::uint8_t { unknown, named, anonymous } processes_ = Processes::unknown;
  bool is_ours_ = false, has_indexes_ = false, keeps_indexes_ = false;
  std::uint64_t last_index_ = 0;
};

}  // namespace faultline
