// How long `faultline check` takes over a large history, as a process of its own, and how much
// memory at its peak. The bars, on two cores: one million operations in JSON lines within 0.7 s;
// ten million operations, in EDN as in JSON lines, within 6 GiB; one million transactions that
// append to lists, 300 MB of JSON lines, within 2 s and 4 GiB.
#include <array>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/database.h"
#include "harness/core/check.h"
#include "harness/core/rng.h"
#include "harness/io/export.h"
#include "tests/io/temporary_folder.h"

namespace faultline {
namespace {

namespace fs = std::filesystem;

enum class Syntax : std::uint8_t { jsonl, edn };

constexpr std::uint64_t history_seed = 1;
constexpr std::size_t history_processes = 10, history_keys = 20;

/// A linearizable history: half reads, half writes of values that are all different. An operation
/// takes effect when it completes; who goes on next is random. JSON lines are like ours; EDN is
/// like Jepsen's, with keys in tuples.
class HistoryWriter {
 public:
  HistoryWriter(const fs::path& path, Syntax syntax)
      : file_(std::fopen(path.c_str(), "w"), &std::fclose), syntax_(syntax) {
    FAULTLINE_CHECK(file_ != nullptr);
  }

  void write(std::uint64_t operations) {
    for (std::uint64_t begun = 0, open = 0; begun < operations || open > 0;) {
      const std::size_t process = rng_.below(history_processes);
      Operation& operation = running_[process];
      if (!operation.is_open) {
        if (begun++ >= operations) continue;
        operation = {true, rng_.below(2) == 0, rng_.below(history_keys), 0};
        if (!operation.is_read) operation.value = ++last_value_;
        ++open;
        write_event(process, operation, true);
      } else {
        std::uint64_t& state = states_[operation.key];
        (operation.is_read ? operation.value : state) = operation.is_read ? state : operation.value;
        operation.is_open = false;
        --open;
        write_event(process, operation, false);
      }
    }
    FAULTLINE_CHECK(std::fflush(file_.get()) == 0);
  }

 private:
  struct Operation {
    bool is_open = false, is_read = false;
    std::uint64_t key = 0, value = 0;  ///< 0: nothing was written yet.
  };

  void write_event(std::size_t process, const Operation& operation, bool is_invoke) {
    const bool is_nil = operation.value == 0 || (is_invoke && operation.is_read);
    const bool is_edn = syntax_ == Syntax::edn;
    const std::string value = is_nil ? (is_edn ? "nil" : "null") : std::to_string(operation.value);
    const char* const type = is_invoke ? "invoke" : "ok";
    const char* const f = operation.is_read ? "read" : "write";
    const std::uint64_t time = 1000 * index_;
    int written = 0;
    if (is_edn)
      written = std::fprintf(
          file_.get(),
          "{:index %lu, :type :%s, :process %zu, :f :%s, :value [%lu %s], :time %lu}\n", index_,
          type, process, f, operation.key, value.c_str(), time);
    else
      written = std::fprintf(file_.get(),
                             "{\"index\":%lu,\"type\":\"%s\",\"process\":%zu,\"node\":\"n%zu\","
                             "\"f\":\"%s\",\"key\":\"k%lu\",\"value\":%s,\"time\":%lu}\n",
                             index_, type, process, process % 5 + 1, f, operation.key,
                             value.c_str(), time);
    FAULTLINE_CHECK(written > 0);
    ++index_;
  }

  std::unique_ptr<std::FILE, int (*)(std::FILE*)> file_;
  const Syntax syntax_;
  Rng rng_{history_seed};
  std::array<Operation, history_processes> running_{};
  std::array<std::uint64_t, history_keys> states_{};
  std::uint64_t last_value_ = 0;
  std::uint64_t index_ = 0;
};

/// What a `faultline check` of it used.
rusage check_in_child(const fs::path& history) {
  std::array<std::string, 3> words = {FAULTLINE_PROGRAM, "check", history.string()};
  char* argv[] = {words[0].data(), words[1].data(), words[2].data(), nullptr};
  posix_spawn_file_actions_t actions;
  FAULTLINE_CHECK(::posix_spawn_file_actions_init(&actions) == 0);
  FAULTLINE_CHECK(
      ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0) == 0);
  pid_t child = -1;
  FAULTLINE_CHECK(::posix_spawn(&child, argv[0], &actions, nullptr, argv, environ) == 0);
  ::posix_spawn_file_actions_destroy(&actions);
  int status = 0;
  rusage used{};
  FAULTLINE_CHECK(::wait4(child, &status, 0, &used) == child);
  FAULTLINE_CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);  // the history is linearizable
  return used;
}

/// Until the state has seen enough.
void check_again_and_again(benchmark::State& state, const fs::path& path) {
  double processor = 0, peak = 0;
  for (auto _ : state) {
    const rusage used = check_in_child(path);
    const auto seconds = [](const timeval& t) {
      return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    processor += seconds(used.ru_utime) + seconds(used.ru_stime);
    peak = std::max(peak, static_cast<double>(used.ru_maxrss) / 1024);
  }
  state.counters["cpu_s"] = benchmark::Counter(processor, benchmark::Counter::kAvgIterations);
  state.counters["peak_MiB"] = peak;
  state.counters["file_MiB"] = static_cast<double>(fs::file_size(path)) / (1 << 20);
}

void check_operations(benchmark::State& state, std::uint64_t operations) {
  const auto syntax = static_cast<Syntax>(state.range(0));
  const TemporaryFolder folder;
  const fs::path path = folder / (syntax == Syntax::edn ? "history.edn" : "history.jsonl");
  HistoryWriter(path, syntax).write(operations);
  check_again_and_again(state, path);
  state.SetLabel(std::string(syntax == Syntax::edn ? "EDN, " : "JSON lines, ") +
                 std::to_string(operations) + " operations, " + std::to_string(history_processes) +
                 " processes, " + std::to_string(history_keys) + " keys, half reads, seed " +
                 std::to_string(history_seed));
}

/// Strict serializable; the lists are retired after so many appends.
void check_process_transactions(benchmark::State& state) {
  const TemporaryFolder folder;
  const fs::path path = folder / "history.jsonl";
  {
    const History history =
        Database(1'000'000, static_cast<std::size_t>(state.range(0)), 0, Work::lists).run(true);
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "w"),
                                                               &std::fclose);
    FAULTLINE_CHECK(file != nullptr);
    FAULTLINE_CHECK(export_history(history, "jsonl", [&](std::string_view text) {
      FAULTLINE_CHECK(std::fwrite(text.data(), 1, text.size(), file.get()) == text.size());
    }));
  }
  check_again_and_again(state, path);
  state.SetLabel("JSON lines, 1000000 transactions (bench/database.h)");
}
BENCHMARK(check_process_transactions)
    ->ArgName("list")
    ->Arg(128)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(5);

/// 0: JSON lines, 1: EDN.
void check_process_million(benchmark::State& state) { check_operations(state, 1'000'000); }
BENCHMARK(check_process_million)
    ->Arg(0)
    ->Arg(1)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(5);

/// Gigabytes on disk, and a minute: only for who asks for it.
void check_process_ten_million(benchmark::State& state) {
  if (benchmark::GetBenchmarkFilter().find("ten_million") == std::string::npos) {
    state.SkipWithError("ask for it by name: ./dev bench ten_million");
    return;
  }
  check_operations(state, 10'000'000);
}
BENCHMARK(check_process_ten_million)
    ->Arg(0)
    ->Arg(1)
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime()
    ->Iterations(1);

}  // namespace
}  // namespace faultline
