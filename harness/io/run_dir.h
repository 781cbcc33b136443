// A run's directory: runs/NAME/2026-11-21T10-15-00Z-s42/ and the link runs/NAME/latest. See
// ARCHITECTURE.md §4 (docs/runs.md) for what is in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/core/result.h"
#include "harness/core/value.h"

namespace faultline {

/// Writes a small file whole: written without a name, synced, then named. Never half a file under
/// its own name, and on an error whatever was there before. A kill between two system calls at its
/// end may leave a file beside it that is_half_written() knows.
Status write_whole(const std::filesystem::path& path, std::string_view content);

class RunDir {
 public:
  /// Creates `runs/NAME/TIME-sSEED` (a suffix -2, -3… if that exists) and points `latest` at it, in
  /// one step each, so that several controllers may do so at once. It stays locked until the last
  /// copy of the result is gone or the process is, however that ended: see lock().
  static Result<RunDir> create(const std::filesystem::path& runs, const std::string& name,
                               std::uint64_t seed);
  /// An existing one.
  static Result<RunDir> open(const std::filesystem::path& path);

  /// Whether a controller is at work in a run's directory.
  enum class Lock {
    taken,       ///< None is, and none can begin as long as `run` lives.
    running,     ///< One is.
    impossible,  ///< This file system has no locks (or we may not read): nobody can tell.
  };
  /// Asks the kernel, by a lock on the directory itself, so that there is no file that a killed
  /// controller could leave behind, and no process number that could be somebody else's by now.
  Lock lock();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path file(std::string_view name) const { return path_ / name; }

  /// write_whole() of a file in it.
  Status write(std::string_view name, std::string_view content) const {
    return write_whole(file(name), content);
  }

 private:
  explicit RunDir(std::filesystem::path path) : path_(std::move(path)) {}
  std::filesystem::path path_;
  std::shared_ptr<const int> lock_;  ///< A descriptor; closed with the last copy.
};

/// Whether this is what RunDir calls a file (or the link `latest`) that has not got its name yet.
bool is_half_written(std::string_view file_name);
/// Whether RunDir::create() would call a run's directory so: "2026-11-21T10-15-00Z-s42".
bool is_run_name(std::string_view file_name);
/// Run directories at `root` (which may be one) and below, not inside other runs' nodes/; a
/// campaign's directory is one and has others below it. Follows no links.
std::vector<std::filesystem::path> find_runs(const std::filesystem::path& root);

/// Appends lines to a file (faults.jsonl, nodes.jsonl), each written with one write(2) so that a
/// killed controller leaves whole lines. The file is locked until it is closed. Not thread-safe.
class JsonLines {
 public:
  /// The file must not exist.
  static Result<JsonLines> create(const std::filesystem::path& path);
  /// To go on with a file that a killed writer left; it is made if there is none. A torn last line
  /// is cut off. An error of kind usage if somebody else still has it open like this.
  static Result<JsonLines> reopen(const std::filesystem::path& path);
  JsonLines(JsonLines&& other) noexcept;
  JsonLines& operator=(JsonLines&& other) noexcept;
  ~JsonLines();
  Status append(const Value& line);
  /// Has what was appended survive the machine as well.
  Status sync();

 private:
  JsonLines(int fd, std::filesystem::path path) : fd_(fd), path_(std::move(path)) {}
  int fd_ = -1;
  std::filesystem::path path_;  ///< For messages.
};

/// A small file whole.
Result<std::string> read_file(const std::filesystem::path& path);

/// The lines of a JSON-lines file as values; a torn last line (it has no newline and is no JSON) is
/// left out. An error names FILE:LINE.
Result<std::vector<Value>> read_json_lines(const std::filesystem::path& path);

}  // namespace faultline
