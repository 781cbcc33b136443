#include "harness/os/vdso.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>

#include <elf.h>

#include "harness/core/check.h"

namespace faultline {
namespace {

constexpr std::size_t page = 4096;
/// Of a trampoline: fits HookHead::original with the jump behind it.
constexpr std::size_t prologue_max = 32;

/// An object at `offset`, or nothing if that is outside.
template <typename T>
std::optional<T> at(std::span<const std::uint8_t> image, std::size_t offset) {
  T object;
  if (offset > image.size() || image.size() - offset < sizeof object) return std::nullopt;
  std::memcpy(&object, image.data() + offset, sizeof object);
  return object;
}

std::string_view name_at(std::span<const std::uint8_t> image, std::size_t offset) {
  if (offset >= image.size()) return {};
  const auto* text = reinterpret_cast<const char*>(image.data() + offset);
  return {text, ::strnlen(text, image.size() - offset)};
}

struct Dynamic {
  std::size_t symbols = 0, names = 0, hash = 0;
};

Dynamic read_dynamic(std::span<const std::uint8_t> image, std::size_t offset) {
  Dynamic found;
  for (;; offset += sizeof(Elf64_Dyn)) {
    const auto entry = at<Elf64_Dyn>(image, offset);
    if (!entry || entry->d_tag == DT_NULL) return found;
    if (entry->d_tag == DT_SYMTAB) found.symbols = entry->d_un.d_ptr;
    if (entry->d_tag == DT_STRTAB) found.names = entry->d_un.d_ptr;
    if (entry->d_tag == DT_HASH) found.hash = entry->d_un.d_ptr;
  }
}

/// Offset of a function of at least the size of a jump; 0 if there is none.
std::size_t find_function(std::span<const std::uint8_t> image, const Dynamic& dynamic,
                          std::string_view name) {
  // The symbol table has no length of its own. Where there is a DT_HASH it says the number; a
  // linker that writes only DT_GNU_HASH puts the names behind the symbols.
  std::size_t count = 0;
  if (const auto chains = at<std::uint32_t>(image, dynamic.hash + 4); dynamic.hash != 0 && chains)
    count = *chains;
  else if (dynamic.names > dynamic.symbols)
    count = (dynamic.names - dynamic.symbols) / sizeof(Elf64_Sym);
  for (std::size_t i = 1; i < count; ++i) {
    const auto symbol = at<Elf64_Sym>(image, dynamic.symbols + i * sizeof(Elf64_Sym));
    if (!symbol) return 0;
    if (ELF64_ST_TYPE(symbol->st_info) == STT_FUNC && symbol->st_size >= 8 &&
        symbol->st_value + 64 <= image.size() &&
        name_at(image, dynamic.names + symbol->st_name) == name)
      return symbol->st_value;
  }
  return 0;
}

/// Length of one instruction that does the same at any address; 0 if it is not known.
std::size_t movable_instruction(const std::uint8_t* p) {
  const auto is = [&](std::initializer_list<int> bytes) {
    return std::equal(bytes.begin(), bytes.end(), p);
  };
  const auto registers = [](std::uint8_t modrm) { return (modrm & 0xc0) == 0xc0; };
  const bool rex = (p[0] & 0xf0) == 0x40;
  const std::uint8_t* op = p + (rex ? 1 : 0);
  const std::size_t prefix = rex ? 1 : 0;
  if (is({0xf3, 0x0f, 0x1e, 0xfa})) return 4;                // endbr64
  if (is({0x4c, 0x8d, 0x54, 0x24})) return 5;                // lea N(%rsp),%r10
  if (op[0] >= 0x50 && op[0] <= 0x57) return prefix + 1;     // push
  if (op[0] == 0x83 && registers(op[1])) return prefix + 3;  // add, and, sub, cmp of a small number
  if (op[0] == 0x81 && registers(op[1])) return prefix + 6;  // of a larger one
  if (op[0] >= 0xb8 && op[0] <= 0xbf && (p[0] & 0xf8) != 0x48) return prefix + 5;  // mov number
  switch (op[0]) {
    case 0x31:  // xor
    case 0x39:  // cmp
    case 0x63:  // movslq
    case 0x85:  // test
    case 0x89:  // mov
    case 0x8b:  // mov
      return registers(op[1]) ? prefix + 2 : 0;
    default:
      return 0;
  }
}

/// mov $228 (clock_gettime), %eax; mov $mark, %edx; syscall; ret
constexpr std::array<std::uint8_t, 13> system_call = {0xb8, 228,  0,    0,    0,    0xba, 0x77,
                                                      0x65, 0x6b, 0x73, 0x0f, 0x05, 0xc3};
static_assert(hook_call_mark == 0x736b6577);

}  // namespace

Result<std::size_t> vdso_size(std::span<const std::uint8_t> first_page) {
  const auto header = at<Elf64_Ehdr>(first_page, 0);
  if (!header || std::memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
    return Error{"its vDSO is no ELF image"};
  if (header->e_ident[EI_CLASS] != ELFCLASS64 || header->e_machine != EM_X86_64)
    return Error{"its vDSO is not one of x86-64"};
  std::size_t size = 0;
  for (std::size_t i = 0; i < header->e_phnum; ++i)
    if (const auto part = at<Elf64_Phdr>(first_page, header->e_phoff + i * sizeof(Elf64_Phdr));
        part && part->p_type == PT_LOAD)
      size = std::max<std::size_t>(size, part->p_offset + part->p_memsz);
  if (size == 0 || size > 64 * page) return Error{"its vDSO has no sane size"};
  return (size + page - 1) / page * page;
}

Result<VdsoPlaces> find_places(std::span<const std::uint8_t> image, std::size_t bytes) {
  const auto header = at<Elf64_Ehdr>(image, 0);
  if (!header) return Error{"its vDSO is too short"};
  std::size_t dynamic = 0, loaded = 0;
  for (std::size_t i = 0; i < header->e_phnum; ++i) {
    const auto part = at<Elf64_Phdr>(image, header->e_phoff + i * sizeof(Elf64_Phdr));
    if (part && part->p_type == PT_DYNAMIC) dynamic = part->p_offset;
    if (part && part->p_type == PT_LOAD)
      loaded = std::max<std::size_t>(loaded, part->p_offset + part->p_memsz);
  }
  const Dynamic table = read_dynamic(image, dynamic);
  VdsoPlaces places;
  for (std::size_t i = 0; i < hooked_entries.size(); ++i) {
    places.entries[i] = find_function(image, table, hooked_entries[i]);
    if (places.entries[i] == 0)
      return Error{"its vDSO has no " + std::string(hooked_entries[i]) + "()"};
  }
  // The end of the last page, so that section headers, which debuggers read, stay where they are if
  // there is room behind them.
  const std::size_t last = image.size() < bytes ? 0 : (image.size() - bytes) & ~std::size_t{31};
  const std::size_t first = (loaded + 31) & ~std::size_t{31};
  if (last < first) return Error{"its vDSO has no room for " + std::to_string(bytes) + " bytes"};
  places.room = last;
  return places;
}

std::optional<std::size_t> find_hook(std::span<const std::uint8_t> image,
                                     const VdsoPlaces& places) {
  const std::size_t entry = places.entries[0];
  if (image[entry] != 0xe9) return std::nullopt;
  std::int32_t distance = 0;
  std::memcpy(&distance, image.data() + entry + 1, sizeof distance);
  const std::size_t code = entry + 5 + static_cast<std::size_t>(std::int64_t{distance});
  const std::size_t block = code - hook_entry_offsets()[0];
  const auto magic = at<std::uint64_t>(image, block);
  if (!magic || *magic != hook_magic) return std::nullopt;
  return block;
}

std::size_t movable_prologue(std::span<const std::uint8_t> code) {
  std::size_t length = 0;
  while (length < 5) {
    if (code.size() < length + 16) return 0;
    const std::size_t one = movable_instruction(code.data() + length);
    if (one == 0) return 0;
    length += one;
  }
  return length <= prologue_max ? length : 0;
}

std::array<std::uint8_t, 5> jump(std::size_t from, std::size_t to) {
  const auto distance = static_cast<std::int32_t>(static_cast<std::int64_t>(to) -
                                                  static_cast<std::int64_t>(from) - 5);
  std::array<std::uint8_t, 5> code{0xe9};
  std::memcpy(code.data() + 1, &distance, sizeof distance);
  return code;
}

std::vector<std::uint8_t> make_block(std::span<const std::uint8_t> image,
                                     const VdsoPlaces& places) {
  const auto source = hook_block();
  std::vector<std::uint8_t> block(source.begin(), source.end());
  HookHead head;
  head.magic = hook_magic;
  const std::size_t entry = places.entries[0];
  if (const std::size_t length = movable_prologue(image.subspan(entry)); length > 0) {
    std::memcpy(head.original.data(), image.data() + entry, length);
    const auto rest = jump(places.room + offsetof(HookHead, original) + length, entry + length);
    std::ranges::copy(rest, head.original.begin() + static_cast<std::ptrdiff_t>(length));
  } else {
    std::ranges::copy(system_call, head.original.begin());
  }
  for (std::size_t i = 0; i < head.saved.size(); ++i)
    std::memcpy(&head.saved[i], image.data() + places.entries[i], sizeof head.saved[i]);
  std::memcpy(block.data(), &head, sizeof head);
  return block;
}

}  // namespace faultline
