// Typed view of one mapping of a configuration. A component reads its parameters by name, with
// default and bounds; every name it asks for is known, and finish() turns any other into an error
// with file, line, column and the nearest known name. What was read, defaults included, is kept, so
// that a run can write out its configuration as resolved.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "harness/core/result.h"
#include "harness/core/value.h"

namespace faultline {

/// A place in a file. Lines and columns count from 1; line 0 means "the command line".
struct Where {
  std::string file;
  std::uint32_t line = 0;
  std::uint32_t column = 0;
};
/// "FILE:LINE:COLUMN: TEXT", of kind usage.
Error error_at(const Where& where, std::string text);

/// A parsed configuration, without any library's types.
struct ConfigNode {
  enum class Kind { scalar, sequence, mapping };
  struct Member;

  Kind kind = Kind::mapping;
  Where where;
  std::string scalar;
  std::vector<ConfigNode> items;
  std::vector<Member> members;  ///< In the order of the file.

  const ConfigNode* find(std::string_view key) const;
  ConfigNode* find(std::string_view key);
  static ConfigNode of(std::string scalar_text);
};
struct ConfigNode::Member {
  std::string key;
  Where where;
  ConfigNode value;
};

/// Reads one mapping. Getters return the default when the key is absent and remember the first
/// error; after an error they go on returning defaults, and finish() reports it. Keeps pointers
/// into `mapping`, which must outlive it.
class Params {
 public:
  /// `what` names the mapping in messages: "fault partition".
  Params(const ConfigNode& mapping, std::string what);

  bool has(std::string_view key);
  std::string text(std::string_view key, std::string_view otherwise);
  std::string required_text(std::string_view key);
  std::int64_t integer(std::string_view key, std::int64_t otherwise, std::int64_t min,
                       std::int64_t max);
  double real(std::string_view key, double otherwise, double min, double max);
  bool boolean(std::string_view key, bool otherwise);
  std::chrono::nanoseconds duration(std::string_view key, std::chrono::nanoseconds otherwise);
  /// Operations a second; 0 = unlimited.
  double rate(std::string_view key, double otherwise);
  /// One of `choices`, else an error that names the nearest.
  std::string choice(std::string_view key, std::string_view otherwise,
                     std::span<const std::string_view> choices);
  /// A list of texts; a single scalar is a list of one.
  std::vector<std::string> texts(std::string_view key, std::vector<std::string> otherwise);
  /// The node itself, for what needs a parser of its own. Nullptr if absent. The caller adds what
  /// it resolved with set_resolved().
  const ConfigNode* node(std::string_view key);
  void set_resolved(std::string_view key, Value value);

  /// Keeps `error` if it is the first one.
  void fail(const Where& where, std::string text);
  void fail(std::string_view key, const std::string& text);  ///< At the place of `key`'s value.

  /// The first error: a getter's, or an unknown key.
  Status finish() const;
  const Map& resolved() const { return resolved_; }
  /// The words that choice() was asked to accept, by key: for help and completion.
  using Choices = std::vector<std::pair<std::string, std::vector<std::string>>>;
  const Choices& choices() const { return choices_; }
  /// Every name that was asked for, in that order: those that have no default as well.
  const std::vector<std::string>& known() const { return known_; }
  const Where& where() const { return mapping_->where; }

 private:
  const std::string* scalar(std::string_view key, std::string_view expected);

  const ConfigNode* mapping_;
  std::string what_;
  std::vector<std::string> known_;
  std::optional<Error> error_;
  Map resolved_;
  Choices choices_;
};

}  // namespace faultline
