// What a Recorder writes, read while it writes it: each line once, as soon as it is whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "harness/core/online.h"
#include "harness/core/result.h"

namespace faultline {

/// Follows one history.jsonl of ours, from its beginning. Not thread-safe. It holds a mebibyte of
/// the file at a time, or its longest line, and nothing of what was read before.
class HistoryTail {
 public:
  using Visit = std::function<void(const ValuePool& pool, const OnlineEvent& event)>;

  explicit HistoryTail(std::filesystem::path path);
  ~HistoryTail();
  HistoryTail(const HistoryTail&) = delete;
  HistoryTail& operator=(const HistoryTail&) = delete;

  /// Calls `visit` for the next events, in their order; the pool is good during the call alone. The
  /// number of bytes that it took: 0 if there is nothing new, be it that there is no file yet.
  /// After an error it must not be called again.
  Result<std::uint64_t> read(const Visit& visit);

 private:
  struct Blocks;

  Status fill();
  Status parse(std::size_t size, const Visit& visit);

  const std::filesystem::path path_;
  int fd_ = -1;
  std::uint64_t offset_ = 0;  ///< Of the file, behind `buffer_`.
  std::string buffer_;        ///< What was read of it, and not visited yet.
  std::unique_ptr<Blocks> blocks_;
};

}  // namespace faultline
