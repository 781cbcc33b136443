#include "harness/io/recorder.h"

#include <atomic>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "harness/core/check.h"
#include "harness/io/files.h"
#include "harness/io/json_write.h"

namespace faultline {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::uint64_t slots = 1u << 15;              ///< Events between stamp and disk, at most.
constexpr std::uint64_t large_bytes = 4096;            ///< From here on a value counts as large.
constexpr std::uint64_t large_bytes_max = 256u << 20;  ///< Of large values between stamp and disk.
constexpr std::size_t flush_bytes = 256u << 10;
constexpr auto poll_interval =
    4ms;  ///< Written at most this long after the writer could know of it.
constexpr auto stall_interval = 50us;
constexpr auto file_check_interval = 1s;

/// What the heap holds for `value`, roughly.
std::uint64_t heap_bytes(const Value& value) {
  if (const std::string* text = value.text()) return text->size();
  std::uint64_t bytes = 0;
  if (const List* list = value.list())
    for (const Value& item : *list) bytes += sizeof item + heap_bytes(item);
  if (const Map* map = value.map())
    for (const auto& [key, item] : *map)
      bytes += sizeof(Map::value_type) + key.size() + heap_bytes(item);
  return bytes;
}

struct Event {
  std::int64_t time = 0;
  std::uint32_t process = 0;
  std::uint16_t node = 0;
  Function function = Function::read;
  Fate fate = Fate::info;
  bool is_invoke = true;
  bool is_large = false;
  std::string key;
  Value value;  ///< Of an ok its output, else the request's.
  std::string why;
};

/// Fates as history.jsonl can tell them apart, so that the history in memory and the one read back
/// are the same: only what may_mismatch() has one, and only a mismatch says "mismatch".
Fate fate_on_disk(Function function, const Outcome& outcome) {
  const bool is_no_observation = outcome.fate() == Fate::mismatch && !may_mismatch(function);
  return is_no_observation ? Fate::fail : outcome.fate();
}
std::string why_on_disk(Fate fate, const std::string& why) {
  if (fate == Fate::mismatch) return "mismatch";
  return why == "mismatch" ? "answered: mismatch" : why;
}

/// Events in the order of their stamps: the event of stamp n goes into slot n modulo `slots`, once
/// the writer has taken out what was there. So there is nothing to merge, a lane that records
/// nothing is not waited for, and one that took a stamp but has not published yet holds up the
/// writer alone, until every slot is taken. (Vyukov's bounded queue, with one consumer.)
class Ring {
 public:
  Ring() : slots_(slots) {
    for (std::uint64_t i = 0; i < slots; ++i) slots_[i].turn.store(i, std::memory_order_relaxed);
  }

  /// Nothing after the stamp may throw: a stamp without an event would stop the writer for ever.
  void push(Event&& event) noexcept {
    // Sequentially consistent: a stamp taken after another thread's answer arrived is greater.
    const std::uint64_t stamp = stamps_.fetch_add(1);
    Slot& slot = slots_[stamp % slots];
    if (slot.turn.load(std::memory_order_acquire) != stamp) {
      stalls_.fetch_add(1, std::memory_order_relaxed);
      while (slot.turn.load(std::memory_order_acquire) != stamp)
        std::this_thread::sleep_for(stall_interval);
    }
    slot.event = std::move(event);
    slot.turn.store(stamp + 1, std::memory_order_release);
  }

  /// The event of the next stamp if it was published. Only the writer; then pop() before the next.
  Event* front() {
    Slot& slot = slots_[next_ % slots];
    return slot.turn.load(std::memory_order_acquire) == next_ + 1 ? &slot.event : nullptr;
  }
  void pop() {
    Slot& slot = slots_[next_ % slots];
    slot.event.value = Value();  // a slot must not keep a large value until it is used again
    slot.event.why = std::string();
    slot.turn.store(next_ + slots, std::memory_order_release);
    ++next_;
  }
  /// True if every stamp that was taken has been popped.
  bool drained() const { return next_ == stamps_.load(); }

