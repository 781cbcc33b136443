// What this build is of. Only version.cc knows, so a commit recompiles nothing else.
#pragma once

#include <string_view>

namespace faultline::build {

extern const std::string_view version;  ///< "0.1.0"
extern const std::string_view commit;   ///< Twelve digits, or "unknown" outside a repository.
extern const char* const date;          ///< Of the commit, "2026-01-31".
extern const char* const program;       ///< "faultline 0.1.0 (0123456789ab)"

}  // namespace faultline::build
