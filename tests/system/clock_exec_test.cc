// Programs that are executed while a shift is in force are told the shifted time from their first
// instruction on, however short they are, and the true one after the heal.
#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include <fmt/ranges.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>

#include "harness/os/program.h"
#include "harness/os/time_calls.h"
#include "tests/system/clock_bed.h"

#if defined(__x86_64__)
namespace faultline::system_test {
namespace {

/// What the programs said, by lines of "SECONDS", in a phase.
struct Dates {
  long shifted = 0, unshifted = 0;
};

/// Of the lines between that of `phase` and that of the next.
Dates dates_in(const std::string& text, const std::string& phase) {
  Dates dates;
  const std::size_t begin = text.find(phase + "\n");
  const long now = true_ns() / one_second;
  std::string line;
  std::istringstream lines(begin == std::string::npos ? "" : text.substr(begin));
  while (std::getline(lines, line) && !lines.eof()) {
    const long said = std::strtol(line.c_str(), nullptr, 10);
    if (said == 0 && line != phase) break;
    if (said > 0) ++(said > now + 1800 ? dates.shifted : dates.unshifted);
  }
  return dates;
}

/// A shell that does `step` for ever, and says before every one in which phase that is.
struct PhasedBed : ClockBed {
  explicit PhasedBed(const std::string& step)
      : ClockBed({"/bin/sh", "-c", "while :; do read p < $D/phase; echo $p; " + step + "; done"}) {
    directory = shells.cluster->nodes()[0].log_dir;
    shells.environment = {{"D", directory}};
  }
  /// Nothing that began in an earlier phase is going on any more when this returns.
  void begin(const std::string& name) {
    std::ofstream(directory + "/next") << name << '\n';
    std::filesystem::rename(directory + "/next", directory + "/phase");
    CHECK(eventually([&] { return output().find(name + "\n") != std::string::npos; },
                     std::chrono::seconds(60)));
  }
  /// So many dates at least.
  Dates await(const std::string& name, long count) {
    Dates dates;
    begin(name);
    CHECK(eventually(
        [&] {
          dates = dates_in(output(), name);
          return dates.shifted + dates.unshifted >= count;
        },
        std::chrono::seconds(60)));
    return dates;
  }
  /// Jumps and heals; each time so many dates.
  void jump_and_heal(long count, int cycles = 1) {
    std::ofstream(directory + "/phase") << "first\n";
    start();
    CHECK(await("before", count).shifted == 0);
    for (int i = 0; i < cycles; ++i) {
      const std::string n = std::to_string(i) + ".";
      jump(one_hour);
      CHECK(await("jump" + n, count).unshifted == 0);
      const ClockReading reading = read();
      CHECK_MESSAGE(reading.kernel_calls_missed == 0, fmt::format("{}", reading.kernel_callers));
      begin("heal" + n);
      heal();
      CHECK(await("after" + n, count).shifted == 0);
      begin("next" + n);
    }
    CHECK(shells.cluster->take_deaths().empty());
  }
  std::string directory;
};

TEST_CASE("clock exec: every date of a shell's loop is shifted, and none after the heal") {
  SUBCASE("with pauses") { PhasedBed("date +%s; sleep .02").jump_and_heal(30); }
  // Some program is being executed whenever a shift begins.
  SUBCASE("without") { PhasedBed("date +%s").jump_and_heal(2, 40); }
}

TEST_CASE("helper: execute by vfork" * doctest::skip()) {
  for (;;) {
    const pid_t child = ::vfork();
    if (child == 0) {
      ::usleep(1000);  // So that its parent is most often found waiting for it.
      ::execl("/bin/true", "true", nullptr);
      ::_exit(1);
    }
    int status = 0;
    if (::waitpid(child, &status, 0) != child || status != 0) std::abort();
  }
}

TEST_CASE("clock exec: a process that waits for its vfork() to execute is shifted without delay") {
  ClockBed bed("helper: execute by vfork");
  for (int life = 0; life < 20; ++life) {
    bed.start();
    for (const std::int64_t by : {one_hour, -one_hour}) {
      bed.jump(by);
      const ClockReading reading = bed.read();
      REQUIRE_FALSE(reading.processes.empty());
      CHECK(reading.processes.front().problem.empty());
      CHECK(reading.processes.front().offset_ns == by);
      CHECK(reading.kernel_calls_missed == 0);
    }
    bed.heal();
    CHECK(bed.shells.cluster->take_deaths().empty());
    require_ok(bed.shells.cluster->signal(0, SIGKILL));
  }
}

TEST_CASE("clock exec: a search in PATH, a script, and several at once") {
  SUBCASE("a search that fails, and goes on") {
    PhasedBed("env PATH=/nowhere:/neither:/usr/bin:/bin date +%s; nothere 2>/dev/null; sleep .01")
        .jump_and_heal(20);
  }
  SUBCASE("a script") {
    PhasedBed bed("$D/script; sleep .01");
    const std::string script = bed.directory + "/script";
    std::ofstream(script) << "#!/bin/sh\nexec date +%s\n";
    std::filesystem::permissions(script, std::filesystem::perms::all);
    bed.jump_and_heal(20);
  }
  SUBCASE("in pipes") {
    PhasedBed("date +%s | cat | cat & date +%s | cat; wait").jump_and_heal(40);
  }
}

TEST_CASE("helper: execute from a thread" * doctest::skip()) {
  if (::fork() == 0) {
    // Two threads that fail first, and one that asks for the time all the while.
    std::thread([] {
      for (;;) own_ns(CLOCK_REALTIME);
    }).detach();
    std::thread([] {
      const char* argv[] = {"date", "+%s", nullptr};
      ::execv("/nowhere/date", const_cast<char**>(argv));
      ::execv("/bin/date", const_cast<char**>(argv));
      ::_exit(1);
    }).join();
  }
  int status = 0;
  ::waitpid(-1, &status, 0);
  std::_Exit(WIFEXITED(status) ? WEXITSTATUS(status) : 2);
}

TEST_CASE("clock exec: by a thread that does not lead its process") {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe");
  PhasedBed(self + " --no-skip '--test-case=helper: execute from a thread' || echo failed")
      .jump_and_heal(5);
}

TEST_CASE("helper: signals while executions fail" * doctest::skip()) {
  static std::atomic<int> caught = 0;
  ::signal(SIGUSR1, [](int) { ++caught; });
  const char* argv[] = {"none", nullptr};
  for (int i = 0;; ++i) {
    ::execv("/nowhere/none", const_cast<char**>(argv));
    const int before = caught;
    ::raise(SIGUSR1);
    if (caught != before + 1) std::abort();
    if (i % 10 == 9) ::usleep(300'000);  // Until it is fetched.
    std::printf("tried %d\n", i);
    std::fflush(stdout);
  }
}

TEST_CASE("clock exec: one that fails leaves a thread that gets its signals, and is stopped") {
  ClockBed bed("helper: signals while executions fail");
  bed.start();
  bed.jump(one_hour);
  CHECK(bed.said("tried 12\n"));
  require_ok(bed.shells.cluster->signal(0, SIGSTOP));
  CHECK(eventually([&] {
    const auto processes = bed.shells.cluster->processes(0);
    return processes && !processes->empty() && processes->front().state == 'T';
  }));
  require_ok(bed.shells.cluster->signal(0, SIGCONT));
  CHECK(bed.says("tried"));
  CHECK(bed.all_are(one_hour));
  CHECK(bed.read().kernel_calls_missed == 0);
  CHECK(bed.shells.cluster->take_deaths().empty());
}

TEST_CASE("helper: fail to execute once" * doctest::skip()) {
  while (std::abs(own_ns(CLOCK_REALTIME) - true_ns()) < one_minute) ::usleep(1000);
  const char* argv[] = {"none", nullptr};
  ::execv("/nowhere/none", const_cast<char**>(argv));
  const auto is_free = [] {
    return read_file("/proc/self/status").find("TracerPid:\t0\n") != std::string::npos;
  };
  std::printf(is_free() ? "never seized\n" : "seized\n");
  std::fflush(stdout);
  while (!is_free()) ::usleep(1000);
  std::printf("free\n");
  std::fflush(stdout);
  for (;;) ::usleep(1000);
}

TEST_CASE("clock exec: one that fails for good is let go of") {
  ClockBed bed("helper: fail to execute once");
  bed.start();
  bed.jump(one_hour);
  CHECK(bed.said("seized\nfree\n"));
  CHECK(bed.all_are(one_hour));
}

TEST_CASE("helper: trace what executes" * doctest::skip()) {
  while (std::abs(own_ns(CLOCK_REALTIME) - true_ns()) < one_minute) ::usleep(1000);
  const pid_t child = ::fork();
  if (child == 0) {
    ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
    ::execl("/bin/echo", "echo", "traced", nullptr);
    ::_exit(1);
  }
  int status = 0;
  while (::waitpid(child, &status, 0) == child && WIFSTOPPED(status))
    ::ptrace(PTRACE_CONT, child, nullptr, nullptr);
  std::printf("ended %d\n", status);
  std::fflush(stdout);
  for (;;) ::usleep(1000);
}

TEST_CASE("clock exec: a program under another tracer goes on, and is counted") {
  ClockBed bed("helper: trace what executes");
  bed.start();
  bed.jump(one_hour);
  CHECK(bed.said("traced\n"));
  CHECK(bed.said("ended 0\n"));
  const ClockReading reading = bed.read();
  CHECK(reading.kernel_calls_missed == 1);
  CHECK(std::ranges::any_of(reading.kernel_callers, [](const std::string& caller) {
    return caller.ends_with(": executes a program that cannot be followed");
  }));
}

TEST_CASE("clock exec: what cannot be executed is told as ever") {
  ClockBed bed(std::vector<std::string>{"/nowhere/store"});
  for (const bool shifted : {false, true}) {
    if (shifted) bed.jump(one_hour);
    const Status started = bed.shells.cluster->start(0);
    REQUIRE_FALSE(started);
    CHECK(started.error().what.find("No such file") != std::string::npos);
  }
}

/// A program without any shared library, by this machine's own compiler; false if there is none.
bool make_static(const std::string& program, const std::string& body) {
  std::ofstream(program + ".c") << "#include <stdio.h>\n#include <sys/syscall.h>\n"
                                   "#include <time.h>\n#include <unistd.h>\n"
                                   "int main(int count, char** words) { (void)count; (void)words; "
                                << body << " return 0; }\n";
  const std::string command =
      "cc -w -D_GNU_SOURCE -static -o " + program + " " + program + ".c 2>/dev/null";
  if (std::system(command.c_str()) == 0) return true;
  MESSAGE("SKIPPED: no cc here that links statically");
  return false;
}

TEST_CASE("clock exec: a statically linked program") {
  PhasedBed bed("$D/static; sleep .01");
  if (make_static(bed.directory + "/static", "printf(\"%ld\\n\", (long)time(0));"))
    bed.jump_and_heal(20);
}

TEST_CASE("clock exec: one that is under way when a shift begins") {
  ClockBed bed(std::vector<std::string>{});
  const std::string directory = bed.shells.cluster->nodes()[0].log_dir, go = directory + "/go";
  // It looks at the clock for a while and executes itself. `go` is there only after a jump.
  if (!make_static(directory + "/static",
                   "for (int i = 0; i < 20; ++i) { struct timespec now; int go = "
                   "access(words[1], F_OK) == 0; syscall(SYS_clock_gettime, 0, &now, 0x736b6577); "
                   "if (go && time(0) - now.tv_sec < 1800) write(1, \"late\\n\", 5); "
                   "usleep(20); } write(1, \".\\n\", 2); execv(words[0], words);"))
    return;
  bed.shells.argv = {directory + "/static", go};
  bed.start();
  for (int i = 0; i < 60; ++i) {
    CHECK(bed.says(".\n"));
    bed.jump(one_hour);
    std::ofstream(go) << "go";
    CHECK(bed.says(".\n"));
    std::filesystem::remove(go);
    CHECK(bed.says(".\n"));
    CHECK(bed.read().kernel_calls_missed == 0);
    bed.heal();
  }
  CHECK(bed.output().find("late") == std::string::npos);
  CHECK(bed.shells.cluster->take_deaths().empty());
}

/// A process of two threads, one of which executes `sleep`: that waits in the kernel until the
/// other has ended, whose end is held up by its tracer until there is a file `release`.
TEST_CASE("helper: execute when let" * doctest::skip()) {
  const std::string release = std::getenv("D") + std::string("/release");
  int tell[2], go[2];
  if (::pipe(tell) != 0 || ::pipe(go) != 0) std::abort();
  if (::fork() == 0) {
    std::thread([&] {
      const pid_t self = ::gettid();
      if (::write(tell[1], &self, sizeof self) != sizeof self) std::abort();
      for (;;) ::pause();
    }).detach();
    char byte = 0;
    if (::read(go[0], &byte, 1) != 1) std::abort();
    ::execl("/bin/sleep", "sleep", "1000", nullptr);
    ::_exit(1);
  }
  pid_t other = 0;
  int status = 0;
  if (::read(tell[0], &other, sizeof other) != sizeof other) std::abort();
  if (::ptrace(PTRACE_SEIZE, other, nullptr, static_cast<long>(PTRACE_O_TRACEEXIT)) != 0 ||
      ::write(go[1], "x", 1) != 1 || ::waitpid(other, &status, __WALL) != other ||
      status >> 8 != (SIGTRAP | PTRACE_EVENT_EXIT << 8))
    std::abort();
  std::printf("it waits\n");
  std::fflush(stdout);
  while (!std::filesystem::exists(release)) ::usleep(1000);
  ::ptrace(PTRACE_CONT, other, nullptr, nullptr);
  ::waitpid(other, &status, __WALL);
  for (;;) ::pause();
}

/// Whether `sleep` has the shift, and what was missed.
std::pair<bool, std::int64_t> shifted_sleep(ClockBed& bed) {
  const ClockReading reading = bed.read();
  const bool shifted = std::ranges::any_of(reading.processes, [](const auto& process) {
    return process.command == "sleep" && process.problem.empty() && process.offset_ns == one_hour;
  });
  return {shifted, reading.kernel_calls_missed};
}

TEST_CASE("clock exec: a shift waits for an execution that began before it, but not for ever") {
  for (const bool in_time : {true, false}) {
    CAPTURE(in_time);
    ClockBed bed("helper: execute when let");
    const std::string directory = bed.shells.cluster->nodes()[0].log_dir;
    bed.shells.environment = {{"D", directory}};
    std::atomic<bool> released = false;
    const auto release = [&] {
      released = true;
      std::ofstream(directory + "/release") << "go";
    };
    bed.start();
    REQUIRE(bed.said("it waits\n"));
    std::jthread other;
    if (in_time)
      other = std::jthread([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        release();
      });
    bed.jump(one_hour);
    CHECK(released == in_time);
    const auto [shifted, missed] = shifted_sleep(bed);
    CHECK(shifted == in_time);
    CHECK(missed == (in_time ? 0 : 1));
    if (!in_time) {
      const auto callers = bed.read().kernel_callers;
      CHECK(std::ranges::any_of(callers, [](const std::string& caller) {
        return caller.ends_with(": was executing a program when the shift began");
      }));
      release();
    }
    CHECK(eventually([&] { return shifted_sleep(bed).first; }));
  }
}

TEST_CASE("helper: arm a timer" * doctest::skip()) {
  const clockid_t clock = std::getenv("MONOTONIC") ? CLOCK_MONOTONIC : CLOCK_REALTIME;
  sigevent nothing{};
  nothing.sigev_notify = SIGEV_NONE;
  timer_t timer{};
  if (::timer_create(clock, &nothing, &timer) != 0) std::abort();
  itimerspec spec{};
  spec.it_value.tv_sec = own_ns(clock) / one_second + 1000;
  for (bool armed = false;; ::usleep(10'000)) {
    if (!armed || std::getenv("AGAIN")) {
      const int flags = std::getenv("RELATIVE") ? 0 : TIMER_ABSTIME;
      if (::timer_settime(timer, flags, &spec, nullptr) != 0) std::abort();
      std::printf("armed\n");
      std::fflush(stdout);
      armed = true;
    }
  }
}

TEST_CASE("clock exec: a timer that is armed for a time of day is told, others are not") {
  using Environment = decltype(Shells::environment);
  for (const bool again : {false, true})
    for (const char* kind : {"REALTIME", "MONOTONIC", "RELATIVE"}) {
      CAPTURE(again);
      CAPTURE(kind);
      ClockBed bed("helper: arm a timer");
      bed.shells.environment =
          again ? Environment{{kind, "1"}, {"AGAIN", "1"}} : Environment{{kind, "1"}};
      bed.start();
      CHECK(bed.said("armed\n"));
      bed.jump(one_hour);
      if (again) CHECK(bed.says("armed\n"));
      const auto waits = bed.read().absolute_waits;
      if (kind == std::string("REALTIME")) {
        REQUIRE(waits.size() == 1);
        CHECK(waits[0].ends_with(": timer_settime"));
      } else {
        CHECK(waits.empty());
      }
    }
}

}  // namespace
}  // namespace faultline::system_test
#endif
