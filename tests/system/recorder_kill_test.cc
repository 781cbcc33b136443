// A controller killed with SIGKILL at any moment leaves a history that can be checked: a true
// prefix of what its clients saw.
#include <algorithm>
#include <atomic>
#include <filesystem>
#include <new>
#include <thread>
#include <vector>

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harness/core/rng.h"
#include "harness/io/load.h"
#include "harness/io/recorder.h"
#include "tests/io/temporary_folder.h"

namespace faultline {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::size_t lanes = 4;

/// What the child did, in memory that outlives it: how many writes each lane had begun and ended.
struct LaneProgress {
  struct alignas(64) Lane {
    std::atomic<std::int64_t> begun{0}, ended{0};
  };
  Lane lane[lanes];
};

/// Records writes of 0, 1, 2, … on every lane until it is killed. One in a hundred has a value that
/// needs escapes and is longer than a page, so that some kills fall into a line.
[[noreturn]] void record_for_ever(const std::filesystem::path& path, LaneProgress& progress) {
  auto recorder = Recorder::create(path, lanes, {"n1", "n2"}, Clock::now());
  if (!recorder) ::_exit(1);
  std::vector<std::thread> threads;
  for (std::size_t lane = 0; lane < lanes; ++lane)
    threads.emplace_back([&, lane] {
      const auto process = static_cast<std::uint32_t>(lane);
      for (std::int64_t i = 0;; ++i) {
        const Request request{Function::write, "k\"" + std::to_string(lane), i};
        progress.lane[lane].begun.store(i + 1);
        (*recorder)->invoke(lane, process, lane % 2, request);
        const Value answer = i % 100 == 99 ? Value(std::string(5000, '\n')) : Value(i);
        (*recorder)->complete(lane, process, lane % 2, request, Outcome::ok(answer));
        progress.lane[lane].ended.store(i + 1);
      }
    });
  for (std::thread& thread : threads) thread.join();
  ::_exit(2);
}

void require_true_prefix(const History& history, const LaneProgress& progress) {
  std::vector<std::int64_t> next(lanes, 0), completed(lanes, 0);
  for (std::size_t row = 0; row < history.size(); ++row) {
    const std::uint32_t lane = history.process()[row];
    REQUIRE(lane < lanes);
    // Every lane's writes, one after another, none missing, none invented.
    REQUIRE(history.argument()[row].small_integer() == next[lane]++);
    REQUIRE(history.key_text(history.key()[row]) == "k\"" + std::to_string(lane));
    if (history.fate()[row] == Fate::ok) {
      REQUIRE(completed[lane]++ == history.argument()[row].small_integer());
    } else {
      REQUIRE(history.fate()[row] == Fate::info);  // open when the file ends
      REQUIRE(history.end()[row] == never);
    }
  }
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    REQUIRE(next[lane] <= progress.lane[lane].begun.load());
    REQUIRE(completed[lane] <= progress.lane[lane].ended.load() + 1);
    REQUIRE(next[lane] - completed[lane] <= 1);
  }
}

TEST_CASE("recorder: killed at any moment, it leaves a true prefix") {
  Rng rng(2026);
  std::size_t torn = 0, longest = 0;
  void* shared = ::mmap(nullptr, sizeof(LaneProgress), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  REQUIRE(shared != MAP_FAILED);
  for (int round = 0; round < 25; ++round) {
    const TemporaryFolder folder;
    const std::filesystem::path path = folder / "history.jsonl";
    auto& progress = *new (shared) LaneProgress();
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) record_for_ever(path, progress);

    // A moment given by what has been written, not by a clock: anywhere in the first 4 MiB.
    const std::uint64_t moment = 1 + rng.below(std::uint64_t{1} << (4 + rng.below(19)));
    const auto deadline = Clock::now() + std::chrono::seconds(20);
    std::error_code failed;
    while ((std::filesystem::file_size(path, failed) < moment || failed) && Clock::now() < deadline)
      std::this_thread::yield();
    REQUIRE(::kill(child, SIGKILL) == 0);
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));

    LoadError error;
    const auto loaded = load_history(path, {}, &error);
    REQUIRE_MESSAGE(loaded, error.expected);
    require_true_prefix(loaded->history, progress);
    torn += loaded->warnings.size();
    longest = std::max(longest, loaded->history.size());
  }
  ::munmap(shared, sizeof(LaneProgress));
  MESSAGE("torn last lines: " << torn << " of 25; longest history: " << longest << " operations");
  CHECK(longest > 1000);
}

}  // namespace
}  // namespace faultline
