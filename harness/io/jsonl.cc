// Histories in JSON lines, ours and others': the format `jsonl`. Blocks of lines are parsed on
// several threads (load_parse.h) and merged in the order of the file (load_merge.h).
#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "harness/io/format.h"
#include "harness/io/load_merge.h"
#include "harness/io/load_parse.h"

namespace faultline {
namespace {

/// Parses blocks on several threads and hands them out in the order of the file. Threads run at
/// most a few blocks ahead, so that what waits to be merged stays small.
class ParallelParser {
 public:
  ParallelParser(const Source& source, std::uint64_t blocks, unsigned threads)
      : source_(source), blocks_(blocks), ahead_max_(2 * threads + 2) {
    for (unsigned i = 0; i < threads; ++i) threads_.emplace_back([this] { work(); });
  }
  ~ParallelParser() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }
  ParallelParser(const ParallelParser&) = delete;
  ParallelParser& operator=(const ParallelParser&) = delete;

  /// The next block; at most `blocks` times.
  Block next() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return done_.contains(taken_) || failure_; });
    if (failure_) std::rethrow_exception(failure_);
    Block block = std::move(done_.extract(taken_).mapped());
    ++taken_;
    changed_.notify_all();
    return block;
  }

 private:
  void work() {
    try {
      BlockParser parser(source_);
      for (;;) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] {
          return stopping_ || begun_ == blocks_ || begun_ < taken_ + ahead_max_;
        });
        if (stopping_ || begun_ == blocks_) return;
        const std::uint64_t n = begun_++;
        lock.unlock();
        Block block = parser.parse(n);
        lock.lock();
        done_.emplace(n, std::move(block));
        changed_.notify_all();
      }
    } catch (...) {  // out of memory
      const std::lock_guard lock(mutex_);
      failure_ = std::current_exception();
      changed_.notify_all();
    }
  }

  const Source& source_;
  const std::uint64_t blocks_, ahead_max_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t begun_ = 0, taken_ = 0;
  std::map<std::uint64_t, Block> done_;
  std::exception_ptr failure_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

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

  Merger merger(input.name, source.size(), input.options);
  const std::uint64_t blocks = (source.size() + block_bytes - 1) / block_bytes;
  if (blocks == 1) {
    if (auto error = merger.add(BlockParser(source).parse(0))) return error;
  } else {
    ParallelParser parser(source, blocks, std::clamp(input.options.threads, 1u, 64u));
    for (std::uint64_t n = 0; n < blocks; ++n)
      if (auto error = merger.add(parser.next())) return error;
  }
  if (auto error = merger.finish()) return error;
  into.history = merger.history();
  into.warnings = merger.take_warnings();
  if (into.history.events() == 0 && !input.may_be_empty)
    return failed(std::string(wanted) + ", found no whole event", 1);
  return std::nullopt;
}

}  // namespace faultline
