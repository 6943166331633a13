#include "mpc/buffer.h"

#include <cstdint>
#include <cstdlib>
#include <new>

#include <sys/mman.h>

namespace mpc {
namespace {
constexpr std::size_t huge_page = std::size_t{2} << 20;
constexpr std::size_t cache_line = 64;

struct Mapped {
  void* memory = nullptr;  ///< null: there is none
  std::size_t bytes = 0;   ///< with what lies behind
};

/// `bytes` bytes from the beginning of a huge page on, and at least a page behind them that nobody may touch.
Mapped map_huge(std::size_t bytes) {
  auto* const mapped = mmap(nullptr, bytes + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return {};
  const auto before = (huge_page - reinterpret_cast<std::uintptr_t>(mapped) % huge_page) % huge_page;
  if (before != 0) munmap(mapped, before);
  auto* const memory = static_cast<char*>(mapped) + before;
  mprotect(memory + bytes, huge_page - before, PROT_NONE);
  madvise(memory, bytes, MADV_HUGEPAGE);  // advice: a refusal costs speed only
  return {memory, bytes + huge_page - before};
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
  const auto mapped = large ? map_huge(bytes) : Mapped{std::aligned_alloc(alignment, bytes)};
  if (mapped.memory == nullptr) throw std::bad_alloc();
  data_ = {static_cast<Word*>(mapped.memory), Release{mapped.bytes}};
  capacity_ = bytes / sizeof(Word);
}

void discard(const Word* from, std::size_t words) {
  const auto begin = (reinterpret_cast<std::uintptr_t>(from) + huge_page - 1) / huge_page * huge_page;
  const auto end = reinterpret_cast<std::uintptr_t>(from + words) / huge_page * huge_page;
  // Advice: a refusal costs memory only.
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace mpc
