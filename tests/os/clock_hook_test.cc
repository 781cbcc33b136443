// The code that stands before a process's clocks, run on this machine over a clock of the test's
// own, against the model that says what it computes.
#include "harness/os/clock_hook.h"

#include <cstring>
#include <thread>

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <sys/time.h>

#include "harness/core/rng.h"

#if defined(__x86_64__)
namespace faultline {
namespace {

constexpr std::int64_t one_second = 1'000'000'000;

/// The block in memory that is both written and executed, as a vDSO is for a tracer.
class Hook {
 public:
  Hook() {
    const auto block = hook_block();
    memory_ = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                     -1, 0);
    REQUIRE(memory_ != MAP_FAILED);
    std::memcpy(memory_, block.data(), block.size());
    // mov $times, %rax; then copies the timespec of the clock asked for, 16 bytes each, to (%rsi).
    std::array<std::uint8_t, 40> code = {0x48, 0xb8, 0,    0,    0,    0,
                                         0,    0,    0,    0,    0x89, 0xf9,  // mov %edi, %ecx
                                         0xc1, 0xe1, 0x04,                    // shl $4, %ecx
                                         0x48, 0x01, 0xc8,                    // add %rcx, %rax
                                         0x48, 0x8b, 0x08,                    // mov (%rax), %rcx
                                         0x48, 0x89, 0x0e,                    // mov %rcx, (%rsi)
                                         0x48, 0x8b, 0x48, 0x08,              // mov 8(%rax), %rcx
                                         0x48, 0x89, 0x4e, 0x08,              // mov %rcx, 8(%rsi)
                                         0x31, 0xc0, 0xc3};                   // xor %eax, %eax; ret
    const timespec* times = times_.data();
    std::memcpy(code.data() + 2, &times, sizeof times);
    head().original = code;
  }
  ~Hook() { ::munmap(memory_, 4096); }
  Hook(const Hook&) = delete;
  Hook& operator=(const Hook&) = delete;

  HookHead& head() { return *static_cast<HookHead*>(memory_); }
  void is(int clock, std::int64_t ns) {
    times_[static_cast<std::size_t>(clock)] = {ns / one_second, ns % one_second};
  }
  void shift(const ClockShift& shift, std::uint64_t clocks = shifted_clocks) {
    HookHead& h = head();
    h.slots[(h.generation + 1) & 1] = {clocks, shift};
    ++h.generation;
  }
  std::int64_t ask(int clock) const {
    timespec told{-1, -1};
    CHECK(entry<int(int, timespec*)>(0)(clock, &told) == 0);
    CHECK(told.tv_nsec >= 0);
    CHECK(told.tv_nsec < one_second);
    return told.tv_sec * one_second + told.tv_nsec;
  }
  template <typename Function>
  Function* entry(std::size_t i) const {
    return reinterpret_cast<Function*>(static_cast<char*>(memory_) + hook_entry_offsets()[i]);
  }

 private:
  void* memory_ = nullptr;
  std::array<timespec, 16> times_{};
};

TEST_CASE("clock hook: without a shift it says what the original says") {
  Hook hook;
  for (const int clock : {0, 1, 4, 5, 7, 11}) {
    hook.is(clock, (1'000 + clock) * one_second + 123'456'789);
    CHECK(hook.ask(clock) == (1'000 + clock) * one_second + 123'456'789);
  }
}

TEST_CASE("clock hook: computes what the model says, for every shifted clock and no other") {
  Hook hook;
  Rng rng(1);
  const auto number = [&](std::int64_t most) {
    return static_cast<std::int64_t>(rng.below(2 * static_cast<std::uint64_t>(most) + 1)) - most;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::int64_t now = 1'700'000'000 * one_second + number(100'000 * one_second);
    ClockShift shift;
    shift.offset_ns = number(400'000'000 * one_second);
    shift.origin_ns = now - 100'000 * one_second + number(200'000 * one_second);
    shift.rate_q32 = number(std::int64_t{1} << 32);
    const auto strobes = rng.below(4);
    for (std::size_t s = 0; s < strobes; ++s)
      shift.strobes[s] = {number(100 * one_second), 1 + std::abs(number(10 * one_second)),
                          now - number(1'000 * one_second)};
    hook.shift(shift);
    const std::int64_t expected = now + shift.at(now);
    for (const int clock : {0, 5}) {
      hook.is(clock, now);
      REQUIRE(hook.ask(clock) == expected);
    }
    // TAI is 37 s ahead and moves by the same.
    hook.is(11, now + 37 * one_second);
    REQUIRE(hook.ask(11) == expected + 37 * one_second);
    hook.is(1, now);
    REQUIRE(hook.ask(1) == now);
  }
}

TEST_CASE("clock hook: gettimeofday() and time() agree with it, and bear no pointer") {
  Hook hook;
  hook.is(0, 1'000 * one_second + 999'999'999);
  hook.is(5, 999 * one_second + 996'000'000);  // The coarse clock lags: time() goes by it.
  ClockShift shift;
  shift.offset_ns = -one_second;
  hook.shift(shift);
  timeval told{};
  std::array<int, 2> zone = {7, 7};
  CHECK(hook.entry<int(timeval*, void*)>(1)(&told, zone.data()) == 0);
  CHECK(told.tv_sec == 999);
  CHECK(told.tv_usec == 999'999);
  CHECK(zone == std::array<int, 2>{0, 0});
  CHECK(hook.entry<int(timeval*, void*)>(1)(nullptr, nullptr) == 0);
  time_t stored = 0;
  CHECK(hook.entry<time_t(time_t*)>(2)(&stored) == 998);
  CHECK(stored == 998);
  CHECK(hook.entry<time_t(time_t*)>(2)(nullptr) == 998);
}

TEST_CASE("clock hook: there is no time before 1970") {
  Hook hook;
  hook.is(0, 10 * one_second);
  ClockShift shift;
  shift.offset_ns = -11 * one_second;
  hook.shift(shift);
  CHECK(hook.ask(0) == 0);
}

TEST_CASE("clock hook: a reader never uses a slot that is half written") {
  Hook hook;
  const std::int64_t now = 1'700'000'000 * one_second;
  hook.is(0, now);
  // Two shifts of which any mixture is far from both.
  ClockShift frozen, jump;
  frozen.rate_q32 = -(std::int64_t{1} << 32);
  frozen.origin_ns = now - 5 * one_second;
  jump.offset_ns = 100 * one_second;
  hook.shift(jump);
  std::atomic<bool> over = false;
  std::thread writer([&] {
    HookHead& head = hook.head();
    for (int i = 0; !over; ++i) {
      const ClockShift& next = i % 2 == 0 ? frozen : jump;
      HookSlot slot{shifted_clocks, next};
      auto* to = reinterpret_cast<volatile std::uint64_t*>(&head.slots[(head.generation + 1) & 1]);
      std::array<std::uint64_t, sizeof slot / 8> words;
      std::memcpy(words.data(), &slot, sizeof slot);
      for (std::size_t word = 0; word < words.size(); ++word) to[word] = words[word];
      std::atomic_ref(head.generation).store(head.generation + 1, std::memory_order_release);
    }
  });
  std::size_t as_frozen = 0, as_jump = 0, neither = 0;
  for (int i = 0; i < 200'000; ++i) {
    const std::int64_t told = hook.ask(0);
    ++(told == now - 5 * one_second     ? as_frozen
       : told == now + 100 * one_second ? as_jump
                                        : neither);
  }
  over = true;
  writer.join();
  CHECK(neither == 0);
  CHECK(as_jump + as_frozen == 200'000);
}

}  // namespace
}  // namespace faultline
#endif
