#include "harness/os/packet_log.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstring>
#include <ctime>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace faultline {
namespace {

constexpr std::chrono::milliseconds pause{10};

/// pcap-savefile(5), in this machine's order of bytes.
struct FileHeader {
  std::uint32_t magic = 0xa1b23c4d;  ///< Of nanoseconds.
  std::uint16_t major = 2, minor = 4;
  std::uint32_t zone = 0, accuracy = 0;
  std::uint32_t longest = 262144;
  std::uint32_t link = 1;  ///< Ethernet.
};
static_assert(sizeof(FileHeader) == 24);
struct RecordHeader {
  std::uint32_t seconds = 0, nanoseconds = 0, kept = 0, length = 0;
};

std::int64_t clock_now_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

template <typename Header>
void append_header(std::vector<std::uint8_t>& bytes, const Header& header) {
  const std::size_t end = bytes.size();
  bytes.resize(end + sizeof header);
  std::memcpy(bytes.data() + end, &header, sizeof header);
}

}  // namespace

Result<std::unique_ptr<PacketLog>> PacketLog::open(const std::vector<std::filesystem::path>& files,
                                                   std::uint64_t file_bytes) {
  std::vector<File> opened;
  for (const auto& path : files) {
    File& file = opened.emplace_back();
    if (path.empty()) continue;
    file.fd = Fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!file.fd) return os_error("make " + path.string());
    append_header(file.records, FileHeader{});
    file.bytes = file.records.size();
  }
  return std::unique_ptr<PacketLog>(new PacketLog(std::move(opened), file_bytes));
}

PacketLog::PacketLog(std::vector<File> files, std::uint64_t file_bytes)
    : files_(std::move(files)), file_bytes_(file_bytes), ring_(ring_bytes) {
  epoch_ns_ = clock_now_ns(CLOCK_REALTIME) - clock_now_ns(CLOCK_MONOTONIC);
  for (File& file : files_) write_out(file);  // Their headers, whatever becomes of us.
  // Signals are for the controller's main thread.
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

PacketLog::~PacketLog() {
  stop_ = true;
  thread_.join();
}

void PacketLog::note(std::size_t port, std::span<const std::uint8_t> frame,
                     std::int64_t steady_ns) {
  if (port >= files_.size() || !files_[port].fd) return;
  const Head head{static_cast<std::uint32_t>(port), static_cast<std::uint32_t>(frame.size()),
                  steady_ns};
  const std::uint64_t in = in_.load(std::memory_order_relaxed);
  const std::uint64_t used = in - out_.load(std::memory_order_acquire);
  if (used + sizeof head + frame.size() > ring_bytes) return miss(1);
  put(in, &head, sizeof head);
  put(in + sizeof head, frame.data(), frame.size());
  in_.store(in + sizeof head + frame.size(), std::memory_order_release);
}

void PacketLog::put(std::uint64_t at, const void* bytes, std::size_t size) {
  const std::size_t place = at % ring_bytes, first = std::min(size, ring_bytes - place);
  std::memcpy(ring_.data() + place, bytes, first);
  std::memcpy(ring_.data(), static_cast<const std::uint8_t*>(bytes) + first, size - first);
}

void PacketLog::get(std::uint64_t at, void* bytes, std::size_t size) const {
  const std::size_t place = at % ring_bytes, first = std::min(size, ring_bytes - place);
  std::memcpy(bytes, ring_.data() + place, first);
  std::memcpy(static_cast<std::uint8_t*>(bytes) + first, ring_.data(), size - first);
}

void PacketLog::run() {
  ::prctl(PR_SET_NAME, "fl-pcap");
  while (!stop_.load(std::memory_order_acquire)) {
    drain();
    std::this_thread::sleep_for(pause);
  }
  drain();
}

void PacketLog::drain() {
  std::uint64_t out = out_.load(std::memory_order_relaxed);
  const std::uint64_t in = in_.load(std::memory_order_acquire);
  while (out < in) {
    Head head;
    get(out, &head, sizeof head);
    keep(head, out + sizeof head);
    out += sizeof head + head.bytes;
    out_.store(out, std::memory_order_release);
  }
  for (File& file : files_) write_out(file);
}

void PacketLog::keep(const Head& head, std::uint64_t at) {
  File& file = files_[head.port];
  if (file.bytes + sizeof(RecordHeader) + head.bytes > file_bytes_) return miss(1);
  const std::int64_t when = epoch_ns_ + head.steady_ns;
  append_header(file.records, RecordHeader{static_cast<std::uint32_t>(when / 1'000'000'000),
                                           static_cast<std::uint32_t>(when % 1'000'000'000),
                                           head.bytes, head.bytes});
  const std::size_t end = file.records.size();
  file.records.resize(end + head.bytes);
  get(at, file.records.data() + end, head.bytes);
  file.bytes += sizeof(RecordHeader) + head.bytes;
  ++file.unwritten;
}

/// What the disk does not take is left out, and so is all that comes later: a file with a hole
/// could not be read.
void PacketLog::write_out(File& file) {
  std::size_t done = 0;
  while (done < file.records.size()) {
    const ssize_t wrote =
        ::write(file.fd.get(), file.records.data() + done, file.records.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) break;
    done += static_cast<std::size_t>(wrote);
  }
  if (done == file.records.size()) {
    file.written += done;
  } else {
    // If that fails, the file ends with part of a record.
    [[maybe_unused]] const int cut = ::ftruncate(file.fd.get(), static_cast<off_t>(file.written));
    file.bytes = file_bytes_;
    miss(file.unwritten);
  }
  file.records.clear();
  file.unwritten = 0;
}

}  // namespace faultline
