// What passes a switch's ports, kept in capture files (pcap-savefile(5), nanoseconds, Ethernet): a
// file a port, as tcpdump on the machine's own device would write it. What a machine sent is as it
// sent it, before anything befell it on its way; what it got is what was left of that.
//
// One thread notes frames and never waits: they go into a ring, from which a thread of the log's
// own writes them. What does not fit, and what comes after the first file_bytes of a file, is
// counted and left out. A file ends with a whole record, but for a kill while it is written.
// Private to harness/os.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <thread>
#include <vector>

#include "harness/core/result.h"
#include "harness/os/fd.h"

namespace faultline {

class PacketLog {
 public:
  static constexpr std::size_t ring_bytes = std::size_t{16} << 20;
  static constexpr std::uint64_t file_bytes_max = std::uint64_t{64} << 20;

  /// Makes the files, by port; there must be none of these names.
  static Result<std::unique_ptr<PacketLog>> open(const std::vector<std::filesystem::path>& files,
                                                 std::uint64_t file_bytes = file_bytes_max);
  ~PacketLog();  ///< All that was noted is in the files.
  PacketLog(const PacketLog&) = delete;
  PacketLog& operator=(const PacketLog&) = delete;

  /// A frame of a port, from its Ethernet header on; a port without a file is passed over. By one
  /// thread at a time. `steady_ns` is of CLOCK_MONOTONIC.
  void note(std::size_t port, std::span<const std::uint8_t> frame, std::int64_t steady_ns);
  /// Frames that were left out so far. By any thread.
  std::uint64_t missed() const { return missed_.load(std::memory_order_relaxed); }

 private:
  struct Head {
    std::uint32_t port = 0, bytes = 0;
    std::int64_t steady_ns = 0;
  };
  struct File {
    Fd fd;
    std::vector<std::uint8_t> records;  ///< To be written.
    std::uint64_t bytes = 0;            ///< With those.
    std::uint64_t written = 0;          ///< Without them.
    std::uint64_t unwritten = 0;        ///< How many records these are.
  };

  PacketLog(std::vector<File> files, std::uint64_t file_bytes);
  void run();
  void drain();
  void keep(const Head& head, std::uint64_t at);
  void write_out(File& file);
  void put(std::uint64_t at, const void* bytes, std::size_t size);
  void get(std::uint64_t at, void* bytes, std::size_t size) const;
  void miss(std::uint64_t frames) { missed_.fetch_add(frames, std::memory_order_relaxed); }

  std::vector<File> files_;
  const std::uint64_t file_bytes_;  ///< Of each at most.
  std::int64_t epoch_ns_ = 0;       ///< CLOCK_REALTIME when CLOCK_MONOTONIC was 0.
  std::vector<std::uint8_t> ring_;
  /// Bytes that were ever put in and taken out; those between are in the ring.
  std::atomic<std::uint64_t> in_{0}, out_{0};
  std::atomic<std::uint64_t> missed_{0};
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

}  // namespace faultline
