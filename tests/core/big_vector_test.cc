#include "harness/core/big_vector.h"

#include <cstdint>
#include <new>
#include <numeric>

#include <doctest/doctest.h>

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

#if !FAULTLINE_ASAN  // which ends the program instead
TEST_CASE("big vector: more than there is, is bad_alloc") {
  BigAllocator<std::uint64_t> allocator;
  CHECK_THROWS_AS((void)allocator.allocate(std::size_t{1} << 61), std::bad_alloc);
  CHECK_THROWS_AS((void)allocator.allocate(std::size_t{1} << 58), std::bad_alloc);
}
#endif

}  // namespace
}  // namespace faultline
