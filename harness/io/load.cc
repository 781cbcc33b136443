#include "harness/io/load.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <map>
#include <mutex>
#include <thread>

#include "harness/io/load_merge.h"
#include "harness/io/load_parse.h"
#include "harness/io/load_source.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

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

/// Says what a file is that cannot be a history in JSON lines. Other defects are found by parsing.
std::optional<std::string> foreign_content(std::string_view head, bool is_whole) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  const auto begin = std::ranges::find_if_not(head, is_space);
  if (begin == head.end()) {
    if (!is_whole) return std::nullopt;
    return std::string(wanted) +
           (head.empty() ? ", found an empty file" : ", found only blank lines");
  }
  if (head.starts_with("\x1f\x8b"))
    return std::string(wanted) + ", found gzip: decompress it first";
  if (head.starts_with("\x28\xb5\x2f\xfd"))
    return std::string(wanted) + ", found zstd: decompress it first";
  if (head.starts_with("\xEF\xBB\xBF"))
    return std::string(wanted) + ", found a byte order mark: remove it";
  if (head.find('\0') != std::string_view::npos) return std::string(wanted) + ", found binary data";
  std::string_view text(begin, head.end());
  const bool is_edn = text.starts_with("#") || text.starts_with(";") || text.starts_with("(");
  const std::string_view rest = text.substr(1);
  const auto second = std::ranges::find_if_not(rest, is_space);
  const char first = text.front(), next = second == rest.end() ? '\0' : *second;
  if (is_edn || (first == '{' && next == ':') ||
      (first == '[' && (next == ':' || rest.starts_with("{:"))))
    return std::string(wanted) + ", found EDN: convert it to JSON lines";
  if (first == '[') return std::string(wanted) + ", found one JSON array: write an event a line";
  if (first == '{' && rest.find('\n') != rest.npos &&
      rest.substr(0, rest.find('\n')).find_first_not_of(" \t\r") == rest.npos)
    return std::string(wanted) + ", found an object that goes over several lines";
  return std::nullopt;
}

std::optional<LoadError> load(const Source& source, const std::string& name, unsigned threads,
                              bool may_be_empty, Loaded& into) {
  const auto failed = [&](std::string expected, std::uint32_t line) {
    return load_error(name, line, line, std::move(expected));
  };
  std::string head(std::min<std::uint64_t>(source.size(), 4096), '\0');
  if (Status done = source.read(0, head.data(), head.size()); !done)
    return failed(done.error().what, 0);
  auto foreign = foreign_content(head, head.size() == source.size());
  if (foreign && !(may_be_empty && head.empty())) return failed(std::move(*foreign), 1);

  Merger merger(name, source.size());
  const std::uint64_t blocks = (source.size() + block_bytes - 1) / block_bytes;
  if (blocks == 1) {
    if (auto error = merger.add(BlockParser(source).parse(0))) return error;
  } else {
    ParallelParser parser(source, blocks, std::clamp(threads, 1u, 64u));
    for (std::uint64_t n = 0; n < blocks; ++n)
      if (auto error = merger.add(parser.next())) return error;
  }
  if (auto error = merger.finish()) return error;
  into.history = merger.history();
  into.warnings = merger.take_warnings();
  into.format = "jsonl";
  if (into.history.events() == 0 && !may_be_empty)
    return failed(std::string(wanted) + ", found no whole event", 1);
  return std::nullopt;
}

Result<Loaded> finished(std::optional<LoadError> failure, Loaded&& loaded, LoadError* error) {
  if (!failure) return std::move(loaded);
  Error what = error_at(failure->where, failure->expected);
  if (error != nullptr) *error = std::move(*failure);
  return what;
}

}  // namespace

Result<Loaded> load_history(const fs::path& path, const LoadOptions& options, LoadError* error) {
  std::error_code ignored;
  const fs::path file = fs::is_directory(path, ignored) ? path / "history.jsonl" : path;
  Loaded loaded;
  const auto source = Source::open(file);
  if (!source) return finished(load_error("", 0, 0, source.error().what), std::move(loaded), error);
  // Of ours, and killed before its first event was written: nothing is a prefix as well.
  const bool may_be_empty = file != path && fs::exists(path / "meta.json", ignored);
  auto failure = load(*source, file.string(), options.threads, may_be_empty, loaded);
  return finished(std::move(failure), std::move(loaded), error);
}

Result<Loaded> load_history_text(std::string_view text, const std::string& name,
                                 const LoadOptions& options, LoadError* error) {
  Loaded loaded;
  auto failure = load(Source::of(text), name, options.threads, false, loaded);
  return finished(std::move(failure), std::move(loaded), error);
}

}  // namespace faultline