  /// Waits, before the stamp, until `bytes` more of large values may be queued.
  void admit_large(std::uint64_t bytes) {
    while (large_.load(std::memory_order_relaxed) > large_bytes_max)
      std::this_thread::sleep_for(stall_interval);
    large_.fetch_add(bytes, std::memory_order_relaxed);
  }
  void release_large(std::uint64_t bytes) { large_.fetch_sub(bytes, std::memory_order_relaxed); }

  std::uint64_t stalls() const { return stalls_.load(std::memory_order_relaxed); }

 private:
  struct alignas(64) Slot {
    /// n: free for the event of stamp n. n + 1: holds it.
    std::atomic<std::uint64_t> turn{0};
    Event event;
  };

  std::vector<Slot> slots_;
  alignas(64) std::atomic<std::uint64_t> stamps_{0};
  alignas(64) std::uint64_t next_ = 0;  ///< The writer's own.
  std::atomic<std::uint64_t> stalls_{0};
  std::atomic<std::uint64_t> large_{0};
};

/// history.jsonl itself. After its first error it takes nothing more: what is there is a true
/// prefix.
class File {
 public:
  File(int fd, std::filesystem::path path) : fd_(fd), path_(std::move(path)) {
    struct stat mine{};
    if (::fstat(fd_, &mine) == 0) device_ = mine.st_dev, inode_ = mine.st_ino;
  }
  ~File() { ::close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void write(std::string& buffer) {
    if (!failed()) keep(write_all(fd_, buffer, path_));
    buffer.clear();
  }
  /// Writing to a file that was removed succeeds, and its content is lost.
  void check_presence() {
    struct stat there{};
    if (failed()) return;
    if (::stat(path_.c_str(), &there) != 0)
      keep(system_error("keep", path_));
    else if (there.st_dev != device_ || there.st_ino != inode_)
      keep(Error{"keep " + path_.string() + ": another file took its place"});
  }
  void sync() {
    if (!failed() && ::fsync(fd_) != 0) keep(system_error("sync", path_));
  }
  Status status() const {
    if (!failed()) return Ok{};
    const std::lock_guard lock(mutex_);
    return *error_;
  }

 private:
  bool failed() const { return failed_.load(std::memory_order_acquire); }
  void keep(const Status& status) {
    if (status) return;
    const std::lock_guard lock(mutex_);
    if (!error_) error_ = status.error();
    failed_.store(true, std::memory_order_release);
  }

  int fd_;
  std::filesystem::path path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;
  std::atomic<bool> failed_{false};
  mutable std::mutex mutex_;
  std::optional<Error> error_;
};

class FileRecorder final : public Recorder {
 public:
  FileRecorder(int fd, const std::filesystem::path& path, std::size_t lanes,
               const std::vector<std::string>& nodes, Clock::time_point origin)
      : lanes_(lanes), origin_(origin), file_(fd, path) {
    for (const std::string& node : nodes) {
      std::string json = ",\"node\":";
      append_json_text(json, node);
      nodes_.push_back({builder_.node(node), std::move(json)});
    }
    writer_ = std::thread([this] { write_events(); });
  }
  ~FileRecorder() override { stop(); }

  void invoke(std::size_t lane, std::uint32_t process, std::size_t node,
              const Request& request) override {
    record(lane, node,
           {.time = now(),
            .process = process,
            .function = request.function,
            .is_invoke = true,
            .key = request.key,
            .value = request.value,
            .why = {}});
  }

  void complete(std::size_t lane, std::uint32_t process, std::size_t node, const Request& request,
                const Outcome& outcome) override {
    const std::int64_t time = now();
    const Fate fate = fate_on_disk(request.function, outcome);
    record(lane, node,
           {.time = time,
            .process = process,
            .function = request.function,
            .fate = fate,
            .is_invoke = false,
            .key = request.key,
            .value = fate == Fate::ok ? outcome.output() : request.value,
            .why = why_on_disk(fate, outcome.why())});
  }

  Status status() const override { return file_.status(); }
  std::uint64_t events() const override { return events_.load(std::memory_order_relaxed); }
  std::uint64_t stalls() const override { return ring_.stalls(); }

