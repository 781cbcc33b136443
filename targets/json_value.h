// Values as stores that speak JSON have them. The JSON library stays in the .cc files.
#pragma once

#include <string>
#include <string_view>

#include "harness/core/result.h"
#include "harness/core/value.h"

namespace faultline {

/// An equal value has an equal text. An error for text that is no UTF-8, which JSON cannot carry.
Result<std::string> json_text(const Value& value);

/// An error for what is no JSON, or holds an integer beyond 64 bits.
Result<Value> value_of_json(std::string_view text);

/// "http://ADDRESS:PORT"; brackets around an IPv6 address.
std::string http_origin(std::string_view address, int port);

}  // namespace faultline
