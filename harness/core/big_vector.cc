#include "harness/core/big_vector.h"

#include <iterator>
#include <map>
#include <mutex>

#include <sys/mman.h>

namespace faultline::big_memory {
namespace {

void* map_pages(std::size_t bytes) {
  // One page more than needed, so that a whole number of them can be cut out.
  const std::size_t whole = bytes + page;
  void* const memory =
      mmap(nullptr, whole, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  char* const first = static_cast<char*>(memory);
  const std::size_t before = (page - reinterpret_cast<std::uintptr_t>(first) % page) % page;
  if (before > 0) munmap(first, before);
  if (before < page) munmap(first + whole - (page - before), page - before);
  (void)madvise(first + before, bytes, MADV_HUGEPAGE);  // else there are small pages
  return first + before;
}

/// Blocks that were given back, by address; neighbours are one block.
class Shelf {
 public:
  /// The smallest that suffices, cut to size; nullptr if there is none.
  void* take(std::size_t bytes) {
    const std::lock_guard lock(mutex_);
    auto best = blocks_.end();
    for (auto at = blocks_.begin(); at != blocks_.end(); ++at)
      if (at->second >= bytes && (best == blocks_.end() || at->second < best->second)) best = at;
    if (best == blocks_.end()) return nullptr;
    char* const memory = best->first;
    auto block = blocks_.extract(best);
    kept_ -= bytes;
    if (block.mapped() > bytes) {
      block.key() = memory + bytes;
      block.mapped() -= bytes;
      blocks_.insert(std::move(block));
    }
    return memory;
  }

  /// False if that would be too much, or cannot be noted.
  bool give_back(char* memory, std::size_t bytes) noexcept try {
    const std::lock_guard lock(mutex_);
    if (kept_ + bytes > kept_max) return false;
    auto at = blocks_.emplace(memory, bytes).first;
    kept_ += bytes;
    if (const auto next = std::next(at); next != blocks_.end() && memory + bytes == next->first) {
      at->second += next->second;
      blocks_.erase(next);
    }
    if (at != blocks_.begin()) {
      const auto before = std::prev(at);
      if (before->first + before->second == at->first) {
        before->second += at->second;
        blocks_.erase(at);
      }
    }
    return true;
  } catch (const std::bad_alloc&) {
    return false;
  }

  std::size_t kept() noexcept {
    const std::lock_guard lock(mutex_);
    return kept_;
  }

  void drop() noexcept {
    const std::lock_guard lock(mutex_);
    for (const auto& [memory, bytes] : blocks_) munmap(memory, bytes);
    blocks_.clear();
    kept_ = 0;
  }

 private:
  std::mutex mutex_;
  std::map<char*, std::size_t> blocks_;
  std::size_t kept_ = 0;
};

Shelf& shelf() {
  // Never destroyed: what lives as long as the program gives back after it.
  static Shelf& only = *new Shelf;
  return only;
}

}  // namespace

void* take(std::size_t bytes) {
  void* const memory = shelf().take(bytes);
  return memory != nullptr ? memory : map_pages(bytes);
}

void give_back(void* memory, std::size_t bytes) noexcept {
  if (!shelf().give_back(static_cast<char*>(memory), bytes)) munmap(memory, bytes);
}

std::size_t kept() noexcept { return shelf().kept(); }
void drop_kept() noexcept { shelf().drop(); }

}  // namespace faultline::big_memory
