// Text eight bytes at a time. Internal to this room. Whatever is read here must have eight readable
// bytes behind it, whatever they are.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace faultline {

/// The first byte is the lowest, on every processor.
inline std::uint64_t load_eight(const char* at) {
  std::uint64_t eight = 0;
  std::memcpy(&eight, at, sizeof eight);
  if constexpr (std::endian::native == std::endian::big) eight = __builtin_bswap64(eight);
  return eight;
}

/// Of the first `n` bytes.
constexpr std::uint64_t mask_of(std::size_t n) {
  return n >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << 8 * n) - 1;
}

/// What load_eight answers where `text` stands, but for what follows it.
constexpr std::uint64_t packed(std::string_view text) {
  std::uint64_t eight = 0;
  for (std::size_t i = 0; i < text.size() && i < 8; ++i)
    eight |= std::uint64_t{static_cast<unsigned char>(text[i])} << 8 * i;
  return eight;
}

inline bool stands_at(const char* at, std::string_view text) {
  return (load_eight(at) & mask_of(text.size())) == packed(text);
}

inline constexpr std::uint64_t every_byte = 0x0101010101010101;

/// How many digits there are before the first byte that is none.
inline unsigned digits_in_front(std::uint64_t eight) {
  // A digit's upper half is 3, and still is with 6 added. A carry comes only from what is no digit.
  const std::uint64_t upper = 0xF0 * every_byte;
  const std::uint64_t odd =
      ((eight & upper) | ((eight + 0x06 * every_byte) & upper) >> 4) ^ 0x33 * every_byte;
  return static_cast<unsigned>(std::countr_zero(odd)) / 8;
}

/// What the first `n` bytes spell, which are digits; n is 1 to 8.
inline std::uint64_t value_of_digits(std::uint64_t eight, unsigned n) {
  std::uint64_t v = (eight - 0x30 * every_byte) << (64 - 8 * n);
  v = ((v & 0x0F0F0F0F0F0F0F0F) * 2561) >> 8;
  v = ((v & 0x00FF00FF00FF00FF) * 6553601) >> 16;
  return ((v & 0x0000FFFF0000FFFF) * 42949672960001) >> 32;
}

/// Goes behind the digits at `at` and counts them. Meaningful are at most 18 of them.
inline std::uint64_t take_digits(const char*& at, std::size_t& count) {
  constexpr std::uint64_t powers[] = {1,      10,      100,      1000,     10000,
                                      100000, 1000000, 10000000, 100000000};
  const char* const first = at;
  std::uint64_t v = 0;
  for (;;) {
    const std::uint64_t eight = load_eight(at);
    const unsigned n = digits_in_front(eight);
    if (n > 0) v = v * powers[n] + value_of_digits(eight, n);
    at += n;
    if (n < 8) break;
  }
  count = static_cast<std::size_t>(at - first);
  return v;
}

/// The highest bit of every byte that is a quote, a backslash, a control character or no ASCII, up
/// to and with the first of them; what is behind that means nothing.
inline std::uint64_t special_in(std::uint64_t eight) {
  const std::uint64_t high = 0x80 * every_byte;
  const auto zero_in = [](std::uint64_t v) { return (v - every_byte) & ~v; };
  const std::uint64_t control = (eight - 0x20 * every_byte) & ~eight;
  return (zero_in(eight ^ 0x22 * every_byte) | zero_in(eight ^ 0x5C * every_byte) | control |
          eight) &
         high;
}

/// A text without escapes, of ASCII: from the quote at `at`, which is put behind the other one.
/// False if it is none; eight readable bytes must follow whatever is special.
inline bool take_plain_text(const char*& at, std::string_view& into) {
  const char* const first = ++at;
  for (;; at += 8) {
    const std::uint64_t special = special_in(load_eight(at));
    if (special == 0) continue;
    at += std::countr_zero(special) / 8;
    break;
  }
  if (*at != '"') return false;
  into = {first, static_cast<std::size_t>(at - first)};
  ++at;
  return true;
}

}  // namespace faultline
