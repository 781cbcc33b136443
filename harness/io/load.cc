#include "harness/io/load.h"

#include <algorithm>
#include <array>
#include <optional>

#include "harness/io/compression.h"
#include "harness/io/format.h"
#include "harness/io/formats.h"
#include "harness/io/load_merge.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t head_bytes = 16'384;

struct Format {
  FormatEntry entry;
  bool (*sniff)(const Head&);
  std::optional<LoadError> (*load)(const Input&, Loaded&);
};

constexpr auto table = std::to_array<Format>({
#define FORMAT(id, name, doc) {{name, doc}, &sniff_##id, &load_##id},
#include "harness/io/formats.def"
#undef FORMAT
});

constexpr auto entries = [] {
  std::array<FormatEntry, table.size()> list{};
  for (std::size_t i = 0; i < table.size(); ++i) list[i] = table[i].entry;
  return list;
}();

/// Format by content, also of what is compressed.
std::optional<LoadError> load(Source& source, const std::string& name, const LoadOptions& options,
                              bool may_be_empty, Loaded& into) {
  std::string bytes(std::min<std::uint64_t>(source.size(), head_bytes), '\0');
  if (Status done = source.read(0, bytes.data(), bytes.size()); !done)
    return load_error(name, 0, 0, done.error().what);
  if (const Compression kind = compression_of(bytes); kind != Compression::none) {
    auto content = decompressed(source, kind);
    if (!content) return load_error(name, 0, 0, content.error().what);
    if (compression_of(*content) != Compression::none)
      return load_error(name, 0, 0, "expected a history, found a file that was compressed twice");
    Source plain = Source::of(std::move(*content));
    return load(plain, name, options, may_be_empty, into);
  }
  Head head{bytes, bytes, bytes.size() == source.size()};
  const std::size_t first = head.text.find_first_not_of(" \t\r\n");
  head.text.remove_prefix(std::min(first, head.text.size()));
  const auto format = std::ranges::find_if(table, [&](const Format& f) { return f.sniff(head); });
  into.format = format->entry.name;
  return format->load({source, name, options, may_be_empty}, into);
}

Result<Loaded> finished(std::optional<LoadError> failure, Loaded&& loaded, LoadError* error) {
  if (!failure) return std::move(loaded);
  Error what = error_at(failure->where, failure->expected);
  if (error != nullptr) *error = std::move(*failure);
  return what;
}

}  // namespace

std::span<const FormatEntry> formats() { return entries; }

Result<Loaded> load_history(const fs::path& path, const LoadOptions& options, LoadError* error) {
  std::error_code ignored;
  const fs::path file = fs::is_directory(path, ignored) ? path / "history.jsonl" : path;
  Loaded loaded;
  auto source = Source::open(file);
  if (!source) return finished(load_error("", 0, 0, source.error().what), std::move(loaded), error);
  // Of ours, and killed before its first event was written: nothing is a prefix as well.
  const bool may_be_empty = file != path && fs::exists(path / "meta.json", ignored);
  auto failure =
      load(*source, path == "-" ? "standard input" : file.string(), options, may_be_empty, loaded);
  return finished(std::move(failure), std::move(loaded), error);
}

Result<Loaded> load_history_text(std::string_view text, const std::string& name,
                                 const LoadOptions& options, LoadError* error) {
  Loaded loaded;
  Source source = Source::of(text);
  auto failure = load(source, name, options, false, loaded);
  return finished(std::move(failure), std::move(loaded), error);
}

}  // namespace faultline
