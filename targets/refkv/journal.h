// A node's memory across crashes: an append-only file of records, each a line
// "CRC32 JSON\n". A record counts once the file has been synchronised; many records share one
// fdatasync (group commit). A torn last line, which an interrupted write may leave, is cut off when
// the file is opened; damage anywhere else is an error, never repaired in silence.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace refkv {

/// One line, newline included. `text` holds no newline (JSON without indentation has none).
std::string frame_record(std::string_view text);

/// Calls `each` for every whole record, in order; returns the length of the good prefix in bytes.
/// Throws std::runtime_error for damage that is no torn tail.
std::uint64_t replay_records(std::string_view content,
                             const std::function<void(std::string_view)>& each);

class Journal {
 public:
  using Done = std::function<void()>;
  /// Runs a batch of callbacks on the owner's thread.
  using Post = std::function<void(std::vector<Done>)>;

  /// Opens (or creates) `file`, replays it through `each` and cuts a torn tail. With
  /// `acknowledge_unwritten` (the bug ack-before-write) callbacks run at once, and what was
  /// appended reaches the file only every `flush_interval`. Throws std::runtime_error.
  Journal(const std::filesystem::path& file, const std::function<void(std::string_view)>& each,
          Post post, bool acknowledge_unwritten);
  /// Writes what is left; callbacks that did not run yet never will.
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  /// `done` runs (through Post) once the record is on the disk, after those of earlier records.
  /// With an empty record it is a barrier: it runs when everything appended before is on the disk.
  void append(std::string_view record, Done done);

  /// A failure to write ends the process: what was promised can no longer be kept.
  bool full() const { return bytes_ > bytes_max; }

  static constexpr std::chrono::milliseconds flush_interval{500};
  static constexpr std::uint64_t bytes_max = 1ull << 30;

 private:
  void run();
  void write_out(std::string_view data);

  int fd_ = -1;
  Post post_;
  const bool acknowledge_unwritten_;
  std::uint64_t bytes_ = 0;  ///< Of the owner's thread.

  std::mutex mutex_;
  std::condition_variable wake_;
  std::string buffer_;
  std::vector<Done> waiting_;
  bool stop_ = false;
  std::thread writer_;
};

}  // namespace refkv
