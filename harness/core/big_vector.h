// Vectors for arrays of many megabytes that are made, filled and thrown away: their memory comes in
// huge pages where the kernel has them (madvise(2), MADV_HUGEPAGE), so that touching it for the
// first time costs one page fault per 2 MiB instead of 512. What is thrown away is kept for the
// next, up to a bound: a page that was touched before costs nothing. Small ones are ordinary
// vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <new>
#include <vector>

// AddressSanitizer knows nothing of what is mapped by hand: under it, all memory comes from new.
#if defined(__SANITIZE_ADDRESS__)
#define FAULTLINE_ASAN 1
#elif defined(__has_feature)
#define FAULTLINE_ASAN __has_feature(address_sanitizer)
#else
#define FAULTLINE_ASAN 0
#endif

namespace faultline {

/// Whole huge pages; any thread may call.
namespace big_memory {
inline constexpr std::size_t page = std::size_t{2} << 20;
/// What is kept of what was given back: about what the check of a million transactions takes.
inline constexpr std::size_t kept_max = std::size_t{256} << 20;
/// `bytes` of memory, a multiple of `page`, with anything in it. Throws std::bad_alloc.
void* take(std::size_t bytes);
/// Of a block that was taken, with its size.
void give_back(void* memory, std::size_t bytes) noexcept;
std::size_t kept() noexcept;  ///< Bytes.
void drop_kept() noexcept;    ///< Back to the kernel with it.
}  // namespace big_memory

/// Stateless. Throws std::bad_alloc.
template <typename T>
struct BigAllocator {
  using value_type = T;

  BigAllocator() = default;
  template <typename U>
  BigAllocator(const BigAllocator<U>&) {}

  T* allocate(std::size_t count) {
    if (count > static_cast<std::size_t>(-1) / 2 / sizeof(T)) throw std::bad_alloc();
    const std::size_t bytes = count * sizeof(T);
    if (bytes < big) return static_cast<T*>(::operator new(bytes));
    return static_cast<T*>(big_memory::take(rounded(bytes)));
  }
  void deallocate(T* memory, std::size_t count) {
    if (count * sizeof(T) < big)
      ::operator delete(memory);
    else
      big_memory::give_back(memory, rounded(count * sizeof(T)));
  }

  friend bool operator==(BigAllocator, BigAllocator) { return true; }

 private:
  static constexpr std::size_t big =
      FAULTLINE_ASAN ? static_cast<std::size_t>(-1) : 2 * big_memory::page;
  static std::size_t rounded(std::size_t bytes) {
    return (bytes + big_memory::page - 1) / big_memory::page * big_memory::page;
  }
};

template <typename T>
using BigVector = std::vector<T, BigAllocator<T>>;

}  // namespace faultline
