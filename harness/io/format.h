// What a format is to the loader. Internal to this room.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "harness/io/load.h"
#include "harness/io/load_source.h"

namespace faultline {

/// A file to load.
struct Input {
  Source& source;
  std::string name;  ///< For messages.
  LoadOptions options;
  bool may_be_empty = false;
};

/// The beginning of a file.
struct Head {
  std::string_view bytes;
  std::string_view text;  ///< The same without white space in front.
  bool is_whole = false;  ///< There is nothing behind it.

  std::string_view first_line() const { return text.substr(0, text.find('\n')); }
};

#define FORMAT(id, name, doc)                                              \
  bool sniff_##id(const Head& head); /**< Whether it is in this format. */ \
  std::optional<LoadError> load_##id(const Input& input, Loaded& into);
#include "harness/io/formats.def"
#undef FORMAT

}  // namespace faultline
