#include "harness/io/tail.h"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "harness/io/files.h"
#include "harness/io/load_parse.h"
#include "harness/io/load_source.h"

namespace faultline {
namespace {

constexpr std::size_t piece_bytes = 1u << 20;

OnlineEvent event_of(const ParsedEvent& parsed) {
  using Type = ParsedEvent::Type;
  OnlineEvent event;
  event.process = parsed.process;
  event.is_invoke = parsed.type == Type::invoke;
  event.fate = parsed.type == Type::ok     ? Fate::ok
               : parsed.type == Type::fail ? Fate::fail
                                           : Fate::info;
  if (parsed.function != ParsedEvent::no_function)
    event.function = static_cast<Function>(parsed.function);
  event.value = parsed.value;
  return event;
}

}  // namespace

/// Keeps its memory from one piece to the next.
struct HistoryTail::Blocks {
  Block block;
};

HistoryTail::HistoryTail(std::filesystem::path path)
    : path_(std::move(path)), blocks_(std::make_unique<Blocks>()) {}

HistoryTail::~HistoryTail() {
  if (fd_ >= 0) ::close(fd_);
}

Result<std::uint64_t> HistoryTail::read(const Visit& visit) {
  if (fd_ < 0) fd_ = ::open(path_.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd_ < 0 && errno == ENOENT) return std::uint64_t{0};
  if (fd_ < 0) return system_error("open", path_);
  if (const Status filled = fill(); !filled) return filled.error();
  const std::size_t end = buffer_.rfind('\n');
  if (end == std::string::npos) return std::uint64_t{0};
  if (const Status parsed = parse(end + 1, visit); !parsed) return parsed.error();
  buffer_.erase(0, end + 1);
  return std::uint64_t{end + 1};
}

/// Until there is a whole line, or no more.
Status HistoryTail::fill() {
  do {
    const std::size_t before = buffer_.size();
    buffer_.resize(before + piece_bytes);
    const ssize_t n =
        ::pread(fd_, buffer_.data() + before, piece_bytes, static_cast<off_t>(offset_));
    const int why = errno;
    buffer_.resize(before + static_cast<std::size_t>(n > 0 ? n : 0));
    errno = why;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error("read", path_);
    offset_ += static_cast<std::uint64_t>(n);
    if (n == 0) break;
  } while (buffer_.find('\n') == std::string::npos);
  return Ok{};
}

Status HistoryTail::parse(std::size_t size, const Visit& visit) {
  const Source source = Source::of(std::string_view(buffer_).substr(0, size));
  Block& block = blocks_->block;
  BlockParser(source, size).parse(0, block);
  if (block.failure) return *block.failure;
  if (block.problem)
    return Error{"read " + path_.string() + ": " + block.problem->expected, ErrorKind::usage};
  for (const ParsedEvent& event : block.events)
    if (event.type != ParsedEvent::Type::skipped) visit(block.pool, event_of(event));
  return Ok{};
}

}  // namespace faultline
