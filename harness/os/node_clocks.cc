#include "harness/os/node_clocks.h"

#include <algorithm>
#include <array>
#include <climits>

#include <time.h>

#include "harness/os/proc_list.h"
#include "harness/os/thread_stop.h"
#include "harness/os/waits.h"

namespace faultline {

std::int64_t wall_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

HookSlot NodeClocks::wanted(std::int64_t now) const {
  HookSlot slot;
  if (skews_.empty()) return slot;
  slot.clocks = shifted_clocks;
  slot.shift = *sum_of(skews_, now);  // set() has tried it.
  return slot;
}

Status NodeClocks::set(std::vector<Skew> skews) {
  const std::int64_t now = wall_ns();
  if (const auto sum = sum_of(skews, now); !sum) return sum.error();
  if (skews_.empty()) {
    series_.clear();
    waits_.clear();
    tally_ = {};
    samples_ = 0;
    keep_every_ = 1;
  } else if (skews.empty()) {
    sample(true);  // The last one.
  }
  const bool was_active = active();
  skews_ = std::move(skews);
  if (!was_active && !active() && tracked_.empty()) return Ok{};
  slot_ = wanted(now);
  if (!was_active && active()) settle();
  // What is forked meanwhile has the shift of its parent, which may be the old one.
  constexpr int rounds_max = 16;
  for (int i = 0; i < rounds_max && scan(wanted(now)); ++i) {
  }
  if (active()) sample(!was_active);
  due_ = Clock::now() + (active() ? scan_every : scan_idle_every);
  return Ok{};
}

void NodeClocks::settle() {
  // On a crowded machine, or from a slow disk; else it takes less than one.
  constexpr std::chrono::milliseconds limit{500};
  constexpr int looks_min = 300;  // The time may have passed while nobody ran.
  int looks = 0;
  const auto deadline = Clock::now() + limit;
  for (const int thread : watch_.execs.take_begun()) {
    const timespec moment{0, 100'000};
    auto state = execution_of(thread);
    for (; state == Execution::waits && (looks < looks_min || Clock::now() < deadline);
         state = execution_of(thread), ++looks) {
      if (meanwhile_) meanwhile_();
      if (follows(process_of(thread))) break;  // Another attempt, after one that failed.
      ::nanosleep(&moment, nullptr);
    }
    if (state == Execution::none || follows(process_of(thread))) continue;
    if (state == Execution::waits) {
      ++tally_.missed;
      tally_.note_caller(thread, ": was executing a program when the shift began");
      stuck_.insert(thread);
      continue;
    }
    // It stops when it leaves the kernel: then it runs the new program, or the old one for good.
    (void)ThreadStop::make(thread, limit, meanwhile_);
  }
}

bool NodeClocks::is_stuck(int pid) {
  std::erase_if(stuck_, [](int thread) { return execution_of(thread) != Execution::waits; });
  return std::ranges::any_of(stuck_, [&](int thread) { return process_of(thread) == pid; });
}

void NodeClocks::stopped(int pid, int wait_status) {
  if (watch_.execs.stopped(pid, wait_status)) {
    adopt_held(pid);
    const auto stat = proc_stat(pid);
    const bool ended = !stat || stat->process.state == 'Z' || stat->process.state == 'X';
    if (active() && !ended && !tracked_[pid].problem.empty()) {
      ++tally_.missed;
      tally_.note_caller(pid, (": executed, and then: " + tracked_[pid].problem).c_str());
    }
  }
  let_go(pid, wait_status);
}

void NodeClocks::tick() {
  watch_.execs.tidy();
  const std::int64_t now = wall_ns();
  scan(wanted(now));
  if (active() && Clock::now() >= next_sample_) sample(false);
  auto pause = std::chrono::nanoseconds(active() ? scan_every : scan_idle_every);
  if (const std::int64_t step = next_step(skews_, now); step >= 0)
    pause = std::clamp(std::chrono::nanoseconds(step - now), std::chrono::nanoseconds(0), pause);
  due_ = Clock::now() + std::max(pause, std::chrono::nanoseconds(100'000));
}

bool NodeClocks::scan(const HookSlot& slot) {
  slot_ = slot;
  bool found = false;
  std::set<int> there;
  for (const int pid : numbers_in("/proc")) {
    if (pid == ::getpid()) continue;
    there.insert(pid);
    const auto known = tracked_.find(pid);
    const bool follows_it = follows(pid);
    if (known != tracked_.end() && known->second.patch && known->second.patch->alive() &&
        (known->second.patch->hooked() || !follows_it)) {
      apply(known->second, false, slot);
      continue;
    }
    if (follows_it) {  // It is shifted when its new program is there.
      tracked_.erase(pid);
      continue;
    }
    // It is new, or runs another program now, or had a problem, or is another process.
    const auto stat = proc_stat(pid);
    if (!stat || stat->process.state == 'Z' || stat->process.state == 'X') {
      tracked_.erase(pid);
      continue;
    }
    const bool again = known != tracked_.end() && known->second.start == stat->start;
    if (again && !known->second.patch && Clock::now() < known->second.next_try) continue;
    if (!again) found = true;
    adopt(pid, stat->start, false, slot);
  }
  std::erase_if(tracked_, [&](const auto& item) { return !there.contains(item.first); });
  return found;
}

void NodeClocks::adopt(int pid, std::uint64_t start, bool held, const HookSlot& slot) {
  Tracked& tracked = tracked_[pid];
  tracked = {};
  tracked.start = start;
  if (!held && is_stuck(pid)) {
    tracked.problem = "it is executing a program";
    return;
  }
  auto patch = ClockPatch::open(pid);
  if (!patch) {
    tracked.problem = patch.error().what;
    tracked.next_try = Clock::now() + retry_every;
    return;
  }
  tracked.patch = *std::move(patch);
  apply(tracked, held, slot);
}

void NodeClocks::apply(Tracked& tracked, bool held, const HookSlot& slot) {
  ClockPatch& patch = *tracked.patch;
  const bool shifts = slot.clocks != 0;
  if (!patch.hooked()) {
    if (!shifts || Clock::now() < tracked.next_try) return;
    if (const Status hooked = patch.hook(held, meanwhile_); !hooked) {
      tracked.problem = hooked.error().what;
      tracked.next_try = Clock::now() + retry_every;
      return;
    }
  } else if (tracked.slot.clocks == slot.clocks && tracked.slot.shift == slot.shift &&
             tracked.problem.empty()) {
    if (shifts) return;
    // A child that inherited a shift which has ended: its own slot is not known yet.
    const auto now = patch.read();
    if (!now || now->clocks == 0) return;
  }
  const Status set = patch.set(slot);
  tracked.problem = set ? "" : set.error().what;
  tracked.slot = slot;
}

void NodeClocks::adopt_held(int pid) {
  const auto stat = proc_stat(pid);
  adopt(pid, stat ? stat->start : 0, true, wanted(wall_ns()));
}

void NodeClocks::sample(bool timers) {
  next_sample_ = Clock::now() + sample_every;
  watch_.timers.find(wall_ns(), waits_);
  ClockReading::Sample sample{0, INT64_MAX, INT64_MIN, 0};
  for (const auto& [pid, tracked] : tracked_) {
    if (!tracked.patch || !tracked.patch->hooked()) continue;
    std::set<std::string> waits;
    find_absolute_waits(pid, timers, waits);
    if (!waits.empty())
      if (const auto stat = proc_stat(pid))
        for (const std::string& wait : waits) waits_.insert(stat->process.command + ": " + wait);
    const auto slot = tracked.patch->read();
    if (!slot) continue;
    if (sample.at_ns == 0) sample.at_ns = wall_ns();
    const std::int64_t offset = slot->clocks == 0 ? 0 : slot->shift.at(sample.at_ns);
    sample.least_ns = std::min(sample.least_ns, offset);
    sample.most_ns = std::max(sample.most_ns, offset);
    ++sample.processes;
  }
  if (sample.processes == 0 || samples_++ % keep_every_ != 0) return;
  if (series_.size() == ClockReading::samples_max) {
    // Every other one goes, and from now on every other one comes.
    for (std::size_t i = 0; i < series_.size() / 2; ++i) series_[i] = series_[2 * i];
    series_.resize(series_.size() / 2);
    keep_every_ *= 2;
  }
  series_.push_back(sample);
}

ClockReading NodeClocks::read() {
  ClockReading reading;
  if (active()) scan(wanted(wall_ns()));
  reading.at_ns = wall_ns();
  for (const auto& [pid, tracked] : tracked_) {
    const auto stat = proc_stat(pid);
    if (!stat || stat->process.state == 'Z' || stat->process.state == 'X') continue;
    ClockReading::Process process;
    process.pid = pid;
    process.command = stat->process.command;
    process.problem = tracked.problem;
    if (tracked.patch && tracked.patch->hooked()) {
      process.threads = tracked.patch->threads();
      process.stopped_ns = tracked.patch->stopped_ns();
      const auto slot = tracked.patch->read();
      if (slot) {
        process.shifted = slot->clocks != 0;
        process.offset_ns = process.shifted ? slot->shift.at(reading.at_ns) : 0;
      } else if (process.problem.empty()) {
        process.problem = slot.error().what;
      }
    }
    reading.processes.push_back(std::move(process));
  }
  reading.series = series_;
  std::set<std::string> waits = waits_;
  waits.insert(tally_.timers.begin(), tally_.timers.end());
  reading.absolute_waits.assign(waits.begin(), waits.end());
  reading.kernel_calls = tally_.answered;
  reading.kernel_calls_missed = tally_.missed;
  reading.kernel_callers.assign(tally_.callers.begin(), tally_.callers.end());
  return reading;
}

void put_skews(wire::Writer& message, std::span<const Skew> skews) {
  message.number(static_cast<std::int64_t>(skews.size()));
  for (const Skew& skew : skews)
    message.number(static_cast<std::int64_t>(skew.kind))
        .number(skew.since_ns)
        .number(skew.by_ns)
        .number(skew.rate_q32)
        .number(skew.period_ns)
        .number(static_cast<std::int64_t>(skew.seed));
}

std::vector<Skew> take_skews(wire::Message& message) {
  std::vector<Skew> skews(static_cast<std::size_t>(message.number()));
  for (Skew& skew : skews) {
    skew.kind = static_cast<Skew::Kind>(message.number());
    skew.since_ns = message.number();
    skew.by_ns = message.number();
    skew.rate_q32 = message.number();
    skew.period_ns = message.number();
    skew.seed = static_cast<std::uint64_t>(message.number());
  }
  return skews;
}

void put_process(wire::Writer& message, const ClockReading::Process& process) {
  message.text(process.command)
      .text(process.problem)
      .number(process.shifted ? 1 : 0)
      .number(process.offset_ns)
      .number(process.threads)
      .number(process.stopped_ns);
}

ClockReading::Process take_process(wire::Message& message) {
  ClockReading::Process process;
  process.pid = message.sender_pid;
  process.command = message.text();
  process.problem = message.text();
  process.shifted = message.number() != 0;
  process.offset_ns = message.number();
  process.threads = message.number();
  process.stopped_ns = message.number();
  return process;
}

void put_reading(wire::Writer& message, const ClockReading& reading) {
  message.number(reading.at_ns).number(static_cast<std::int64_t>(reading.series.size()));
  for (const ClockReading::Sample& sample : reading.series)
    message.number(sample.at_ns)
        .number(sample.least_ns)
        .number(sample.most_ns)
        .number(sample.processes);
  message.texts(reading.absolute_waits)
      .number(reading.kernel_calls)
      .number(reading.kernel_calls_missed)
      .texts(reading.kernel_callers);
}

void take_reading(wire::Message& message, ClockReading& reading) {
  reading.at_ns = message.number();
  reading.series.resize(static_cast<std::size_t>(message.number()));
  for (ClockReading::Sample& sample : reading.series) {
    sample.at_ns = message.number();
    sample.least_ns = message.number();
    sample.most_ns = message.number();
    sample.processes = message.number();
  }
  reading.absolute_waits = message.texts();
  reading.kernel_calls = message.number();
  reading.kernel_calls_missed = message.number();
  reading.kernel_callers = message.texts();
}

}  // namespace faultline
