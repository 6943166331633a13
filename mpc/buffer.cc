#include "mpc/buffer.h"

#include <cstdint>
#include <cstdlib>
#include <new>

#include <sys/mman.h>

namespace mpc {
namespace {
constexpr std::size_t huge_page = std::size_t{2} << 20;
constexpr std::size_t cache_line = 64;

/// Memory that begins at a huge page; null if there is none.
void* map_huge(std::size_t bytes) {
  auto* const mapped = mmap(nullptr, bytes + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  auto* const first = static_cast<char*>(mapped);
  const auto before = (huge_page - reinterpret_cast<std::uintptr_t>(first) % huge_page) % huge_page;
  if (before != 0) munmap(first, before);
  if (before != huge_page) munmap(first + before + bytes, huge_page - before);
  madvise(first + before, bytes, MADV_HUGEPAGE);  // advice: a refusal costs speed only
  return first + before;
}
}  // namespace

void Buffer::Release::operator()(Word* words) const {
  if (mapped_bytes == 0) {
    std::free(words);
  } else {
    munmap(words, mapped_bytes);
  }
}

void Buffer::reserve(std::size_t words) {
  if (words <= capacity_) return;
  data_.reset();
  capacity_ = 0;
  // A quarter more than asked for, so that slowly growing rounds do not allocate every time.
  const auto wanted = (words + words / 4) * sizeof(Word);
  const bool large = wanted >= 2 * huge_page;
  const auto alignment = large ? huge_page : cache_line;
  const auto bytes = (wanted + alignment - 1) / alignment * alignment;
  auto* memory = static_cast<Word*>(large ? map_huge(bytes) : std::aligned_alloc(alignment, bytes));
  if (memory == nullptr) throw std::bad_alloc();
  data_ = {memory, Release{large ? bytes : 0}};
  capacity_ = bytes / sizeof(Word);
}

void discard(const Word* from, std::size_t words) {
  const auto begin = (reinterpret_cast<std::uintptr_t>(from) + huge_page - 1) / huge_page * huge_page;
  const auto end = reinterpret_cast<std::uintptr_t>(from + words) / huge_page * huge_page;
  // Advice: a refusal costs memory only.
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace mpc
