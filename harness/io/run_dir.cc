#include "harness/io/run_dir.h"

#include <atomic>
#include <cerrno>
#include <cstring>
#include <ctime>
#include <fstream>
#include <sstream>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/io/files.h"
#include "harness/io/json.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

/// A name of its own beside `path`, for what is renamed into place.
fs::path temporary_beside(const fs::path& path) {
  static std::atomic<unsigned> counter{0};
  return path.parent_path() / ("." + path.filename().string() + ".tmp-" +
                               std::to_string(::getpid()) + "-" + std::to_string(counter++));
}

std::string time_name(std::time_t now) {
  std::tm utc{};
  ::gmtime_r(&now, &utc);
  char text[40];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H-%M-%SZ", &utc);
  return text;
}

/// Points the link at `run` in one step: a reader finds the old run or the new one, never none.
Status replace_latest(const fs::path& run) {
  const fs::path latest = run.parent_path() / "latest";
  const fs::path temporary = temporary_beside(latest);
  if (::symlink(run.filename().c_str(), temporary.c_str()) != 0)
    return system_error("create the link", temporary);
  if (::rename(temporary.c_str(), latest.c_str()) != 0) {
    const Error error = system_error("replace the link", latest);
    ::unlink(temporary.c_str());
    return error;
  }
  return Ok{};
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
      if (const Status linked = replace_latest(path); !linked) return linked.error();
      return RunDir(path);
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

Status RunDir::write(std::string_view name, std::string_view content) const {
  const fs::path path = file(name);
  const fs::path temporary = temporary_beside(path);
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (fd < 0) return system_error("create", temporary);
  Status done = write_all(fd, content, path);
  if (done && ::fsync(fd) != 0) done = system_error("sync", path);
  if (::close(fd) != 0 && done) done = system_error("close", path);
  if (done && ::rename(temporary.c_str(), path.c_str()) != 0)
    done = system_error("rename to", path);
  if (!done) ::unlink(temporary.c_str());
  return done;
}

Result<JsonLines> JsonLines::create(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) return system_error("create", path);
  return JsonLines(fd, path);
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
