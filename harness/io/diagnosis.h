// What is wrong with a line of JSON. The parser that is fast says only that something is; this one
// is slow and says where.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace faultline {

struct Diagnosis {
  bool is_json = true;     ///< It is, but says what cannot be represented here.
  std::size_t column = 1;  ///< From 1.
  std::string expected =
      "expected JSON that can be represented (numbers within range, not too deep)";
};
Diagnosis diagnose(std::string_view line);

}  // namespace faultline
