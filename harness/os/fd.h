// A file descriptor that closes itself, and the text of errno.
#pragma once

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <unistd.h>

#include "harness/core/result.h"

namespace faultline {

class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_ = -1;
};

/// strerror without its static buffer.
inline std::string error_text(int number) { return std::generic_category().message(number); }

/// "WHAT: Permission denied", from errno as it is now.
inline Error os_error(std::string what, ErrorKind kind = ErrorKind::other) {
  const int number = errno;
  return {std::move(what) + ": " + error_text(number), kind};
}

}  // namespace faultline
