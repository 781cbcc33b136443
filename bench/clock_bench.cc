// Clock faults: bars are 5 ms for which the first patch stops an idle process, and 1 ms for a
// change that stops nobody. And what reading a clock costs the store, with a hook before it.
#include <array>
#include <chrono>
#include <cstring>
#include <fstream>

#include <benchmark/benchmark.h>
#include <poll.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/world.h"
#include "harness/os/clock_hook.h"
#include "harness/os/proc_list.h"
#include "harness/os/time_calls.h"
#include "harness/os/vdso.h"
#include "harness/os/wire.h"
#include "tests/io/temporary_folder.h"

#if defined(__x86_64__)
namespace faultline {
namespace {

constexpr std::int64_t one_hour = 3'600'000'000'000;

struct ClockBed {
  explicit ClockBed(std::size_t nodes) {
    const Status& entered = bench_world();
    if (!entered) {
      problem = entered.error().what;
      return;
    }
    options.directory = folder.path();
    options.nodes = nodes;
    options.launch = [this](const Node&, std::span<const Node>) -> Result<Launch> {
      return Launch{argv, {}};
    };
    auto made = make_cluster(options);
    if (!made) {
      problem = made.error().what;
      return;
    }
    cluster = std::move(*made);
    for (std::size_t i = 0; i < nodes; ++i) (void)cluster->start(i);
  }
  bool jump(std::size_t node, std::int64_t by) {
    const std::vector<Skew> skews = {{.since_ns = cluster->clocks().now_ns(), .by_ns = by}};
    return static_cast<bool>(
        cluster->clocks().set(node, by == 0 ? std::span<const Skew>() : skews));
  }
  std::vector<std::string> argv = {"/bin/sleep", "1000"};
  TemporaryFolder folder;
  ClusterOptions options;
  std::unique_ptr<Cluster> cluster;
  std::string problem;
};

/// The time is that for which the process stood still.
void clock_first_patch_stops(benchmark::State& state) {
  ClockBed bed(1);
  if (!bed.cluster) return state.SkipWithError(bed.problem.c_str());
  for (auto _ : state) {
    (void)bed.cluster->signal(0, SIGKILL);
    (void)bed.jump(0, 0);
    (void)bed.cluster->start(0);
    if (!bed.jump(0, one_hour)) return state.SkipWithError("shift");
    const auto reading = bed.cluster->clocks().read(0);
    if (!reading || reading->processes.empty() || !reading->processes.front().shifted)
      return state.SkipWithError("not shifted");
    state.SetIterationTime(static_cast<double>(reading->processes.front().stopped_ns) * 1e-9);
  }
}
BENCHMARK(clock_first_patch_stops)->UseManualTime()->Iterations(200)->Unit(benchmark::kMicrosecond);

/// From the controller's call to its return: every process of the node has the new shift.
void clock_change(benchmark::State& state) {
  ClockBed bed(1);
  if (!bed.cluster) return state.SkipWithError(bed.problem.c_str());
  std::int64_t by = one_hour;
  for (auto _ : state) {
    if (!bed.jump(0, by)) return state.SkipWithError("shift");
    by = -by;
  }
}
BENCHMARK(clock_change)->UseRealTime()->Unit(benchmark::kMicrosecond);

/// A shell that executes a small program again and again; the time is that of one of them. 0: no
/// call is heard of, 1: they are, under no shift, 2: under one.
void clock_execution(benchmark::State& state) {
  constexpr int programs = 300;
  ClockBed bed(1);
  if (!bed.cluster) return state.SkipWithError(bed.problem.c_str());
  if (state.range(0) > 0 && !bed.cluster->clocks().usable()) return state.SkipWithError("clocks");
  if (state.range(0) > 1 && !bed.jump(0, one_hour)) return state.SkipWithError("shift");
  bed.argv = {
      "/bin/sh", "-c",
      "i=0; while [ $i -lt " + std::to_string(programs) + " ]; do /bin/true; i=$((i+1)); done"};
  (void)bed.cluster->signal(0, SIGKILL);
  for (auto _ : state) {
    (void)bed.cluster->take_deaths();
    const auto begin = std::chrono::steady_clock::now();
    if (!bed.cluster->start(0)) return state.SkipWithError("start");
    while (bed.cluster->take_deaths().empty()) ::usleep(500);
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
    state.SetIterationTime(spent.count() / programs);
  }
}
BENCHMARK(clock_execution)
    ->DenseRange(0, 2)
    ->UseManualTime()
    ->Iterations(10)
    ->Unit(benchmark::kMicrosecond);

/// Time on a processor of all inits on this machine.
std::int64_t inits_ns() {
  std::int64_t sum = 0;
  for (const int pid : numbers_in("/proc")) {
    const auto stat = proc_stat(pid);
    if (!stat || stat->process.command != "fl-init") continue;
    std::int64_t used = 0;
    std::ifstream("/proc/" + std::to_string(pid) + "/schedstat") >> used;
    sum += used;
  }
  return sum;
}

/// Five idle nodes under a shift: what looking for new processes and measuring costs of one
/// processor.
void clock_watching(benchmark::State& state) {
  ClockBed bed(5);
  if (!bed.cluster) return state.SkipWithError(bed.problem.c_str());
  for (std::size_t i = 0; i < 5; ++i)
    if (!bed.jump(i, one_hour)) return state.SkipWithError("shift");
  double used = 0;
  for (auto _ : state) {
    const std::int64_t before = inits_ns();
    const timespec while_watching{1, 0};
    ::nanosleep(&while_watching, nullptr);
    used += static_cast<double>(inits_ns() - before) * 1e-9;
  }
  state.counters["cpu_percent"] = 100 * used / static_cast<double>(state.iterations());
}
BENCHMARK(clock_watching)->Iterations(5)->UseRealTime();

using Gettime = int(clockid_t, timespec*);

/// The hook before this process's own vDSO.
class HookedClock {
 public:
  HookedClock() {
    const auto block = hook_block();
    memory_ = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                     -1, 0);
    std::memcpy(memory_, block.data(), block.size());
    const auto* base = reinterpret_cast<const std::uint8_t*>(::getauxval(AT_SYSINFO_EHDR));
    const auto size = vdso_size({base, 4096});
    const auto places = find_places({base, *size}, block.size());
    const std::uint8_t* original = base + places->entries[0];
    // mov $original, %rax; jmp *%rax
    auto* code = static_cast<HookHead*>(memory_)->original.data();
    const std::uint8_t load[] = {0x48, 0xb8}, leap[] = {0xff, 0xe0};
    std::memcpy(code, load, 2);
    std::memcpy(code + 2, &original, 8);
    std::memcpy(code + 10, leap, 2);
  }
  ~HookedClock() { ::munmap(memory_, 4096); }
  HookSlot& slot() { return static_cast<HookHead*>(memory_)->slots[0]; }
  Gettime* gettime() const {
    return reinterpret_cast<Gettime*>(static_cast<char*>(memory_) + hook_entry_offsets()[0]);
  }

