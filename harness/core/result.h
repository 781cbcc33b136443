// An operating error is something the world did; the caller must handle it.
// A programmer error is something we did; use FAULTLINE_CHECK (check.h), which aborts.
#pragma once

#include <string>
#include <utility>
#include <variant>

namespace faultline {

/// What kind of failure it is; it decides the exit code (see exit_code.h).
enum class ErrorKind {
  other,       ///< The world's fault, no better class: exit 70 if nobody handles it.
  usage,       ///< The user's input (command line, YAML, history): exit 64.
  capability,  ///< This machine cannot do it; the text says the remedy: exit 69.
  target,      ///< The store never came up: exit 5.
};

struct Error {
  std::string what;  ///< "start n2: exec /opt/etcd: No such file or directory"
  ErrorKind kind = ErrorKind::other;
};

/// A value or the reason why there is none. Dereferencing an error throws std::bad_variant_access.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

struct Ok {};
using Status = Result<Ok>;

}  // namespace faultline
