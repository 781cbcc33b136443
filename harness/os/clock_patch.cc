#include "harness/os/clock_patch.h"

#include <algorithm>
#include <chrono>
#include <cstring>

#include <elf.h>
#include <fcntl.h>

#include "harness/core/check.h"
#include "harness/os/thread_stop.h"

namespace faultline {
namespace {

using Clock = std::chrono::steady_clock;

/// A thread that is in no system call stops as soon as it has a processor.
constexpr std::chrono::milliseconds stop_limit{200};

}  // namespace

Result<std::uint64_t> vdso_base(int pid) {
  const std::string path = "/proc/" + std::to_string(pid) + "/auxv";
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::array<Elf64_auxv_t, 64> entries{};
  const ssize_t got = file ? ::read(file.get(), entries.data(), sizeof entries) : -1;
  if (got < 0) return os_error("read its auxiliary vector");
  for (std::size_t i = 0; i < static_cast<std::size_t>(got) / sizeof entries[0]; ++i)
    if (entries[i].a_type == AT_SYSINFO_EHDR) return std::uint64_t{entries[i].a_un.a_val};
  return std::uint64_t{0};
}

Result<ClockPatch> ClockPatch::open(int pid) {
  Fd memory(::open(("/proc/" + std::to_string(pid) + "/mem").c_str(), O_RDWR | O_CLOEXEC));
  if (!memory) return os_error("open its memory");
  const auto base = vdso_base(pid);
  if (!base) return base.error();
  if (*base == 0)
    return Error{"it has no vDSO: a 32-bit program, or a kernel that was started with vdso=0"};

  ClockPatch patch(pid, std::move(memory), *base);
  patch.image_.resize(4096);
  if (const Status got = patch.read_bytes(0, patch.image_.data(), patch.image_.size()); !got)
    return got.error();
  const auto size = vdso_size(patch.image_);
  if (!size) return size.error();
  patch.image_.resize(*size);
  if (const Status got = patch.read_bytes(0, patch.image_.data(), *size); !got) return got.error();
  auto places = find_places(patch.image_, hook_block().size());
  if (!places) return places.error();
  patch.places_ = *places;
  patch.block_ = find_hook(patch.image_, *places);
  return patch;
}

bool ClockPatch::alive() const {
  std::uint32_t first = 0;
  return ::pread(memory_.get(), &first, sizeof first, static_cast<off_t>(base_)) == sizeof first;
}

Status ClockPatch::read_bytes(std::size_t offset, void* into, std::size_t size) const {
  const ssize_t got = ::pread(memory_.get(), into, size, static_cast<off_t>(base_ + offset));
  if (got == static_cast<ssize_t>(size)) return Ok{};
  return got < 0 ? os_error("read its memory") : Error{"it has ended"};
}

Status ClockPatch::write_bytes(std::size_t offset, const void* from, std::size_t size) {
  const ssize_t put = ::pwrite(memory_.get(), from, size, static_cast<off_t>(base_ + offset));
  if (put == static_cast<ssize_t>(size)) return Ok{};
  return put < 0 ? os_error("write its memory") : Error{"it has ended"};
}

Status ClockPatch::write_jumps(std::size_t block) {
  const auto code = hook_entry_offsets();
  for (std::size_t i = 0; i < code.size(); ++i) {
    const auto bytes = jump(places_.entries[i], block + code[i]);
    if (const Status put = write_bytes(places_.entries[i], bytes.data(), bytes.size()); !put)
      return put;
  }
  return Ok{};
}

Status ClockPatch::hook(bool held, const std::function<void()>& meanwhile) {
  if (hooked()) return Ok{};
  // Nobody executes the block before the jumps are there.
  const auto block = make_block(image_, places_);
  if (const Status put = write_bytes(places_.room, block.data(), block.size()); !put) return put;
  if (held) {
    if (const Status put = write_jumps(places_.room); !put) return put;
  } else {
    const auto begin = Clock::now();
    auto stop = ThreadStop::make(pid_, stop_limit, meanwhile);
    if (!stop) return stop.error();
    if (!alive()) {
      // It executed another program before it stopped, of which no instruction has run.
      auto other = open(pid_);
      if (!other) return other.error();
      *this = *std::move(other);
      return hook(true);
    }
    threads_ = static_cast<std::int64_t>(stop->size());
    // A thread that was interrupted by a signal within these bytes, and is still in its handler,
    // would come back into the middle of the jump. They are the first instructions of a function
    // of 30 ns, and this happens once in the life of a process.
    for (const std::size_t entry : places_.entries)
      if (const Status left = stop->leave(base_ + entry + 1, base_ + entry + 5); !left) return left;
    const Status put = write_jumps(places_.room);
    {
      const ThreadStop over = *std::move(stop);
    }
    stopped_ns_ =
        std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now() - begin).count();
    if (!put) return put;
  }
  block_ = places_.room;
  return Ok{};
}

Status ClockPatch::set(const HookSlot& slot) {
  FAULTLINE_CHECK(hooked());
  std::uint32_t generation = 0;
  const std::size_t at = *block_ + offsetof(HookHead, generation);
  if (const Status got = read_bytes(at, &generation, sizeof generation); !got) return got;
  ++generation;
  const std::size_t other =
      *block_ + offsetof(HookHead, slots) + (generation & 1) * sizeof(HookSlot);
  if (const Status put = write_bytes(other, &slot, sizeof slot); !put) return put;
  return write_bytes(at, &generation, sizeof generation);
}

Result<HookSlot> ClockPatch::read() const {
  FAULTLINE_CHECK(hooked());
  const auto source = hook_block();
  std::vector<std::uint8_t> block(source.size());
  if (const Status got = read_bytes(*block_, block.data(), block.size()); !got) return got.error();
  HookHead head;
  std::memcpy(&head, block.data(), sizeof head);
  bool whole = head.magic == hook_magic &&
               std::equal(source.begin() + sizeof head, source.end(), block.begin() + sizeof head);
  const auto code = hook_entry_offsets();
  for (std::size_t i = 0; i < code.size(); ++i) {
    std::array<std::uint8_t, 5> there{};
    if (const Status got = read_bytes(places_.entries[i], there.data(), there.size()); !got)
      return got.error();
    whole = whole && there == jump(places_.entries[i], *block_ + code[i]);
  }
  if (!whole) return Error{"the hook in its vDSO is not as it was written"};
  return head.slots[head.generation & 1];
}

}  // namespace faultline
