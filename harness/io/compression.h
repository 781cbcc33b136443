// Histories that were compressed: recognized by their first bytes, and decompressed into memory.
// Internal to this room.
#pragma once

#include <string>
#include <string_view>

#include "harness/core/result.h"
#include "harness/io/load_source.h"

namespace faultline {

enum class Compression : std::uint8_t { none, gzip, zstd };

Compression compression_of(std::string_view head);

/// The content of a file that is compressed by `kind`; several members or frames are one content.
/// An error says what is wrong with the file.
Result<std::string> decompressed(const Source& source, Compression kind);

}  // namespace faultline
