#include "harness/io/load_source.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/io/files.h"

namespace faultline {

Result<Source> Source::open(const std::filesystem::path& path) {
  Source source;
  source.name_ = path.string();
  source.fd_ = path == "-" ? ::fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                           : ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (source.fd_ < 0) return system_error("open", path);
  struct stat there{};
  if (::fstat(source.fd_, &there) != 0) return system_error("read", path);
  if (S_ISREG(there.st_mode)) {
    source.size_ = static_cast<std::uint64_t>(there.st_size);
    return source;
  }
  char piece[1 << 16];
  for (;;) {
    const ssize_t n = ::read(source.fd_, piece, sizeof piece);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read", path);
    if (n == 0) break;
    source.owned_.append(piece, static_cast<std::size_t>(n));
  }
  ::close(std::exchange(source.fd_, -1));
  source.text_ = source.owned_;
  source.size_ = source.text_.size();
  return source;
}

Source Source::of(std::string_view text) {
  Source source;
  source.text_ = text;
  source.size_ = text.size();
  return source;
}

Source Source::of(std::string&& text) {
  Source source;
  source.owned_ = std::move(text);
  source.text_ = source.owned_;
  source.size_ = source.text_.size();
  return source;
}

Result<std::string_view> Source::whole() {
  if (fd_ < 0 && !owned_.empty()) return text_;  // a std::string has its '\0'
  if (copy_ == nullptr) {
    copy_ = std::make_unique_for_overwrite<char[]>(size_ + 1);
    if (Status done = read(0, copy_.get(), size_); !done) return done.error();
    copy_[size_] = '\0';
  }
  return std::string_view(copy_.get(), size_);
}

Source::Source(Source&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      name_(std::move(other.name_)),
      owned_(std::move(other.owned_)),
      text_(owned_.empty() ? other.text_ : std::string_view(owned_)),
      size_(other.size_),
      copy_(std::move(other.copy_)) {}

Source::~Source() {
  if (fd_ >= 0) ::close(fd_);
}

Status Source::read(std::uint64_t offset, char* to, std::size_t size) const {
  if (fd_ < 0) {
    if (size > 0) std::memcpy(to, text_.data() + offset, size);
    return Ok{};
  }
  while (size > 0) {
    const ssize_t n = ::pread(fd_, to, size, static_cast<off_t>(offset));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read", name_);
    if (n == 0) return Error{"read " + name_ + ": it became shorter while it was read"};
    offset += static_cast<std::uint64_t>(n);
    to += n;
    size -= static_cast<std::size_t>(n);
  }
  return Ok{};
}

}  // namespace faultline
