// A process whose clock is patched at the worst moment: one of its threads is in the middle of the
// bytes that the jump replaces.
#include "harness/os/clock_patch.h"

#include <atomic>
#include <csignal>
#include <set>

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/time.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "harness/os/clock_exec.h"
#include "harness/os/thread_stop.h"
#include "tests/system/clock_bed.h"

#if defined(__x86_64__)
namespace faultline::system_test {
namespace {

/// Asks for the time by all three entries for ever, and counts the rounds; killed with the object.
class Asker {
 public:
  Asker() {
    void* shared = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    REQUIRE(shared != MAP_FAILED);
    rounds_ = new (shared) std::atomic<long>(0);
    pid_ = ::fork();
    REQUIRE(pid_ >= 0);
    if (pid_ == 0) ask(*rounds_);
  }
  ~Asker() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    ::munmap(rounds_, 4096);
  }
  Asker(const Asker&) = delete;
  Asker& operator=(const Asker&) = delete;

  int pid() const { return pid_; }
  /// Whether it asks and asks from now on.
  bool goes_on() const {
    const long before = rounds_->load();
    return eventually([&] { return rounds_->load() > before + 100; });
  }
  /// Lets it execute until it is about to execute at `address`, and leaves it there, stopped. False
  /// if it never comes there.
  bool stop_at(std::uint64_t address) const {
    if (::ptrace(PTRACE_SEIZE, pid_, nullptr, nullptr) != 0) return false;
    ::ptrace(PTRACE_INTERRUPT, pid_, nullptr, nullptr);
    ::waitpid(pid_, nullptr, __WALL);
    constexpr int steps_max = 20'000;  // A round is some hundreds.
    bool there = false;
    for (int i = 0; i < steps_max && !there; ++i) {
      ::ptrace(PTRACE_SINGLESTEP, pid_, nullptr, nullptr);
      ::waitpid(pid_, nullptr, __WALL);
      user_regs_struct registers{};
      ::ptrace(PTRACE_GETREGS, pid_, nullptr, &registers);
      there = registers.rip == address;
    }
    ::ptrace(PTRACE_DETACH, pid_, nullptr, static_cast<long>(SIGSTOP));
    int status = 0;
    return there && ::waitpid(pid_, &status, WUNTRACED) == pid_ && WIFSTOPPED(status);
  }

 private:
  [[noreturn]] static void ask(std::atomic<long>& rounds) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    timespec first{};
    ::clock_gettime(CLOCK_MONOTONIC, &first);
    for (;; ++rounds) {
      timespec monotonic{}, real{};
      timeval day{};
      if (::clock_gettime(CLOCK_MONOTONIC, &monotonic) != 0 ||
          ::clock_gettime(CLOCK_REALTIME, &real) != 0 || ::gettimeofday(&day, nullptr) != 0)
        ::_exit(1);
      const time_t seconds = ::time(nullptr);
      const auto near = [&](time_t other) { return std::abs(other - real.tv_sec) < 600; };
      // While a shift begins or ends, the one may have it and the next not.
      if (!near(day.tv_sec) && !near(day.tv_sec - 3600) && !near(day.tv_sec + 3600)) ::_exit(2);
      if (!near(seconds) && !near(seconds - 3600) && !near(seconds + 3600)) ::_exit(3);
      if (monotonic.tv_sec < first.tv_sec || monotonic.tv_sec > first.tv_sec + 600) ::_exit(4);
    }
  }

  int pid_ = -1;
  std::atomic<long>* rounds_ = nullptr;
};

TEST_CASE("clock patch: a thread within the bytes that are replaced is led out of them") {
  const auto* base = reinterpret_cast<const std::uint8_t*>(::getauxval(AT_SYSINFO_EHDR));
  REQUIRE(base != nullptr);
  const auto size = vdso_size({base, 4096});
  REQUIRE(size);
  const auto places = find_places({base, *size}, hook_block().size());
  REQUIRE(places);
  int within = 0;
  for (const std::size_t entry : places->entries)
    for (std::size_t offset = 0; offset < 5; ++offset) {
      CAPTURE(entry);
      CAPTURE(offset);
      const Asker asker;
      // Not every byte begins an instruction.
      if (!asker.stop_at(reinterpret_cast<std::uint64_t>(base + entry + offset))) continue;
      within += offset > 0;
      auto patch = ClockPatch::open(asker.pid());
      REQUIRE(patch);
      const Status hooked = patch->hook(false);
      if (!hooked) FAIL(hooked.error().what);
      HookSlot slot;
      slot.clocks = shifted_clocks;
      slot.shift.offset_ns = one_hour;
      CHECK(patch->set(slot));
      ::kill(asker.pid(), SIGCONT);
      CHECK(asker.goes_on());
      CHECK(patch->set({}));
      CHECK(asker.goes_on());
    }
  // Else nothing was tried: another vDSO, whose entries begin with one long instruction.
  if (within == 0) MESSAGE("SKIPPED: no instruction begins within the replaced bytes");
}

