// Configurations as text: YAML in, a tree of ConfigNodes out, and back. A deliberately small part
// of YAML: mappings with plain keys, lists, scalars. Scalars stay text; whoever reads them with
// Params gives them a type. No anchors, aliases, tags, nulls or second documents: each would make a
// configuration say something that its reader does not see. The YAML library stays in the .cc file.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include "harness/core/params.h"
#include "harness/core/result.h"
#include "harness/core/value.h"

namespace faultline {

inline constexpr std::size_t config_bytes_max = 1 << 20;
inline constexpr std::size_t config_depth_max = 32;
inline constexpr std::size_t config_nodes_max = 100'000;

/// Errors are of kind usage and begin with "FILE:LINE:COLUMN: ", lines and columns counted from 1.
/// The top level must be a mapping.
Result<ConfigNode> parse_config(std::string_view text, const std::string& file);
Result<ConfigNode> load_config(const std::filesystem::path& path);

/// Applies "path.to.key=value" to `root`: a path of keys, and of numbers for the items of a list
/// ("faults.0.every=5s"); missing mappings are made. The value is parsed as YAML. What it sets has
/// the place "--set PATH=VALUE" and line 0.
Status set_config(ConfigNode& root, std::string_view assignment);

/// Block-style YAML, which parse_config() reads back to the same tree. Requires that `value` is
/// made of maps, lists, texts, booleans and numbers only.
std::string to_yaml(const Value& value);

}  // namespace faultline
