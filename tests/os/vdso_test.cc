#include "harness/os/vdso.h"

#include <algorithm>
#include <cstring>

#include <doctest/doctest.h>
#include <elf.h>
#include <sys/auxv.h>

#if defined(__x86_64__)
namespace faultline {
namespace {

std::vector<std::uint8_t> own_image() {
  const auto* base = reinterpret_cast<const std::uint8_t*>(::getauxval(AT_SYSINFO_EHDR));
  REQUIRE(base != nullptr);
  const auto size = vdso_size({base, 4096});
  REQUIRE(size);
  return {base, base + *size};
}

using Bytes = std::vector<std::uint8_t>;
std::size_t prologue(Bytes code) {
  code.resize(code.size() + 32, 0x90);
  return movable_prologue(code);
}

TEST_CASE("vdso: finds the entries and room in this kernel's") {
  const Bytes image = own_image();
  const auto places = find_places(image, hook_block().size());
  REQUIRE_MESSAGE(places, (places ? "" : places.error().what));
  for (const std::size_t entry : places->entries) CHECK(entry > 0);
  CHECK(places->room % 32 == 0);
  CHECK(places->room + hook_block().size() <= image.size());
  CHECK_FALSE(find_hook(image, *places));
}

TEST_CASE("vdso: a block that is in place is found again, and jumps lead where they should") {
  Bytes image = own_image();
  const auto places = find_places(image, hook_block().size());
  REQUIRE(places);
  const Bytes before = image;
  const Bytes block = make_block(image, *places);
  REQUIRE(block.size() == hook_block().size());
  std::ranges::copy(block, image.begin() + static_cast<std::ptrdiff_t>(places->room));
  CHECK_FALSE(find_hook(image, *places));  // Nobody jumps there yet.
  const auto code = jump(places->entries[0], places->room + hook_entry_offsets()[0]);
  std::ranges::copy(code, image.begin() + static_cast<std::ptrdiff_t>(places->entries[0]));
  CHECK(find_hook(image, *places) == places->room);

  HookHead head;
  std::memcpy(&head, block.data(), sizeof head);
  CHECK(head.magic == hook_magic);
  CHECK(head.slots[0].clocks == 0);
  for (std::size_t i = 0; i < 3; ++i)
    CHECK(std::memcmp(&head.saved[i], before.data() + places->entries[i], 8) == 0);
}

TEST_CASE("vdso: what is none is refused with its reason, whatever is cut off or scrambled") {
  Bytes image = own_image();
  CHECK_FALSE(find_places(image, 1 << 20));  // No room.
  for (std::size_t size = 0; size < 4096; size += 97)
    CHECK_NOTHROW((void)vdso_size(std::span(image).first(size)));
  Bytes other = image;
  other[EI_CLASS] = ELFCLASS32;
  CHECK(vdso_size(other).error().what == "its vDSO is not one of x86-64");
  other = image;
  other[0] = 0;
  CHECK(vdso_size(other).error().what == "its vDSO is no ELF image");
  // Every byte of the headers and tables turned over once: places or a refusal, never a crash.
  for (std::size_t i = 0; i < 0x600; ++i) {
    other = image;
    other[i] ^= 0xff;
    if (vdso_size(other))
      if (const auto places = find_places(other, hook_block().size()))
        CHECK(places->room + hook_block().size() <= other.size());
  }
}

TEST_CASE("vdso: only instructions that do the same anywhere are moved") {
  CHECK(prologue({0x55, 0x48, 0x89, 0xe5, 0x41, 0x56, 0x53}) == 6);  // push, mov, push
  CHECK(prologue({0xf3, 0x0f, 0x1e, 0xfa, 0x55}) == 5);              // endbr64, push
  CHECK(prologue({0x83, 0xff, 0x17, 0x55, 0x53}) == 5);              // cmp, push, push
  CHECK(prologue({0x48, 0x83, 0xec, 0x10, 0x89, 0xf9}) == 6);        // sub, mov
  CHECK(prologue({0x48, 0x81, 0xec, 0, 1, 0, 0}) == 7);              // sub of a large number
  CHECK(prologue({0xb8, 1, 0, 0, 0}) == 5);                          // mov $1, %eax
  CHECK(prologue({0x55, 0x0f, 0x87, 0, 0, 0, 0}) == 0);              // a jump
  CHECK(prologue({0x4c, 0x8d, 0x15, 0, 0, 0, 0}) == 0);              // relative to where it is
  CHECK(prologue({0x81, 0x3d, 0, 0, 0, 0, 0, 0, 0, 0}) == 0);        // likewise
  CHECK(prologue({0x48, 0x8b, 0x05, 0x50, 0x50, 0x50, 0x50}) == 0);  // a load, likewise
  CHECK(prologue({0x4c, 0x8d, 0x15, 0x50, 0x50, 0x50, 0x50}) == 0);
  CHECK(prologue({0x55, 0xe8, 0, 0, 0, 0}) == 0);              // a call
  CHECK(prologue({0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0}) == 0);  // ten bytes: not known
  CHECK(movable_prologue(Bytes{0x55}) == 0);                   // the end of the image
}

}  // namespace
}  // namespace faultline
#endif
