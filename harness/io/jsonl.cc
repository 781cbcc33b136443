// Histories in JSON lines, ours and others': the format `jsonl`. Blocks of lines are parsed on
// several threads (load_parse.h) and merged in the order of the file (load_merge.h).
#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "harness/io/format.h"
#include "harness/io/load_ahead.h"
#include "harness/io/load_merge.h"
#include "harness/io/load_parse.h"

namespace faultline {
namespace {

constexpr std::string_view wanted = "expected a history, one JSON event a line";

/// Says what a file is that cannot be a history. Other defects are found by parsing.
std::optional<std::string> foreign_content(std::string_view head, bool is_whole) {
  const bool is_blank = head.find_first_not_of(" \t\r\n") == std::string_view::npos;
  if (is_blank && is_whole)
    return std::string(wanted) +
           (head.empty() ? ", found an empty file" : ", found only blank lines");
  if (head.starts_with("\xEF\xBB\xBF"))
    return std::string(wanted) + ", found a byte order mark: remove it";
  if (head.find('\0') != std::string_view::npos) return std::string(wanted) + ", found binary data";
  return std::nullopt;
}

std::optional<LoadError> load_json_lines(const Input& input, Tuples tuples, bool& has_guessed,
                                         Loaded& into) {
  const Source& source = input.source;
  const std::uint64_t block_bytes = std::max<std::uint64_t>(input.options.block_bytes, 1);
  Merger merger(input.name, source.size(), input.options, tuples);
  const std::uint64_t blocks = (source.size() + block_bytes - 1) / block_bytes;
  const auto add = [&](Block& block) {
    auto error = merger.add(block);
    has_guessed = merger.has_guessed_tuples();
    return error;
  };
  const unsigned threads = std::min(input.options.threads, 64u);
  if (blocks == 1 || threads <= 1) {
    BlockParser parser(source, block_bytes);
    Block block;
    for (std::uint64_t n = 0; n < blocks; ++n) {
      parser.parse(n, block);
      if (auto error = add(block)) return error;
    }
  } else {
    Ahead<Block> ahead(0, blocks, threads, [&] {
      auto parser = std::make_shared<BlockParser>(source, block_bytes);
      return [parser](std::uint64_t n, Block& block) { parser->parse(n, block); };
    });
    for (std::uint64_t n = 0; n < blocks; ++n) {
      Block block = ahead.next();
      if (auto error = add(block)) return error;
      ahead.give_back(std::move(block));
    }
  }
  if (auto error = merger.finish()) return error;
  into.history = merger.history();
  into.warnings = merger.take_warnings();
  return {};
}

}  // namespace

/// Whatever nobody else takes.
bool sniff_jsonl(const Head&) { return true; }

std::optional<LoadError> load_jsonl(const Input& input, Loaded& into) {
  const Source& source = input.source;
  const auto failed = [&](std::string expected, std::uint32_t line) {
    return load_error(input.name, line, line, std::move(expected));
  };
  std::string head(std::min<std::uint64_t>(source.size(), 4096), '\0');
  if (Status done = source.read(0, head.data(), head.size()); !done)
    return failed(done.error().what, 0);
  auto foreign = foreign_content(head, head.size() == source.size());
  if (foreign && !(input.may_be_empty && head.empty())) return failed(std::move(*foreign), 1);

  bool has_guessed = false;
  auto error = load_json_lines(input, Tuples::guess, has_guessed, into);
  if (error && has_guessed) error = load_json_lines(input, Tuples::wait, has_guessed, into);
  if (error) return error;
  if (into.history.events() == 0 && !input.may_be_empty)
    return failed(std::string(wanted) + ", found no whole event", 1);
  return std::nullopt;
}

}  // namespace faultline
