#include "harness/core/big_vector.h"

#include <cstdint>
#include <fstream>
#include <new>
#include <numeric>
#include <vector>

#include <doctest/doctest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace faultline {
namespace {

TEST_CASE("big vector: what it holds stays whole while it grows from small to huge") {
  BigVector<std::uint32_t> numbers;
  for (std::uint32_t i = 0; i < 3'000'000; ++i) numbers.push_back(i);  // 12 MB
  std::uint64_t wrong = 0;
  for (std::uint32_t i = 0; i < numbers.size(); ++i) wrong += numbers[i] != i;
  CHECK(wrong == 0);
  BigVector<std::uint32_t> copy = numbers;
  const BigVector<std::uint32_t> moved = std::move(numbers);
  CHECK(moved == copy);
  copy.assign(5'000'000, 7);
  CHECK(std::accumulate(copy.begin(), copy.end(), std::uint64_t{0}) == 35'000'000);
  copy = {1, 2};
  copy.shrink_to_fit();
  CHECK(copy == BigVector<std::uint32_t>{1, 2});
}

TEST_CASE("big vector: sizes of every remainder are given back whole") {
  // A part that stayed mapped would not be noticed here; one given back too much would: by whoever
  // has it.
  for (std::size_t bytes = (4u << 20) - 2; bytes < (4u << 20) + 3; ++bytes) {
    const BigVector<char> a(bytes, 'a'), b(bytes, 'b');
    {
      const BigVector<char> c(bytes, 'c');
      CHECK(c.back() == 'c');
    }
    CHECK(a.front() == 'a');
    CHECK(a.back() == 'a');
    CHECK(b.front() == 'b');
    CHECK(b.back() == 'b');
  }
}

bool is_mapped(void* page_begin) {
  unsigned char resident = 0;
  return ::mincore(page_begin, 4096, &resident) == 0;
}

TEST_CASE("big memory: whole pages are cut out of what is mapped, and nothing beside them stays") {
  const auto mapped = [] {
    std::ifstream file("/proc/self/statm");
    std::size_t pages = 0;
    file >> pages;
    return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  };
  using big_memory::page;
  constexpr std::size_t count = 64;
  big_memory::drop_kept();
  std::vector<void*> blocks;
  blocks.reserve(count);
  const std::size_t before = mapped();
  for (std::size_t i = 0; i < count; ++i) {
    blocks.push_back(big_memory::take(page));
    CHECK(reinterpret_cast<std::uintptr_t>(blocks.back()) % page == 0);
  }
  // The page more that each was mapped with would be as much again.
  CHECK(mapped() - before < count * page + count / 4 * page);
  for (void* block : blocks) big_memory::give_back(block, page);
  big_memory::drop_kept();
  CHECK(mapped() <= before + page);
}

TEST_CASE("big memory: what is given back is taken again, in parts and joined, up to a bound") {
  using big_memory::page;
  big_memory::drop_kept();
  REQUIRE(big_memory::kept() == 0);
  constexpr std::size_t pages = 30;
  char* const first = static_cast<char*>(big_memory::take(pages * page));
  REQUIRE(reinterpret_cast<std::uintptr_t>(first) % page == 0);
  first[0] = first[pages * page - 1] = 'x';
  big_memory::give_back(first, pages * page);
  CHECK(big_memory::kept() == pages * page);

  SUBCASE("a part, and what is left of it") {
    void* const whole = big_memory::take(pages * page);
    CHECK(whole == first);
    CHECK(big_memory::kept() == 0);
    big_memory::give_back(first, page);
    big_memory::give_back(first + 2 * page, (pages - 2) * page);
    // In between is still taken: neither can be had with it.
    void* const other = big_memory::take((pages - 1) * page);
    CHECK((other < first || other >= first + pages * page));
    big_memory::give_back(other, (pages - 1) * page);
    big_memory::give_back(first + page, page);
    CHECK(big_memory::take(pages * page) == first);
    big_memory::give_back(first, pages * page);
  }
  SUBCASE("the smallest that suffices") {
    char* const whole = static_cast<char*>(big_memory::take(pages * page));
    big_memory::give_back(whole, 20 * page);
    big_memory::give_back(whole + 21 * page, 9 * page);
    CHECK(big_memory::take(8 * page) == whole + 21 * page);
    CHECK(big_memory::take(page) == whole + 29 * page);  // What the cut left.
    big_memory::give_back(whole + 29 * page, page);
    CHECK(big_memory::take(2 * page) == whole);
    big_memory::give_back(whole + 21 * page, 8 * page);
    big_memory::give_back(whole, 2 * page);
    big_memory::give_back(whole + 20 * page, page);
  }
  SUBCASE("no more than the bound") {
    const std::size_t much = big_memory::kept_max + page;
    void* const memory = big_memory::take(much);
    big_memory::give_back(memory, much);
    CHECK(big_memory::kept() <= big_memory::kept_max);
  }
  SUBCASE("no more than the bound in several blocks, whatever was kept before") {
    constexpr std::size_t half = big_memory::kept_max / 2;
    void *const one = big_memory::take(half), *const other = big_memory::take(half);
    big_memory::give_back(one, half);
    CHECK(big_memory::kept() == pages * page + half);
    big_memory::give_back(other, half);
    CHECK(big_memory::kept() == pages * page + half);
    CHECK_FALSE(is_mapped(other));
    CHECK(is_mapped(one));
  }
  CHECK(big_memory::kept() >= pages * page);
  big_memory::drop_kept();
  CHECK(big_memory::kept() == 0);
}

#if !FAULTLINE_ASAN  // which ends the program instead
TEST_CASE("big vector: more than there is, is bad_alloc") {
  BigAllocator<std::uint64_t> allocator;
  CHECK_THROWS_AS((void)allocator.allocate(std::size_t{1} << 61), std::bad_alloc);
  CHECK_THROWS_AS((void)allocator.allocate(std::size_t{1} << 58), std::bad_alloc);
}
#endif

}  // namespace
}  // namespace faultline
