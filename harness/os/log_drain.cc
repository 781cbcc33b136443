#include "harness/os/log_drain.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>

namespace faultline {
namespace {

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return;  // A full disk costs the log, not the store.
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

}  // namespace

Result<LogDrain> LogDrain::open(const std::string& path, std::int64_t bytes_max, Fd& write_end) {
  Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!file) return os_error("open " + path);
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) return os_error("stat " + path);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return os_error("pipe");
  Fd pipe(ends[0]);
  write_end = Fd(ends[1]);
  if (::fcntl(pipe.get(), F_SETFL, O_NONBLOCK) != 0) return os_error("pipe");
  return LogDrain(std::move(pipe), std::move(file),
                  std::max<std::int64_t>(bytes_max - status.st_size, -1));
}

bool LogDrain::drain() {
  std::array<char, 64 * 1024> bytes;
  const ssize_t got = ::read(pipe_.get(), bytes.data(), bytes.size());
  if (got < 0) return errno == EINTR || errno == EAGAIN;
  if (got == 0) return false;
  if (left_ < 0) return true;
  const std::int64_t kept = std::min<std::int64_t>(left_, got);
  write_all(file_.get(), std::string_view(bytes.data(), static_cast<std::size_t>(kept)));
  left_ -= kept;
  if (kept < got) {
    write_all(file_.get(), "\n" + std::string(log_full_line) + "\n");
    left_ = -1;
  }
  return true;
}

}  // namespace faultline
