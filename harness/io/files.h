// Small helpers around files that this room's parts share. Internal to this room.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "harness/core/result.h"

namespace faultline {

/// "DOING PATH: what errno says".
Error system_error(const std::string& doing, const std::filesystem::path& path);

/// All of `bytes`, in as many write(2) as it takes; `path` is for the message only.
Status write_all(int fd, std::string_view bytes, const std::filesystem::path& path);

}  // namespace faultline
