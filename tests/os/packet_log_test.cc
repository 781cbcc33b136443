#include "harness/os/packet_log.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <thread>

#include <sys/resource.h>

#include "tests/pcap.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

struct LogStage {
  LogStage() {
    std::string name = (fs::temp_directory_path() / "packet_log-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder = name;
  }
  ~LogStage() { fs::remove_all(folder); }
  std::unique_ptr<PacketLog> open(std::uint64_t file_bytes = PacketLog::file_bytes_max) const {
    auto log = PacketLog::open({folder / "a", "", folder / "b"}, file_bytes);
    REQUIRE_MESSAGE(log, (log ? "" : log.error().what));
    return std::move(*log);
  }
  fs::path folder;
};

std::int64_t now_of(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

void note(PacketLog& log, std::size_t port, const std::string& frame,
          std::int64_t steady_ns = now_of(CLOCK_MONOTONIC)) {
  log.note(port, {reinterpret_cast<const std::uint8_t*>(frame.data()), frame.size()}, steady_ns);
}

TEST_CASE("packet log: each port's frames are in its file, in order, with their times") {
  const LogStage stage;
  const std::int64_t before = now_of(CLOCK_REALTIME);
  const std::int64_t steady = now_of(CLOCK_MONOTONIC);
  {
    const auto log = stage.open();
    note(*log, 0, "first", steady);
    note(*log, 2, "of the other", steady + 5);
    note(*log, 0, "", steady + 1'999'999'999);
    note(*log, 1, "of a port without a file");
    note(*log, 3, "of no port");
    note(*log, 0, std::string(65'000, 'x'), steady + 2'000'000'000);
    CHECK(log->missed() == 0);
  }
  const auto a = pcap::read(stage.folder / "a"), b = pcap::read(stage.folder / "b");
  REQUIRE(a.size() == 3);
  REQUIRE(b.size() == 1);
  CHECK(a[0].frame == "first");
  CHECK(a[1].frame.empty());
  CHECK(a[2].frame == std::string(65'000, 'x'));
  CHECK(b[0].frame == "of the other");
  CHECK(a[0].when_ns >= before - 1'000'000);
  CHECK(a[0].when_ns <= now_of(CLOCK_REALTIME) + 1'000'000);
  CHECK(b[0].when_ns - a[0].when_ns == 5);
  CHECK(a[1].when_ns - a[0].when_ns == 1'999'999'999);
  CHECK(a[2].when_ns - a[0].when_ns == 2'000'000'000);
}

TEST_CASE("packet log: a full ring loses frames, never parts of them, and says how many") {
  const LogStage stage;
  constexpr std::size_t many = 30'000;
  std::uint64_t missed = 0;
  {
    const auto log = stage.open();
    // Some 45 MB in far less time than a disk takes; each frame tells its number in all its bytes.
    for (std::size_t i = 0; i < many; ++i)
      note(*log, i % 2 == 0 ? 0 : 2, std::string(1000 + i % 977, static_cast<char>(i % 251)));
    missed = log->missed();
  }
  std::size_t found = 0;
  for (const char* name : {"a", "b"}) {
    std::size_t last = 0;
    for (const pcap::Record& record : pcap::read(stage.folder / name)) {
      ++found;
      // The number follows from its length and its bytes: the next one that fits.
      std::size_t i = last;
      while (i < many && (1000 + i % 977 != record.frame.size() ||
                          static_cast<char>(i % 251) != record.frame.front()))
        ++i;
      REQUIRE(i < many);
      last = i + 1;
      CHECK(record.frame.find_first_not_of(record.frame.front()) == std::string::npos);
    }
  }
  CHECK(found + missed == many);
  CHECK(found * 1000 >= PacketLog::ring_bytes / 2);
}

TEST_CASE("packet log: a ring is full where a frame would fit without its head") {
  const LogStage stage;
  constexpr std::size_t many = 40'000, bytes = 1016, whole = bytes + 16;
  static_assert(PacketLog::ring_bytes % whole >= bytes);
  const std::string frame(bytes, 'x');
  std::uint64_t missed = 0;
  {
    const auto log = stage.open();
    for (std::size_t i = 0; i < many; ++i) note(*log, 0, frame);
    missed = log->missed();
  }
  const auto records = pcap::read(stage.folder / "a");
  CHECK(records.size() + missed == many);
  CHECK(std::ranges::all_of(records, [&](const auto& record) { return record.frame == frame; }));
}

TEST_CASE("packet log: a file can be read from the moment that it is there") {
  for (int i = 0; i < 10; ++i) {
    const LogStage stage;
    const auto log = stage.open();
    CHECK(pcap::read(stage.folder / "a").empty());
  }
}

TEST_CASE("packet log: a file ends at its limit, and what would come is counted") {
  const LogStage stage;
  std::uint64_t missed = 0;
  {
    const auto log = stage.open(10'000);
    for (int i = 0; i < 20; ++i) note(*log, 0, std::string(984, 'x'));
    note(*log, 2, "fits");
  }
  CHECK(fs::file_size(stage.folder / "a") == 24 + 9 * 1000);
  CHECK(pcap::read(stage.folder / "a").size() == 9);
  CHECK(pcap::read(stage.folder / "b").size() == 1);
  {
    fs::remove(stage.folder / "a");
    fs::remove(stage.folder / "b");
    const auto log = stage.open(10'000);
    for (int i = 0; i < 20; ++i) note(*log, 0, std::string(984, 'x'));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while ((missed = log->missed()) < 11 && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
  }
  CHECK(missed == 11);
}

TEST_CASE("packet log: the last record that fits is in the file, to the byte") {
  for (const bool fits : {true, false}) {
    const LogStage stage;
    {
      const auto log = stage.open(fits ? 10'024 : 10'023);
      for (int i = 0; i < 11; ++i) note(*log, 0, std::string(984, 'x'));
    }
    CHECK(pcap::read(stage.folder / "a").size() == (fits ? 10 : 9));
  }
}

TEST_CASE("packet log: a file that is there is not written over") {
  const LogStage stage;
  stage.open();
  const auto again = PacketLog::open({stage.folder / "a"});
  REQUIRE_FALSE(again);
  CHECK(again.error().what.find("File exists") != std::string::npos);
  CHECK_FALSE(PacketLog::open({stage.folder / "none" / "a"}));
}

TEST_CASE("packet log: what the disk does not take is counted, and the file can be read") {
  const LogStage stage;
  struct sigaction ignored{}, before{};
  ignored.sa_handler = SIG_IGN;
  ::sigaction(SIGXFSZ, &ignored, &before);
  rlimit limit{};
  ::getrlimit(RLIMIT_FSIZE, &limit);
  std::uint64_t missed = 0;
  {
    const auto log = stage.open();
    note(*log, 0, "is there");
    const auto full = stage.folder / "a";
    while (fs::file_size(full) < 24 + 24) std::this_thread::yield();
    rlimit tight = limit;
    tight.rlim_cur = 5'000;
    ::setrlimit(RLIMIT_FSIZE, &tight);
    for (int i = 0; i < 20; ++i) note(*log, 0, std::string(984, 'x'));
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    const auto written = [&] { return (fs::file_size(full) - 48) / 1000; };
    while ((missed = log->missed()) + written() < 20 && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    // There is room again: what comes now would stand behind a hole.
    ::setrlimit(RLIMIT_FSIZE, &limit);
    note(*log, 0, "later");
    while (log->missed() == missed && std::chrono::steady_clock::now() < deadline)
      std::this_thread::yield();
    missed = log->missed();
  }
  ::sigaction(SIGXFSZ, &before, nullptr);
  const auto records = pcap::read(stage.folder / "a");
  CHECK(missed >= 16);
  CHECK(records.size() + missed == 22);
  CHECK(records.back().frame != "later");
  CHECK(records.front().frame == "is there");
}

}  // namespace
}  // namespace faultline