 private:
  void* memory_ = nullptr;
};

void clock_gettime_plain(benchmark::State& state) {
  timespec now{};
  for (auto _ : state) benchmark::DoNotOptimize(::clock_gettime(CLOCK_REALTIME, &now));
}
BENCHMARK(clock_gettime_plain);

/// 0: healed, 1: a jump, 2: a drift and a strobe.
void clock_gettime_hooked(benchmark::State& state) {
  HookedClock hooked;
  if (state.range(0) > 0) {
    hooked.slot().clocks = shifted_clocks;
    hooked.slot().shift.offset_ns = one_hour;
  }
  if (state.range(0) > 1) {
    hooked.slot().shift.rate_q32 = rate_of_ppm(100);
    hooked.slot().shift.strobes[0] = {one_hour, 100'000'000, 0};
  }
  Gettime* gettime = hooked.gettime();
  timespec now{};
  for (auto _ : state) benchmark::DoNotOptimize(gettime(CLOCK_REALTIME, &now));
}
BENCHMARK(clock_gettime_hooked)->DenseRange(0, 2);

/// Makes the system call `calls` times and tells, over the channel, for how many nanoseconds each.
[[noreturn]] void ask_kernel(int channel, std::int64_t calls) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const auto listener = TimeCalls::filter();
  const std::array fds = {listener ? listener->get() : -1};
  if (!listener || !wire::send(channel, wire::Writer(wire::Kind::start), fds)) ::_exit(1);
  const auto begin = std::chrono::steady_clock::now();
  timespec now{};
  for (std::int64_t i = 0; i < calls; ++i) ::syscall(SYS_clock_gettime, CLOCK_REALTIME, &now);
  const std::chrono::nanoseconds spent = std::chrono::steady_clock::now() - begin;
  (void)wire::send(channel, wire::Writer(wire::Kind::done).number(spent.count()));
  ::_exit(0);
}

/// A program that asks the kernel itself: 0 under no shift, 1 under one. The time is the program's.
void clock_kernel_call(benchmark::State& state) {
  constexpr std::int64_t calls = 20'000;
  HookSlot slot;
  slot.clocks = state.range(0) == 0 ? 0 : shifted_clocks;
  slot.shift.offset_ns = one_hour;
  TimeCallTally tally;
  for (auto _ : state) {
    auto channel = wire::make_channel();
    const pid_t pid = channel ? ::fork() : -1;
    if (pid < 0) return state.SkipWithError("fork");
    if (pid == 0) ask_kernel(channel->second.get(), calls);
    channel->second.reset();
    auto heard = wire::receive(channel->first.get());
    if (!heard || !*heard) return state.SkipWithError("system calls cannot be heard");
    TimeCalls kernel(std::move((*heard)->fds.front()));
    std::array<pollfd, 2> polled = {{{channel->first.get(), POLLIN, 0}, {kernel.fd(), POLLIN, 0}}};
    while (::poll(polled.data(), polled.size(), -1) >= 0 && polled[0].revents == 0)
      (void)kernel.serve(slot, tally);
    auto told = wire::receive(channel->first.get());
    ::waitpid(pid, nullptr, 0);
    if (!told || !*told) return state.SkipWithError("the program died");
    state.SetIterationTime(static_cast<double>((*told)->number()) * 1e-9 / calls);
  }
}
BENCHMARK(clock_kernel_call)
    ->DenseRange(0, 1)
    ->UseManualTime()
    ->Iterations(5)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace faultline
#endif
