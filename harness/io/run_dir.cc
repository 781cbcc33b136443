#include "harness/io/run_dir.h"

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <ctime>
#include <fstream>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/io/files.h"
#include "harness/io/json.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view temporary_infix = ".tmp-";
constexpr int folders_depth_max = 8;  ///< Of folders below the one in which runs are looked for.
constexpr auto lock_limit = std::chrono::seconds(2);

/// A name of its own in `directory`, for what is renamed to `name`.
fs::path temporary_in(const fs::path& directory, std::string_view name) {
  static std::atomic<unsigned> counter{0};
  return directory / ("." + std::string(name) + std::string(temporary_infix) +
                      std::to_string(::getpid()) + "-" + std::to_string(counter++));
}

/// Removes digits from the front; false if there are none, or not `count` of them.
bool take_digits(std::string_view& text, std::size_t count = 0) {
  const std::size_t found = std::min(text.find_first_not_of("0123456789"), text.size());
  text.remove_prefix(found);
  return count == 0 ? found > 0 : found == count;
}
bool take(std::string_view& text, std::string_view prefix) {
  if (!text.starts_with(prefix)) return false;
  text.remove_prefix(prefix.size());
  return true;
}

std::string time_name(std::time_t now) {
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[40];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H-%M-%SZ", &utc);
  return text;
}

/// Points the link at `run` in one step: a reader finds the old run or the new one, never none.
/// Made inside the run, whose lock says whether its maker still lives.
Status replace_latest(const fs::path& run) {
  const fs::path latest = run.parent_path() / "latest";
  const fs::path temporary = temporary_in(run, "latest");
  if (::symlink(run.filename().c_str(), temporary.c_str()) != 0)
    return system_error("create the link", temporary);
  if (::rename(temporary.c_str(), latest.c_str()) != 0) {
    const Error error = system_error("replace the link", latest);
    ::unlink(temporary.c_str());
    return error;
  }
  return Ok{};
}

Status lock(int fd, const fs::path& path) {
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return Ok{};
  if (errno != EWOULDBLOCK) return system_error("lock", path);
  return Error{path.string() + ": another process is writing it", ErrorKind::usage};
}

/// A name becomes a folder below `runs`, and must stay there.
Status check_name(const std::string& name) {
  bool good = !name.empty() && name.size() <= 200 && name.front() != '/' &&
              name.find('\0') == std::string::npos;
  for (const fs::path& part : fs::path(name))
    good = good && part != ".." && part != "." && !part.empty();
  if (good) return Ok{};
  return Error{"run name \"" + name + "\": expected a plain file name", ErrorKind::usage};
}

/// A descriptor that is closed with the last copy.
std::shared_ptr<const int> owned(int fd) {
  return {new int(fd), [](const int* each) {
            ::close(*each);
            delete each;
          }};
}

Status replace(const fs::path& temporary, const fs::path& path) {
  if (::rename(temporary.c_str(), path.c_str()) == 0) return Ok{};
  const Error error = system_error("rename to", path);
  ::unlink(temporary.c_str());
  return error;
}

/// Writes a file that has no name yet, and gives it one when it is whole. Nothing where the file
/// system knows no such files, or there is no /proc to name them by.
std::optional<Status> write_unnamed(const fs::path& path, std::string_view content) {
  const int fd = ::open(path.parent_path().c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0666);
  if (fd < 0) return std::nullopt;
  const std::shared_ptr<const int> closed = owned(fd);
  if (Status done = write_all(fd, content, path); !done) return done;
  if (::fsync(fd) != 0) return system_error("sync", path);
  const std::string file = "/proc/self/fd/" + std::to_string(fd);
  const auto link_to = [&](const fs::path& name) {
    return ::linkat(AT_FDCWD, file.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0;
  };
  if (link_to(path)) return Ok{};
  if (errno != EEXIST) return std::nullopt;
  const fs::path temporary = temporary_in(path.parent_path(), path.filename().string());
  if (!link_to(temporary)) return system_error("create", path);
  return replace(temporary, path);
}

Status write_named(const fs::path& path, std::string_view content) {
  const fs::path temporary = temporary_in(path.parent_path(), path.filename().string());
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) return system_error("create", path);
  Status done = write_all(fd, content, path);
  if (done && ::fsync(fd) != 0) done = system_error("sync", path);
  if (::close(fd) != 0 && done) done = system_error("close", path);
  if (done) return replace(temporary, path);
  ::unlink(temporary.c_str());
  return done;
}

void find_runs_below(const fs::path& directory, int depth, std::vector<fs::path>& runs) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(directory, ignored)) {
    if (entry.is_symlink(ignored) || !entry.is_directory(ignored)) continue;
    const bool is_run = is_run_name(entry.path().filename().string());
    if (is_run) runs.push_back(entry.path());
    // What a store keeps in its folder is no business of ours.
    const bool is_a_runs_own =
        is_run_name(directory.filename().string()) &&
        (entry.path().filename() == "nodes" || entry.path().filename() == "clients");
    if (depth < folders_depth_max && !is_a_runs_own) find_runs_below(entry.path(), depth + 1, runs);
  }
}

}  // namespace

Error system_error(const std::string& doing, const fs::path& path) {
  return {doing + " " + path.string() + ": " + std::strerror(errno)};
}

Status write_all(int fd, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("write", path);
    bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  return Ok{};
}