/// Killed and reaped with the object.
struct Child {
  explicit Child(const std::function<void()>& work) : parent(::getpid()), pid(::fork()) {
    REQUIRE(pid >= 0);
    if (pid != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() == parent) work();  // Else it was killed before it could say so.
    ::_exit(1);
  }
  ~Child() {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, __WALL);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  const pid_t parent, pid;
};

TEST_CASE("thread stop: one that stops at once does so, though the time was over before a look") {
  const Child idle([] { ::pause(); });
  for (int i = 0; i < 20; ++i) {
    const auto stop = ThreadStop::make(idle.pid, std::chrono::milliseconds(0));
    REQUIRE_MESSAGE(stop, (stop ? "" : stop.error().what));
    CHECK(stop->size() == 1);
  }
}

TEST_CASE("clock patch: a process that executes another program before it stops") {
  // Its execve() waits in the kernel for the name of the program, a page that nobody filled yet.
  Fd faults(static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)));
  if (!faults) {
    MESSAGE("SKIPPED: userfaultfd() of the kernel's own reads is not for us");
    return;
  }
  constexpr std::size_t page = 4096;
  alignas(page) static char name[page] = "/bin/sleep";
  void* const hole = ::mmap(nullptr, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(hole != MAP_FAILED);
  int pipe[2];
  REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pipe) == 0);
  // The child has its own, as a page belongs to the process that asked.
  const Child child([&] {
    const int own = static_cast<int>(::syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
    uffdio_api api{.api = UFFD_API, .features = 0, .ioctls = 0};
    uffdio_register range{.range = {reinterpret_cast<std::uintptr_t>(hole), page},
                          .mode = UFFDIO_REGISTER_MODE_MISSING,
                          .ioctls = 0};
    if (::ioctl(own, UFFDIO_API, &api) != 0 || ::ioctl(own, UFFDIO_REGISTER, &range) != 0) return;
    if (::write(pipe[1], &own, sizeof own) != sizeof own) return;
    ::execl(static_cast<const char*>(hole), "sleep", "1000", nullptr);
  });
  int number = 0;
  REQUIRE(::read(pipe[0], &number, sizeof number) == sizeof number);
  const Fd process(static_cast<int>(::syscall(SYS_pidfd_open, child.pid, 0)));
  faults = Fd(static_cast<int>(::syscall(SYS_pidfd_getfd, process.get(), number, 0)));
  REQUIRE(faults);
  REQUIRE(eventually([&] { return execution_of(child.pid) == Execution::waits; }));

  auto patch = ClockPatch::open(child.pid);
  REQUIRE(patch);
  bool filled = false;
  const Status hooked = patch->hook(false, [&] {
    if (filled) return;
    uffdio_copy copy{.dst = reinterpret_cast<std::uintptr_t>(hole),
                     .src = reinterpret_cast<std::uintptr_t>(name),
                     .len = page,
                     .mode = 0,
                     .copy = 0};
    filled = ::ioctl(faults.get(), UFFDIO_COPY, &copy) == 0;
  });
  CHECK(filled);
  REQUIRE_MESSAGE(hooked, (hooked ? "" : hooked.error().what));
  CHECK(patch->alive());
  HookSlot slot;
  slot.clocks = shifted_clocks;
  slot.shift.offset_ns = one_hour;
  CHECK(patch->set(slot));
  const auto now = patch->read();
  REQUIRE(now);
  CHECK(now->shift.offset_ns == one_hour);
  CHECK(read_file("/proc/" + std::to_string(child.pid) + "/comm") == "sleep\n");
  ::munmap(hole, page);
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST_CASE("clock exec: whom we trace already is not taken for another's, and nobody else is ours") {
  ExecFollower follower;
  const Child ours([] { ::pause(); });
  REQUIRE(::ptrace(PTRACE_SEIZE, ours.pid, nullptr, nullptr) == 0);
  CHECK(follower.begins(ours.pid, true));  // It stops for who seized it, behind its execution.
  CHECK_FALSE(follower.follows(ours.pid));

  int pipe[2];
  REQUIRE(::pipe2(pipe, O_CLOEXEC) == 0);
  const Child tracer([&] {
    const Child traced([] { ::pause(); });
    if (::ptrace(PTRACE_SEIZE, traced.pid, nullptr, nullptr) != 0) return;
    if (::write(pipe[1], &traced.pid, sizeof traced.pid) == sizeof traced.pid) ::pause();
  });
  pid_t theirs = 0;
  REQUIRE(::read(pipe[0], &theirs, sizeof theirs) == sizeof theirs);
  CHECK_FALSE(follower.begins(theirs, true));
  CHECK_FALSE(follower.follows(theirs));
  ::close(pipe[0]);
  ::close(pipe[1]);
}

}  // namespace
}  // namespace faultline::system_test
#endif