  History finish() override {
    stop();
    file_.check_presence();
    file_.sync();
    return builder_.finish();
  }

 private:
  struct NodeName {
    NodeId id;
    std::string json;
  };

  std::int64_t now() const { return (Clock::now() - origin_) / 1ns; }

  void record(std::size_t lane, std::size_t node, Event&& event) {
    FAULTLINE_CHECK(lane < lanes_ && node < nodes_.size());
    event.node = static_cast<std::uint16_t>(node);
    if (const std::uint64_t bytes = heap_bytes(event.value); bytes >= large_bytes) {
      event.is_large = true;
      ring_.admit_large(bytes);
    }
    ring_.push(std::move(event));
  }

  void stop() {
    stopping_.store(true, std::memory_order_release);
    if (writer_.joinable()) writer_.join();
  }

  void write_events() {
    auto file_checked = Clock::now();
    std::string buffer;
    for (;;) {
      const bool stopping = stopping_.load(std::memory_order_acquire);
      while (Event* event = ring_.front()) {
        append_line(buffer, *event);
        remember(*event);
        if (event->is_large) ring_.release_large(heap_bytes(event->value));
        ring_.pop();
        if (buffer.size() >= flush_bytes) flush(buffer);
      }
      flush(buffer);
      if (const auto time = Clock::now(); time - file_checked >= file_check_interval) {
        file_.check_presence();
        file_checked = time;
      }
      if (stopping && ring_.drained()) return;
      std::this_thread::sleep_for(poll_interval);
    }
  }

  void flush(std::string& buffer) {
    if (!buffer.empty()) file_.write(buffer);
    events_.store(builder_.events(), std::memory_order_relaxed);
  }

  void append_line(std::string& out, const Event& event) const {
    out += "{\"index\":";
    append_integer(out, builder_.events());
    out += ",\"type\":\"";
    out += event.is_invoke ? std::string_view("invoke") : name_of(event.fate);
    out += "\",\"process\":";
    append_integer(out, event.process);
    out += nodes_[event.node].json;
    out += ",\"f\":\"";
    out += name_of(event.function);
    out += '"';
    if (!event.key.empty()) {
      out += ",\"key\":";
      append_json_text(out, event.key);
    }
    out += ",\"value\":";
    append_json(out, event.value);
    if (!event.why.empty()) {
      out += ",\"error\":";
      append_json_text(out, event.why);
    }
    out += ",\"time\":";
    append_integer(out, event.time);
    out += "}\n";
  }

  void remember(const Event& event) {
    Status done = Ok{};
    if (event.is_invoke) {
      done = builder_.invoke({.process = event.process,
                              .function = event.function,
                              .key = event.key.empty() ? no_key : builder_.key(event.key),
                              .argument = builder_.values().add(event.value),
                              .node = nodes_[event.node].id,
                              .time = event.time});
    } else {
      done =
          builder_.complete({.process = event.process,
                             .fate = event.fate,
                             .output = event.fate == Fate::ok ? builder_.values().add(event.value)
                                                              : ValueHandle::nil(),
                             .error = event.why.empty() ? no_error : builder_.error(event.why),
                             .time = event.time});
    }
    FAULTLINE_CHECK(done);  // a worker recorded what no process can do
  }

  const std::size_t lanes_;
  const Clock::time_point origin_;
  Ring ring_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> events_{0};
  // From here on the writer thread's own, and finish()'s once it has ended.
  File file_;
  HistoryBuilder builder_;
  std::vector<NodeName> nodes_;
  std::thread writer_;
};

}  // namespace

Result<std::unique_ptr<Recorder>> Recorder::create(const std::filesystem::path& path,
                                                   std::size_t lanes,
                                                   const std::vector<std::string>& nodes,
                                                   Clock::time_point origin) {
  FAULTLINE_CHECK(nodes.size() < no_node);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  if (fd < 0) return system_error("create", path);
  return std::unique_ptr<Recorder>(std::make_unique<FileRecorder>(fd, path, lanes, nodes, origin));
}

}  // namespace faultline
