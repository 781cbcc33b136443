// Where the bytes of a history come from: a file, read in pieces, or memory. Internal to this room.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "harness/core/result.h"

namespace faultline {

/// Reading is thread-safe. A file is read with pread(2), not mapped: one that shrinks meanwhile is
/// an error, not a SIGBUS, and what was read does not stay in memory.
class Source {
 public:
  /// Pipes and other things that cannot be read twice are read whole into memory. "-" is the
  /// standard input.
  static Result<Source> open(const std::filesystem::path& path);
  /// `text` must outlive it.
  static Source of(std::string_view text);
  static Source of(std::string&& text);
  ~Source();
  Source(Source&& other) noexcept;
  Source& operator=(Source&&) = delete;

  std::uint64_t size() const { return size_; }
  /// Exactly bytes [offset, offset + size), which must be within size().
  Status read(std::uint64_t offset, char* to, std::size_t size) const;
  /// All bytes, and a '\0' behind them, as long as this object lives. Not thread-safe.
  Result<std::string_view> whole();

 private:
  Source() = default;
  int fd_ = -1;  ///< -1: in memory.
  std::string name_;
  std::string owned_;
  std::string_view text_;
  std::uint64_t size_ = 0;
  std::unique_ptr<char[]> copy_;  ///< What whole() answers.
};

}  // namespace faultline