Result<RunDir> RunDir::create(const fs::path& runs, const std::string& name, std::uint64_t seed) {
  if (const Status good = check_name(name); !good) return good.error();
  const fs::path parent = runs / name;
  std::error_code failed;
  fs::create_directories(parent, failed);
  if (failed) return Error{"create " + parent.string() + ": " + failed.message()};

  const std::string base = time_name(std::time(nullptr)) + "-s" + std::to_string(seed);
  for (int attempt = 1;; ++attempt) {
    const fs::path path = parent / (attempt == 1 ? base : base + "-" + std::to_string(attempt));
    if (::mkdir(path.c_str(), 0777) == 0) {
      RunDir made(path);
      // Somebody may be looking just now whether a controller is at work here.
      const auto deadline = std::chrono::steady_clock::now() + lock_limit;
      while (made.lock() == Lock::running && std::chrono::steady_clock::now() < deadline)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      if (const Status linked = replace_latest(path); !linked) return linked.error();
      return made;
    }
    if (errno != EEXIST || attempt == 10'000) return system_error("create", path);
  }
}

Result<RunDir> RunDir::open(const fs::path& path) {
  std::error_code failed;
  if (!fs::is_directory(path, failed))
    return Error{
        "open run " + path.string() + ": " + (failed ? failed.message() : "Not a directory"),
        ErrorKind::usage};
  return RunDir(path);
}

RunDir::Lock RunDir::lock() {
  if (lock_) return Lock::taken;
  const int fd = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Lock::impossible;
  const std::shared_ptr<const int> held = owned(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0)
    return errno == EWOULDBLOCK ? Lock::running : Lock::impossible;
  lock_ = held;
  return Lock::taken;
}

Status write_whole(const fs::path& path, std::string_view content) {
  if (const auto done = write_unnamed(path, content)) return *done;
  return write_named(path, content);
}

bool is_half_written(std::string_view file_name) {
  const std::size_t at = file_name.rfind(temporary_infix);
  if (!file_name.starts_with(".") || at == std::string_view::npos || at < 2) return false;
  std::string_view rest = file_name.substr(at + temporary_infix.size());
  return take_digits(rest) && take(rest, "-") && take_digits(rest) && rest.empty();
}

bool is_run_name(std::string_view name) {
  const bool timed = take_digits(name, 4) && take(name, "-") && take_digits(name, 2) &&
                     take(name, "-") && take_digits(name, 2) && take(name, "T") &&
                     take_digits(name, 2) && take(name, "-") && take_digits(name, 2) &&
                     take(name, "-") && take_digits(name, 2) && take(name, "Z-s");
  if (!timed || !take_digits(name)) return false;
  return name.empty() || (take(name, "-") && take_digits(name) && name.empty());
}

std::vector<fs::path> find_runs(const fs::path& root) {
  std::vector<fs::path> runs;
  std::error_code failed;
  const fs::path whole = fs::canonical(root, failed);
  if (failed) return runs;
  if (is_run_name(whole.filename().string())) runs.push_back(whole);
  find_runs_below(whole, 1, runs);
  std::sort(runs.begin(), runs.end());
  return runs;
}

Result<JsonLines> JsonLines::create(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) return system_error("create", path);
  JsonLines lines(fd, path);
  if (const Status locked = lock(fd, path); !locked) return locked.error();
  return lines;
}

Result<JsonLines> JsonLines::reopen(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) return system_error("open", path);
  JsonLines lines(fd, path);
  if (const Status locked = lock(fd, path); !locked) return locked.error();
  const auto text = read_file(path);
  if (!text) return text.error();
  const std::size_t last = text->rfind('\n');
  const std::size_t whole = last == std::string::npos ? 0 : last + 1;
  if (whole < text->size() && ::ftruncate(fd, static_cast<off_t>(whole)) != 0)
    return system_error("cut a torn line off", path);
  return lines;
}

JsonLines::JsonLines(JsonLines&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), path_(std::move(other.path_)) {}

JsonLines& JsonLines::operator=(JsonLines&& other) noexcept {
  std::swap(fd_, other.fd_);
  std::swap(path_, other.path_);
  return *this;
}

JsonLines::~JsonLines() {
  if (fd_ >= 0) ::close(fd_);
}

Status JsonLines::sync() {
  if (::fdatasync(fd_) != 0) return system_error("sync", path_);
  return Ok{};
}

Status JsonLines::append(const Value& line) { return write_all(fd_, to_json(line) + "\n", path_); }

Result<std::string> read_file(const fs::path& path) {
  std::error_code failed;
  if (fs::is_directory(path, failed)) return Error{"read " + path.string() + ": Is a directory"};
  std::ifstream in(path, std::ios::binary);
  if (!in) return system_error("open", path);
  std::ostringstream text;
  text << in.rdbuf();
  if (in.bad() || text.bad()) return system_error("read", path);
  return std::move(text).str();
}

Result<std::vector<Value>> read_json_lines(const fs::path& path) {
  const auto text = read_file(path);
  if (!text) return text.error();
  std::vector<Value> lines;
  std::string_view rest = *text;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t newline = rest.find('\n');
    const std::string_view line = rest.substr(0, newline);
    auto value = parse_json(line);
    if (!value) {
      if (newline == std::string_view::npos) break;  // torn by a kill in the middle of a write
      return Error{path.string() + ":" + std::to_string(number) + ": " + value.error().what,
                   ErrorKind::usage};
    }
    lines.push_back(std::move(*value));
    rest = newline == std::string_view::npos ? std::string_view() : rest.substr(newline + 1);
  }
  return lines;
}

}  // namespace faultline
