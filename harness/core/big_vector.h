// Vectors for arrays of many megabytes that are made, filled and thrown away: their memory comes in
// huge pages where the kernel has them (madvise(2), MADV_HUGEPAGE), so that touching it for the
// first time costs one page fault per 2 MiB instead of 512. Small ones are ordinary vectors.
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

#include <sys/mman.h>

namespace faultline {

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
    // One page more than needed, so that a whole number of them can be cut out.
    const std::size_t whole = rounded(bytes) + page;
    void* const memory =
        mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    char* const first = static_cast<char*>(memory);
    const std::size_t before = (page - reinterpret_cast<std::uintptr_t>(first) % page) % page;
    if (before > 0) munmap(first, before);
    if (before < page) munmap(first + whole - (page - before), page - before);
    (void)madvise(first + before, rounded(bytes), MADV_HUGEPAGE);  // else there are small pages
    return reinterpret_cast<T*>(first + before);
  }
  void deallocate(T* memory, std::size_t count) {
    if (count * sizeof(T) < big)
      ::operator delete(memory);
    else
      munmap(static_cast<void*>(memory), rounded(count * sizeof(T)));
  }

  friend bool operator==(BigAllocator, BigAllocator) { return true; }

 private:
  static constexpr std::size_t page = std::size_t{2} << 20;
  static constexpr std::size_t big = FAULTLINE_ASAN ? static_cast<std::size_t>(-1) : 2 * page;
  static std::size_t rounded(std::size_t bytes) { return (bytes + page - 1) / page * page; }
};

template <typename T>
using BigVector = std::vector<T, BigAllocator<T>>;

}  // namespace faultline
