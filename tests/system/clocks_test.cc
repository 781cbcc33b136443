// The clocks of real processes, shifted while they run: programs of every kind say themselves what
// time it is for them. They are test cases of this very program; others are in
// clock_programs_test.cc.
#include "harness/core/clocks.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <set>
#include <thread>

#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>

#include "nemesis/nemeses.h"
#include "tests/system/clock_bed.h"

#if defined(__x86_64__)
namespace faultline::system_test {
namespace {

using Kind = Skew::Kind;

/// "PID NAME SECONDS …" lines for ever: how far each clock is off the true one.
void tell_forever() {
  for (;;) {
    const std::int64_t before = true_ns();
    const std::int64_t real = own_ns(CLOCK_REALTIME), coarse = own_ns(CLOCK_REALTIME_COARSE);
    timeval day{};
    ::gettimeofday(&day, nullptr);
    const std::int64_t seconds = ::time(nullptr);
    // Rounded: a shift by whole minutes is told as such however slow this machine is.
    const auto off = [&](std::int64_t ns) {
      return std::lround(static_cast<double>(ns - before) / static_cast<double>(one_minute)) * 60;
    };
    std::printf("%d real %ld coarse %ld day %ld time %ld\n", ::getpid(), off(real), off(coarse),
                off(day.tv_sec * one_second), off(seconds * one_second));
    std::fflush(stdout);
    ::usleep(2000);
  }
}

/// What tell_forever() prints under a shift by so many seconds.
std::string clocks_line(std::int64_t seconds) {
  const std::string n = std::to_string(seconds);
  return " real " + n + " coarse " + n + " day " + n + " time " + n + "\n";
}

TEST_CASE("helper: tell clocks" * doctest::skip()) { tell_forever(); }

TEST_CASE("clocks: a running process is told another time by every call, and the true one again") {
  ClockBed bed("helper: tell clocks");
  bed.start();
  CHECK(bed.says(clocks_line(0)));
  for (const std::int64_t by : {one_hour, -one_hour, 2 * one_minute}) {
    bed.jump(by);
    CHECK(bed.says(clocks_line(by / one_second)));
    CHECK(bed.all_are(by));
  }
  bed.heal();
  CHECK(bed.says(clocks_line(0)));
  CHECK(bed.all_are(0));
  const ClockReading after = bed.read();
  CHECK(after.processes.front().threads == 1);
  CHECK_FALSE(after.processes.front().shifted);
}

TEST_CASE("clocks: what starts under a shift has it from its first instruction") {
  ClockBed bed("helper: tell clocks");
  bed.jump(one_hour);
  CHECK(bed.read().processes.empty());
  bed.start();
  CHECK(bed.says(clocks_line(3600)));
  CHECK(bed.output().find(clocks_line(0)) == std::string::npos);
  CHECK(bed.read().processes.front().threads == 0);  // Nobody was stopped for it.
  require_ok(bed.shells.cluster->signal(0, SIGKILL));
  bed.start();
  CHECK(bed.says(clocks_line(3600)));
  CHECK(bed.output().find(clocks_line(0)) == std::string::npos);
  bed.heal();
  CHECK(bed.says(clocks_line(0)));
}

TEST_CASE("helper: fork tellers" * doctest::skip()) {
  for (;;) {
    const pid_t child = ::fork();
    if (child == 0) {
      std::printf("child\n");
      std::fflush(stdout);
      const std::int64_t off = own_ns(CLOCK_REALTIME) - true_ns();
      std::printf("born %ld\n", static_cast<long>((off + one_minute / 2) / one_minute));
      std::fflush(stdout);
      ::usleep(30'000);
      ::_exit(0);
    }
    ::usleep(1000);
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
  }
}

TEST_CASE("clocks: children inherit a shift, and its end") {
  ClockBed bed("helper: fork tellers");
  bed.start();
  CHECK(bed.says("born 0\n"));
  bed.jump(one_hour);
  CHECK(bed.says("born 60\n"));
  CHECK(eventually([&] { return bed.all_are(one_hour); }));
  bed.heal();
  CHECK(bed.says("born 0\n"));
  CHECK(eventually([&] { return bed.all_are(0); }));
}

TEST_CASE("clocks: programs executed under a shift get it") {
  // `date` reads the clock at once and may be too quick; what lives longer is found.
  ClockBed bed({"/bin/sh", "-c", "while :; do sleep 0.05 & sleep 0.2; done"});
  bed.start();
  bed.jump(one_hour);
  std::set<int> shifted;
  CHECK(eventually([&] {
    for (const ClockReading::Process& process : bed.read().processes)
      if (process.problem.empty() && process.offset_ns == one_hour && process.command == "sleep")
        shifted.insert(process.pid);
    return shifted.size() >= 5;
  }));
}

TEST_CASE("helper: many clocks" * doctest::skip()) {
  std::vector<std::thread> threads;
  std::atomic<long> count = 0;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&] {
      for (;;) {
        const std::int64_t before = own_ns(CLOCK_MONOTONIC);
        own_ns(CLOCK_REALTIME);
        timeval day{};
        ::gettimeofday(&day, nullptr);
        ::time(nullptr);
        if (own_ns(CLOCK_MONOTONIC) < before) std::abort();
        ++count;
      }
    });
  for (;;) {
    std::printf("count %ld\n", count.load());
    std::fflush(stdout);
    ::usleep(20'000);
  }
}

TEST_CASE("clocks: threads that hammer them survive patches, changes and heals") {
  ClockBed bed("helper: many clocks");
  // Every start is a first patch under load.
  for (int life = 0; life < 5; ++life) {
    bed.start();
    CHECK(bed.says("count"));
    for (int i = 0; i < 100; ++i) {
      bed.jump(i % 2 == 0 ? one_hour : -one_hour);
      CHECK(bed.all_are(i % 2 == 0 ? one_hour : -one_hour));
      bed.heal();
    }
    CHECK(bed.read().processes.front().threads == 7);
    CHECK(bed.says("count"));
    CHECK(bed.shells.cluster->take_deaths().empty());
    require_ok(bed.shells.cluster->signal(0, SIGKILL));
  }
}

TEST_CASE("clocks: a process that is stopped is shifted as well, and stays stopped") {
  ClockBed bed("helper: tell clocks");
  bed.start();
  CHECK(bed.says(clocks_line(0)));
  require_ok(bed.shells.cluster->signal(0, SIGSTOP));
  bed.jump(one_hour);
  CHECK(bed.all_are(one_hour));
  // Let go by the tracer it wakes for an instant, in the kernel, to stop again.
  CHECK(eventually([&] {
    const auto processes = bed.shells.cluster->processes(0);
    return processes && processes->front().state == 'T';
  }));
  const std::string printed = bed.output();
  bed.jump(-one_hour);
  CHECK(bed.all_are(-one_hour));
  CHECK(bed.output() == printed);
  bed.jump(one_hour);
  require_ok(bed.shells.cluster->signal(0, SIGCONT));
  CHECK(bed.says(clocks_line(3600)));
}

TEST_CASE("clocks: drift, strobe, freeze and walk are measured from inside") {
  ClockBed bed("helper: tell clocks");
  bed.start();
  CHECK(bed.says(clocks_line(0)));
  const std::int64_t now = bed.clocks().now_ns();
  SUBCASE("drift") {
    // A one_minute for every 10 ms that pass.
    const std::vector<Skew> skews = {
        {.kind = Kind::drift, .since_ns = now, .rate_q32 = rate_of_ppm(1e6) * 6000}};
    require_ok(bed.clocks().set(0, skews));
    CHECK(bed.says(" real 6"));  // 60, 660, 6000 …
    const auto first = bed.read(), next = bed.read();
    CHECK(next.processes.front().offset_ns > first.processes.front().offset_ns);
  }
  SUBCASE("strobe") {
    const std::vector<Skew> skews = {
        {.kind = Kind::strobe, .since_ns = now, .by_ns = one_hour, .period_ns = 100'000'000}};
    require_ok(bed.clocks().set(0, skews));
    CHECK(bed.says(clocks_line(3600)));
    CHECK(bed.says(clocks_line(0)));
    CHECK(bed.says(clocks_line(3600)));
  }
  SUBCASE("freeze") {
    const std::vector<Skew> skews = {{.kind = Kind::freeze, .since_ns = now - one_hour}};
    require_ok(bed.clocks().set(0, skews));
    CHECK(bed.says(clocks_line(-3600)));
    const auto first = bed.read(), next = bed.read();
    CHECK(first.processes.front().offset_ns + first.at_ns ==
          next.processes.front().offset_ns + next.at_ns);
  }
  SUBCASE("walk") {
    const std::vector<Skew> skews = {{.kind = Kind::random_walk,
                                      .since_ns = now,
                                      .by_ns = one_hour,
                                      .period_ns = 10'000'000,
                                      .seed = 3}};
    require_ok(bed.clocks().set(0, skews));
    std::set<std::int64_t> seen;
    CHECK(eventually([&] {
      seen.insert(bed.read().processes.front().offset_ns);
      return seen.size() >= 5;
    }));
  }
  bed.heal();
  CHECK(bed.says(clocks_line(0)));
}

TEST_CASE("helper: wait until a time of day" * doctest::skip()) {
  timespec until{};
  ::clock_gettime(CLOCK_REALTIME, &until);
  until.tv_sec += 1000;
  std::thread([] {
    const int timer = ::timerfd_create(CLOCK_REALTIME, 0);
    itimerspec spec{};
    spec.it_value.tv_sec = ::time(nullptr) + 1000;
    ::timerfd_settime(timer, TFD_TIMER_ABSTIME, &spec, nullptr);
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = ::read(timer, &count, sizeof count);
  }).detach();
  ::clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, nullptr);
}

TEST_CASE("clocks: waits until a time of day are noticed, others are not") {
  {
    ClockBed bed("helper: wait until a time of day");
    bed.start();
    CHECK(eventually([&] {
      bed.jump(one_hour);
      const auto waits = bed.read().absolute_waits;
      bed.heal();
      return waits.size() == 2 && waits[0].ends_with(": clock_nanosleep") &&
             waits[1].ends_with(": timerfd");
    }));
  }
  ClockBed bed({"/bin/sleep", "1000"});
  bed.start();
  bed.jump(one_hour);
  CHECK(eventually([&] { return bed.read().series.size() >= 3; }));
  CHECK(bed.read().absolute_waits.empty());
}

TEST_CASE("clocks: the series of offsets is what was in force, and stays short") {
  ClockBed bed({"/bin/sleep", "1000"});
  bed.start();
  bed.jump(one_hour);
  CHECK(eventually([&] { return bed.read().series.size() >= 5; }));
  std::int64_t last = 0;
  for (const ClockReading::Sample& sample : bed.read().series) {
    CHECK(sample.at_ns > last);
    last = sample.at_ns;
    CHECK(sample.least_ns == one_hour);
    CHECK(sample.most_ns == one_hour);
    CHECK(sample.processes == 1);
  }
  for (int i = 0; i < 100; ++i) bed.jump(one_minute * (i + 1));
  CHECK(bed.read().series.size() <= ClockReading::samples_max);
  // Thinned out, it may lack the first sample of the last jump, but not all.
  CHECK(eventually([&] { return bed.read().series.back().most_ns == 100 * one_minute; }));
  bed.heal();
  CHECK(bed.read().series.back().most_ns == 100 * one_minute);
  const std::int64_t healed_ns = bed.clocks().now_ns();
  bed.jump(one_hour);
  const auto series = bed.read().series;  // Of this shift alone.
  REQUIRE_FALSE(series.empty());
  CHECK(series.front().at_ns >= healed_ns);
}

TEST_CASE("clocks: the machine's own clock and other nodes' are as they were") {
  ClockBed bed(helper("helper: tell clocks"), 2);
  bed.start();
  require_ok(bed.shells.cluster->start(1));
  bed.jump(one_hour);
  CHECK(bed.says(clocks_line(3600)));
  const auto other = bed.clocks().read(1);
  REQUIRE(other);
  CHECK(other->processes.empty());  // Never touched, so never looked at.
  const auto log = bed.shells.cluster->nodes()[1].log_dir / "stdout.log";
  const std::size_t before = read_file(log).size();
  CHECK(
      eventually([&] { return read_file(log).find(clocks_line(0), before) != std::string::npos; }));
  CHECK(std::abs(own_ns(CLOCK_REALTIME) - true_ns()) < one_minute);
}

}  // namespace
}  // namespace faultline::system_test
#endif
